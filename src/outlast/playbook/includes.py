"""What `include_tasks` and `import_tasks` say beside a task's keywords.

Knows their options and where an imported file lies. Leaves reading the file to whoever
asks: an import is read at once, an include when the engine comes to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from outlast.errors import Cause, PlaybookError, SourceMissing
from outlast.playbook.calls import Found, short_name
from outlast.playbook.keywords import ALLOWED, Place, check_allowed, not_allowed, type_shown
from outlast.playbook.reading import Text
from outlast.values import Value

_NO_LOOPS = "You cannot use loops on '{}' statements. You should use '{}' instead."


class Options(Struct, frozen=True):
    """Which file, and what is said for all that is in it."""

    file: Value
    apply: Mapping[str, Value]


def read_options(found: Found, text: Text) -> Options:
    """Give the options of an include or import; raises `PlaybookError`."""
    args = found.args
    odd = [name for name in args if name not in ("file", "_raw_params", "apply")]
    if odd:
        raise PlaybookError(
            f"Invalid options for {found.name}: {','.join(map(str, odd))}", text.origin
        )
    file = args.get("_raw_params") or args.get("file")
    if not file:
        raise PlaybookError(f"No file specified for {found.name}", text.origin)
    apply = args.get("apply", {})
    if apply and short_name(found.name) != "include_tasks":
        raise PlaybookError(f"Invalid options for {found.name}: apply", text.origin)
    if not isinstance(apply, dict):
        raise PlaybookError(
            f"Expected a dict for apply but got {type_shown(apply)} instead", text.origin
        )
    return Options(file, apply)


def check_include_words(found: Found, text: Text, place: Place) -> None:
    """Refuse the keywords that mean nothing on a dynamic include, as stock words it."""
    shown = "IncludeRole" if short_name(found.name) == "include_role" else place.value
    words = [key for key in text.entries if key != found.name]
    if found.on_localhost:
        words.append("delegate_to")  # `local_action` is that in other words
    for word in words:
        if word not in ALLOWED[place] and not str(word).startswith("with_"):
            raise PlaybookError(f"'{word}' is not a valid attribute for a {shown}", text.origin)


def check_import_words(
    found: Found, text: Text, place: Place, is_lookup: Callable[[str], bool]
) -> None:
    """Refuse what cannot stand on an import; what means nothing there is no error in stock."""
    short = short_name(found.name)
    no_loops = _NO_LOOPS.format(short, short.replace("import", "include"))
    meant = Place.HANDLER if place is Place.HANDLER_INCLUDE else Place.TASK
    shown = "IncludeRole" if short == "import_role" else place.value
    for key, given in text.entries.items():
        word = str(key)
        if key == found.name:
            continue
        if word.startswith("with_") and is_lookup(word.removeprefix("with_")):
            raise PlaybookError(no_loops, text.origin)
        if key not in ALLOWED[meant]:
            raise not_allowed(key, place, given.key_origin, shown)
        check_allowed(key, meant, given.key_origin)
    if text.value("loop") is not None:
        raise PlaybookError(no_loops, text.origin)


def find_import(file: object, text: Text, folders: Sequence[Path]) -> Path:
    """Give the path of an imported *file*, looked for in *folders*, the nearest first."""
    candidates = [folder / Path(str(file)).expanduser() for folder in folders]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    path = candidates[-1].absolute()
    raise SourceMissing(
        f"Unable to retrieve file contents.\nCould not find or access '{path}' on the Ansible"
        " Controller.\nIf you are using a module and expect the file to exist on the remote, see"
        " the remote_src option",
        text.origin,
        causes=(Cause(f"[Errno 2] No such file or directory: '{path}'"),),
    )
