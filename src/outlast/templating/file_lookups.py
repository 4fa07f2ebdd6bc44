"""Lookups that read the controller: files, templates, globs, and what a command prints."""

from __future__ import annotations

import datetime as dt
import glob
import os
import pwd
import re
import time
from pathlib import Path
from typing import Any

from outlast.errors import EvaluationError, VaultError
from outlast.outcome import Deprecated, Warned
from outlast.templating.asking import Asked, Lookup
from outlast.templating.explaining import because
from outlast.templating.finding import basedir, find_file, search_path
from outlast.templating.markers import Marker, Missing
from outlast.templating.plugins import refused
from outlast.templating.running import Layered
from outlast.templating.views import plain, type_name
from outlast.values import Origin, Template

_DELIMITERS = (
    "variable_start_string", "variable_end_string", "comment_start_string", "comment_end_string",
    "block_start_string", "block_end_string", "trim_blocks", "lstrip_blocks",
)  # fmt: skip  # a table is read by columns


def file(asked: Asked) -> list[Any]:
    """Give files' contents."""
    result = []
    for term in asked.terms:
        path = find_file(asked.scope, "files", _name(term))
        try:
            if path is None:
                raise refused("File not found. Use -vvvvv to see paths searched.")
            text = _read(asked, path)
        except EvaluationError as error:
            raise because(f"Unable to access the file {term!r}.", None, error) from error
        if asked.options.get("lstrip", False):
            text = text.lstrip()
        result.append(text.rstrip() if asked.options.get("rstrip", True) else text)
    return result


def _read(asked: Asked, path: str) -> str:
    try:
        return asked.core.vault.opened(Path(path).read_bytes(), path).decode("utf-8")
    except VaultError as error:
        raise EvaluationError(error.message, error.origin, causes=error.causes) from error
    except (OSError, UnicodeDecodeError) as error:
        raise refused(
            f"An error occurred while trying to read the file {path!r}: {error}"
        ) from error


def unvault(asked: Asked) -> list[Any]:
    """Give the contents of files, encrypted or not, to the last newline."""
    result = []
    for term in asked.terms:
        path = _expected(asked, "files", _name(term))
        if path is None:
            raise refused(f'Unable to find file matching "{term}"')
        result.append(_read(asked, path))
    return result


def template(asked: Asked) -> list[Any]:
    """Give template files' values."""
    return [_rendered(asked, _name(term)) for term in asked.terms]


def _rendered(asked: Asked, term: str) -> Any:
    path = _expected(asked, "templates", term)
    if path is None:
        raise refused(f"the template file {term} could not be found for the lookup")
    folders = [str(Path(path).parent)]
    for folder in search_path(asked.scope):
        folders += [f"{folder}/templates", folder]
    extra = template_variables(path, term, asked.core.managed) | dict(
        asked.options.get("template_vars") or {}
    )
    if "ansible_managed" in asked.scope:
        extra.pop("ansible_managed", None)
    options = {name: asked.options[name] for name in _DELIMITERS if name in asked.options}
    scope = Layered(asked.scope, extra)
    return plain(
        asked.core.file(_read(asked, path), scope, Origin(path, 1, 1), tuple(folders), options)
    )


def _name(term: Any) -> str:
    """Give a file's name, which has to be text; says of all else what stock says."""
    if not isinstance(term, str):
        raise refused(f"{type_name(term)!r} object has no attribute 'startswith'")
    return term


def _expected(asked: Asked, subfolder: str, name: str) -> str | None:
    """Find a file or folder; where there is none, warn of it and give None."""
    path = find_file(asked.scope, subfolder, name)
    if path is None:
        asked.notify(Warned(f"Unable to find '{name}' in expected paths (use -vvvvv to see paths)"))
    return path


def template_variables(
    path: str, term: str, managed: str, destination: str | None = None
) -> dict[str, object]:
    """Give the variables stock adds for a template file (`template_host` and its like).

    *managed* is what was configured as `ansible_managed`.
    """
    full = os.path.abspath(path)  # noqa: PTH100  # text in, text out
    state = Path(full).stat()
    try:
        owner: object = pwd.getpwuid(state.st_uid).pw_name
    except KeyError:
        owner = state.st_uid
    return {
        "template_host": os.uname().nodename,
        "template_path": term,
        "template_mtime": dt.datetime.fromtimestamp(state.st_mtime),  # as stock
        "template_uid": owner,
        "template_run_date": dt.datetime.now(),  # as stock: local time
        "template_destpath": destination,
        "template_fullpath": full,
        "ansible_managed": _managed(managed, state.st_mtime),
    }


def _managed(text: str, changed: float) -> Template | str:
    """Give the remark for files that are managed; the time in it is that of the template."""
    names = {name: f"{{{{ template_{name} }}}}" for name in ("host", "uid")}
    try:
        named = text.format(**names, file="{{ template_path }}")
    except (LookupError, ValueError) as error:
        raise refused(f"the setting ansible_managed cannot be used: {text!r}") from error
    named = time.strftime(named, time.localtime(changed))
    return Template(named, Origin("ansible.cfg")) if "{{" in named else named


def fileglob(asked: Asked) -> list[Any]:
    """Give the files that match patterns, from the first folder that has any."""
    result: list[Any] = []
    for term in asked.terms:
        if not isinstance(term, str):
            kind = type_name(term)
            raise refused(f"expected str, bytes or os.PathLike object, not {kind}")
        folder, pattern = os.path.split(term)
        if folder:
            found = _expected(asked, "files", folder)
            folders = [found] if found else []
        else:
            folders = [f for path in search_path(asked.scope) for f in (f"{path}/files", path)]
        for candidate in folders:
            hits = glob.glob(os.path.join(candidate, pattern))  # noqa: PTH118, PTH207  # order
            files = [hit for hit in hits if Path(hit).is_file()]
            if files:
                result += files
                break
    return result


def pipe(asked: Asked) -> list[Any]:
    """Give what commands print."""
    return [_output(asked, str(term), "pipe").decode().rstrip() for term in asked.terms]


def lines(asked: Asked) -> list[Any]:
    """Give the lines that commands print."""
    result: list[Any] = []
    for term in asked.terms:
        if not isinstance(term, str):
            raise refused(f"{type_name(term)!r} object is not iterable")
        result += [line.decode() for line in _output(asked, term, "lines").splitlines()]
    return result


def _output(asked: Asked, command: str, name: str) -> bytes:
    import subprocess  # noqa: PLC0415  # few playbooks pipe

    done = subprocess.run(  # noqa: S602  # the lookup's purpose: the author wrote the command
        command,
        shell=True,  # the lookup's purpose: the playbook's author wrote the command
        cwd=basedir(asked.scope),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # as stock: its workers have no terminal
        check=False,
    )
    if done.returncode:
        raise refused(f"lookup_plugin.{name}({command}) returned {done.returncode}")
    return done.stdout


def first_found(asked: Asked) -> list[Any]:
    """Give the first of the named files that exists."""
    for value in asked.options.values():
        if isinstance(value, Marker):
            value.trip()
    options = dict(asked.options)
    terms = _without_missing(asked.terms, drop=bool(asked.action))
    subfolder = _subfolder(asked.action)
    for name in _searched(asked, terms or options.get("files") or [], options):
        path = find_file(asked.scope, subfolder, name)
        if path is not None:
            return [os.path.abspath(path)]  # noqa: PTH100  # links are not followed
    if options.get("skip"):
        return []
    raise refused("No file was found when using first_found.")


def _subfolder(action: str) -> str:
    """Give the folder a `with_first_found` task looks in, by its action's name."""
    if not action:
        return ""
    return next((f"{kind}s" for kind in ("template", "var") if kind in action), "files")


def _searched(asked: Asked, terms: list[Any], options: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for term in terms:
        if isinstance(term, dict):
            # A dict's options hold for what follows too, as in stock.
            options.update(term)
            names = _split(asked, "the 'files' option", _members(options.get("files")), ",;")
        elif isinstance(term, str):
            names = _split(asked, "files", [term], ",;")
        elif isinstance(term, list):
            found += _searched(asked, term, options)
            continue
        else:
            raise refused(
                "Invalid term supplied. A string, dict or list is required, "
                f"not {type_name(term)!r})."
            )
        folders = _split(asked, 'the "paths" option', _members(options.get("paths")), ",:;")
        joined = [os.path.join(folder, name) for folder in folders for name in names]  # noqa: PTH118
        found += joined or names
    return found


def _members(given: Any) -> list[Any]:
    """Give an option that is a list; text is taken apart at its commas."""
    if isinstance(given, str):
        return [part.strip() for part in given.split(",")]
    return given or []


def _split(asked: Asked, what: str, given: list[Any], marks: str) -> list[str]:
    result = []
    for text in given:
        parts = re.split(f"[{re.escape(marks)}]", str(text))
        if len(parts) > 1:
            asked.notify(
                Deprecated(
                    f"Automatic splitting of {what} on {marks!r} is deprecated.",
                    "This feature will be removed from lookup plugin 'first_found' in"
                    " ansible-core version 2.23.",
                    None if asked.action else asked.origin,
                    help_text=f"Provide a list of paths for {what} instead.",
                )
            )
        result += parts
    return result


def _without_missing(value: Any, *, drop: bool) -> Any:
    """Give *value* plain; what is undefined is dropped in a loop, and refused elsewhere."""
    if isinstance(value, dict):
        return {
            key: _without_missing(member, drop=drop)
            for key, member in value.items()
            if not (drop and isinstance(member, Missing))
        }
    if isinstance(value, list | tuple):
        return [
            _without_missing(member, drop=drop)
            for member in value
            if not (drop and isinstance(member, Missing))
        ]
    if isinstance(value, Marker):
        value.trip()
    return value


def file_lookups() -> dict[str, Lookup]:
    """Give these lookups by name."""
    return {
        "file": Lookup(file), "template": Lookup(template), "fileglob": Lookup(fileglob),
        "pipe": Lookup(pipe), "lines": Lookup(lines),
        "unvault": Lookup(unvault), "first_found": Lookup(first_found, takes_markers=True),
    }  # fmt: skip  # a table is read by columns
