"""Reads settings: finds ansible.cfg, asks the environment, gives each value its type.

Knows stock's names for the settings in `Settings`, where it looks for them and what it makes
of texts. Leaves the names of settings we do not honour to `unbuilt`.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from outlast.errors import SettingsError
from outlast.outcome import Deprecated, Warned
from outlast.settings import Settings
from outlast.settings.names import SETTINGS, Setting
from outlast.settings.own import OWN, SECTION

Ini: TypeAlias = Mapping[str, Mapping[str, str]]

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?", re.IGNORECASE)
_UNITS: Final = ("", "k", "m", "g", "t", "p")
_TRUE: Final = frozenset(("y", "yes", "on", "1", "true", "t"))
_PUBLIC_FOLDER: Final = (
    "Ansible is being run in a world writable directory (%s), ignoring it as an ansible.cfg source."
    " For more information see"
    " https://docs.ansible.com/ansible/devel/reference_appendices/config.html"
    "#cfg-in-world-writable-dir"
)


def read(environ: Mapping[str, str], cwd: str) -> Settings:
    """Give the settings for *environ* in *cwd*; raises `SettingsError`."""
    path, told = _find(environ, cwd)
    ini = _parse(path) if path is not None else {}
    values: dict[str, object] = {}
    for setting in (*SETTINGS, *OWN):
        value = _read(setting, environ, ini, path, cwd)
        if value is not None:
            values[setting.field] = value
    if "home" in values:
        values = {**_below(str(values["home"])), **values}
    return Settings(
        config_file=path,
        notices=(*map(Warned, told), *_outdated(environ, ini)),
        ignored=_ignored(environ, ini),
        **values,  # type: ignore[arg-type]  # each was given its type by the table
    )


def _below(home: str) -> dict[str, object]:
    """Give what lies in the user's folder where nobody says otherwise."""
    usual = Settings()
    return {
        "roles_path": (f"{home}/roles", *usual.roles_path[1:]),
        "collections_path": (f"{home}/collections", *usual.collections_path[1:]),
        "control_path_dir": f"{home}/cp",
    }


def _find(environ: Mapping[str, str], cwd: str) -> tuple[str | None, tuple[str, ...]]:
    named = environ.get("ANSIBLE_CONFIG")
    places = []
    if named is not None:
        named = _path(named, cwd, environ)
        if Path(named).is_dir():
            named = f"{named}/ansible.cfg"
        places.append(named)
    here = f"{cwd}/ansible.cfg"
    public = _is_public(cwd)
    if not public:
        places.append(here)
    places += [_path("~/.ansible.cfg", cwd, environ), "/etc/ansible/ansible.cfg"]
    path = next((place for place in places if os.access(place, os.R_OK)), None)
    passed_over = public and (path is None or path != named) and Path(here).exists()
    return path, (_PUBLIC_FOLDER % cwd,) if passed_over else ()


def _is_public(folder: str) -> bool:
    try:
        return bool(Path(folder).stat().st_mode & stat.S_IWOTH)
    except OSError:
        return True  # what cannot be looked at is not read either


def _parse(path: str) -> Ini:
    import configparser  # noqa: PLC0415  # most runs have no file

    extension = Path(path).suffix
    if extension not in (".ini", ".cfg"):
        raise SettingsError(f"Unsupported configuration file extension for {path}: {extension}")
    parser = configparser.ConfigParser(inline_comment_prefixes=(";",), interpolation=None)
    try:
        parser.read_string(Path(path).read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"Error reading config file({path}) because the config file was not utf8 encoded:"
            f" {error}"
        ) from error
    except configparser.Error as error:
        raise SettingsError(f"Error reading config file ({path}): {error}") from error
    return parser


def _read(
    setting: Setting, environ: Mapping[str, str], ini: Ini, path: str | None, cwd: str
) -> object:
    """Give the value of *setting*, None when nobody made it."""
    for name in reversed(setting.variables):
        text = environ.get(name)
        if text is not None and not (text == "" and setting.type in _NUMBERS):
            return _typed(setting, text, f"env: {name}", cwd, environ)
    for section, key in reversed(setting.places):
        if section in ini and key in ini[section]:
            text = _unquoted(ini[section][key])
            return _typed(setting, text, str(path), str(Path(str(path)).parent), environ)
    return None


def _typed(
    setting: Setting, text: str, origin: str, folder: str, environ: Mapping[str, str]
) -> object:
    match setting.type:
        case "boolean":
            return text.lower().strip() in _TRUE
        case "integer" | "count" | "size":
            return _NUMBERS[setting.type](setting, text, origin)
        case "hook":
            return _hook(setting, text, origin)
        case "path":
            return _path(text, folder, environ)
        case "pathlist":
            return tuple(_path(part.strip(), folder, environ) for part in text.split(","))
        case "pathspec":
            return tuple(_path(part, folder, environ) for part in text.split(os.pathsep))
        case "list":
            return tuple(_unquoted(part.strip()) for part in text.split(","))
        case _:
            return _chosen(setting, text)


def _integer(setting: Setting, text: str, origin: str) -> int:
    try:
        return int(text) if not text.endswith(".0") else int(text.removesuffix(".0"))
    except ValueError as error:
        raise _invalid(setting, "integer", text, origin) from error


def _count(setting: Setting, text: str, origin: str) -> int:
    if not text.strip().isdecimal():
        raise _invalid(setting, "number from 0 on", text, origin)
    return int(text)


def _size(setting: Setting, text: str, origin: str) -> int:
    """Give the bytes that 4096, 64K, 512M or 1.5 GB are."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise _invalid(setting, "number of bytes, as 512M", text, origin)
    return int(float(found[1]) * 1024 ** _UNITS.index(found[2].lower()))


def _hook(setting: Setting, text: str, origin: str) -> str:
    """Give a command line or a URL; what is wrong with it is said without it: it may be secret."""
    text = text.strip()
    is_url = text.lower().startswith(("http://", "https://"))
    fault = _fault_of_url(text) if is_url else _fault_of_command(text)
    if fault:
        raise SettingsError(f"Config {setting.label} from '{origin}' has an invalid value: {fault}")
    return text


def _fault_of_command(text: str) -> str:
    try:
        shlex.split(text)
    except ValueError as error:
        return f"this is no command line: {error}"
    return ""


def _fault_of_url(text: str) -> str:
    try:
        url = urlsplit(text)
        host, user, _port = url.hostname, url.username, url.port
    except ValueError:  # not quoted: it would quote the URL
        host = user = None
    if user is not None:
        return "a hook's URL holds no user and no password"
    return "" if host else "this is no URL of a host"


_NUMBERS: Final = {"integer": _integer, "count": _count, "size": _size}


def _invalid(setting: Setting, kind: str, text: str, origin: str) -> SettingsError:
    return SettingsError(
        f"Config {setting.label} from '{origin}' has an invalid value:"
        f" Invalid value provided for '{kind}': {text!r}"
    )


def _chosen(setting: Setting, text: str) -> str:
    if setting.choices and text not in setting.choices:
        raise SettingsError(
            f"Invalid value {text!r} for config {setting.label}."
            f" Valid values are: {', '.join(setting.choices)}"
        )
    return text


def _path(text: str, folder: str, environ: Mapping[str, str]) -> str:
    text = text.replace("{{CWD}}", str(Path.cwd()))
    text = re.sub(r"\$(\w+|\{\w+\})", lambda name: environ.get(name[1].strip("{}"), name[0]), text)
    if "HOME" in environ and (text == "~" or text.startswith("~/")):
        text = environ["HOME"] + text[1:]
    return os.path.normpath(Path(folder) / Path(text).expanduser())


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and text[-2] != "\\"
    return text[1:-1] if quoted else text


def _ignored(environ: Mapping[str, str], ini: Ini) -> tuple[str, ...]:
    """Give the settings that were made and change nothing here, as they were written."""
    known = {name for setting in SETTINGS for name in setting.variables}
    made = _misspelt(ini)
    names = [name for name in environ if name.startswith("ANSIBLE_") and name not in known]
    if not names and not ini:
        return tuple(made)
    from outlast.settings.unbuilt import UNBUILT  # noqa: PLC0415  # only for who sets such things

    for env, section, key, default in UNBUILT:
        if env in names and environ[env].strip().lower() not in ("", default):
            made.append(env)
        elif _made_in(ini, section, key, default):
            made.append(f"[{section}] {key}")
    return tuple(made)


def _outdated(environ: Mapping[str, str], ini: Ini) -> tuple[Deprecated, ...]:
    """Give what is to be said of settings that stock has given up."""
    if not ini and not any(name.startswith("ANSIBLE_") for name in environ):
        return ()
    from outlast.settings.outdated import outdated  # noqa: PLC0415  # only for who sets anything

    def is_made(env: str, section: str, key: str) -> bool:
        return env in environ or (section in ini and key in ini[section])

    return outdated(is_made)


def _misspelt(ini: Ini) -> list[str]:
    """Give what stands in our section and is no setting of ours."""
    known = {place for setting in OWN for place in setting.places}
    keys = ini[SECTION] if SECTION in ini else ()  # noqa: SIM401  # a parser's `get` is another
    return [f"[{SECTION}] {key}" for key in keys if (SECTION, key) not in known]


def _made_in(ini: Ini, section: str, key: str, default: str) -> bool:
    if section not in ini or key not in ini[section]:
        return False
    return _unquoted(ini[section][key]).strip().lower() != default
