"""A role where it is named: in a play's `roles`, or among another role's dependencies.

Knows which words of an entry are keywords and which are the role's parameters. Leaves the
role itself to `roles`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct, field

from outlast.errors import Cause, OutlastError, PlaybookError
from outlast.loader import Document, MapNode, Node, SeqNode
from outlast.names import named
from outlast.playbook.early import Early
from outlast.playbook.inheritance import check_vars
from outlast.playbook.keywords import ALLOWED, Place, check_allowed, check_text, type_shown
from outlast.playbook.model import Vars
from outlast.playbook.reading import Text, as_written, read
from outlast.playbook.role_options import RoleWanted
from outlast.values import Origin, Template, Value

_NULL = "tag:yaml.org,2002:null"


class Use(Struct, frozen=True, kw_only=True):
    """One place that uses a role."""

    wanted: RoleWanted
    origin: Origin
    text: Text
    """The keywords that stand on it."""
    params: Vars = field(default_factory=dict)
    vars: Vars = field(default_factory=dict)
    imported: bool = False
    """By a task: then the task says whether the role may be repeated, and it is no play's own."""
    dynamic: bool = False
    beside: Path | None = None
    """The folder that holds the role which depends on this one."""
    collections: tuple[str, ...] = ()
    """Where it is looked for first."""


def entries(document: Document, node: Node | None, origin: Origin, early: Early) -> Iterator[Use]:
    """Yield the uses in a list; *origin* is what has it, and *early* evaluates the roles' names.

    Raises `PlaybookError` or `OutlastError`.
    """
    if node is None or node.tag == _NULL:
        return
    if not isinstance(node, SeqNode):
        value = document.value(node)
        told = f"ds ({as_written(value)}) should be a list but was a {type_shown(value)}"
        raise PlaybookError(
            "A malformed role declaration was encountered.", origin, causes=(Cause(told),)
        )
    for member in node.value:
        read_one = _mapping if isinstance(member, MapNode) else _word
        yield read_one(document, member, early)


def _word(document: Document, node: Node, early: Early) -> Use:
    value, origin = early.name(document.value(node)), document.origin(node)
    if not isinstance(value, str):
        raise PlaybookError("Invalid role definition.", origin)
    if "," in value:
        raise OutlastError(f"Invalid old style role requirement: {value}", origin)
    return Use(wanted=RoleWanted(name=value), origin=origin, text=Text({}, origin))


def _mapping(document: Document, node: MapNode, early: Early) -> Use:
    text = read(document, node)
    name = text.value("role") if "role" in text.entries else text.value("name")
    if name is None and isinstance(source := text.value("src"), str):
        name = _name_of_source(source)
    if not name or not isinstance(name, str | Template):
        raise OutlastError("role definitions must contain a role name", text.origin)
    known = {key: given for key, given in text.entries.items() if key in ALLOWED[Place.ROLE]}
    for key, given in known.items():
        row = check_allowed(key, Place.ROLE, given.key_origin)
        check_text(row.name, row, given.value, text.origin)
    if "vars" in known:
        check_vars(known["vars"], Place.ROLE)
    own = text.value("vars")
    return Use(
        wanted=RoleWanted(name=str(early.name(name))),
        origin=text.origin,
        text=Text({key: given for key, given in known.items() if key != "vars"}, text.origin),
        params={
            named(str(key), given.key_origin): given.value
            for key, given in text.entries.items()
            if key not in known
        },
        vars=own if isinstance(own, dict) else {},
    )


def _name_of_source(source: str) -> str:
    """Give the name that a role has which is fetched from *source* (`ansible-galaxy`'s rule)."""
    parts = source.split(",")
    if len(parts) > 2:  # noqa: PLR2004  # source,version,name
        return parts[2].strip()
    last = parts[0].rstrip("/").rsplit("/", 1)[-1]
    return last.removesuffix(".git").removesuffix(".tar.gz")


def identity(use: Use, name: str, path: str, params: Mapping[str, Value], words: object) -> str:
    """Give what two uses have in common that count as one role in a play.

    *words* are the conditions and tags that stand on the use.
    """
    said = (name, path, dict(params), dict(use.wanted.files), dict(use.vars), use.imported, words)
    return repr(_plain(said))


def _plain(value: object) -> object:
    """Give *value* so that equal ones look equal: templates as text, mappings in order."""
    if isinstance(value, Template):
        return ("template", value.text)
    if isinstance(value, Mapping):
        return sorted((str(key), repr(_plain(member))) for key, member in value.items())
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return value
