"""What a role says about itself: `meta/main.yml` and `meta/argument_specs.yml`.

Knows which words may stand there and the task that checks a role's arguments. Leaves
reading the roles it depends on to `roles`, and the check itself to an action.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from outlast.errors import PlaybookError
from outlast.loader import Document, MapNode, SeqNode
from outlast.playbook.conversions import to_bool
from outlast.playbook.early import Early
from outlast.playbook.keywords import did_you_mean
from outlast.playbook.model import ActionCall, Keywords, Role, Task
from outlast.playbook.reading import Text, read
from outlast.playbook.role_entries import Use, entries
from outlast.playbook.role_files import RoleFiles
from outlast.values import Origin, Value

_NULL = "tag:yaml.org,2002:null"
_WORDS = frozenset(
    {"allow_duplicates", "argument_specs", "collections", "dependencies", "galaxy_info"}
)
_VALIDATE = "ansible.builtin.validate_argument_spec"

OpenFile: TypeAlias = Callable[[Path], Document]
"""Gives a file as a document, decrypted if need be."""


class Meta(Struct, frozen=True):
    """What is said of a role."""

    uses: tuple[Use, ...] = ()
    """The roles it depends on; where they are looked for is not said yet."""
    repeats: bool = False
    collections: tuple[str, ...] = ()
    """Where its tasks' short names are looked for first."""
    specs: Mapping[str, Value] = field(default_factory=dict)
    """Argument specifications by entry point."""
    specs_origin: Origin | None = None


def read_meta(files: RoleFiles, open_file: OpenFile, early: Early) -> Meta:
    """Give what the role of *files* says about itself; raises `PlaybookError`."""
    path = files.one("meta")
    document = open_file(path) if path else None
    root = document.root if document else None
    meta = Meta()
    if document is not None and root is not None and root.tag != _NULL:
        if not isinstance(root, MapNode):
            told = f"the 'meta/main.yml' for role {files.role.name} is not a dictionary"
            raise PlaybookError(told)
        meta = _meta(document, root, files, early)
    own = _own_specs(files, open_file)
    return replace(meta, specs=own[0], specs_origin=own[1]) if own else meta


def _meta(document: Document, root: MapNode, files: RoleFiles, early: Early) -> Meta:
    text = read(document, root, ("dependencies",))
    for key, given in text.entries.items():
        if key not in _WORDS:
            told = f"'{key}' is not a valid attribute for a RoleMetadata"
            raise PlaybookError(told, given.key_origin, help_text=did_you_mean(key, _WORDS))
    specs = text.value("argument_specs")
    return Meta(
        uses=_dependencies(document, text, files, early),
        repeats=_flag(text),
        collections=tuple(map(str, text.members("collections"))),
        specs=specs if isinstance(specs, dict) else {},
        specs_origin=text.entries["argument_specs"].key_origin if specs else None,
    )


def _flag(text: Text) -> bool:
    given = text.entries.get("allow_duplicates")
    if given is None or given.value is None:
        return False
    try:
        return to_bool(given.value)
    except ValueError as error:
        raise PlaybookError(str(error), given.origin) from error


def _dependencies(
    document: Document, text: Text, files: RoleFiles, early: Early
) -> tuple[Use, ...]:
    given = text.entries.get("dependencies")
    node = given.node if given else None
    if node is not None and node.tag != _NULL and not isinstance(node, SeqNode):
        if not document.value(node):
            return ()
        raise PlaybookError("Expected role dependencies to be a list.", text.origin)
    return tuple(
        replace(use, beside=files.role.path.parent)
        for use in entries(document, node, text.origin, early)
    )


def _own_specs(files: RoleFiles, open_file: OpenFile) -> tuple[Mapping[str, Value], Origin] | None:
    """Give what `meta/argument_specs.yml` says; None when there is no such file."""
    place = files.role.path / "meta" / "argument_specs"
    endings = (".yml", ".yaml", ".json")
    path = next((p for e in endings if (p := Path(f"{place}{e}")).is_file()), None)
    if path is None:
        return None
    document = open_file(path)
    whole = document.value(document.root) if document.root is not None else None
    specs = whole.get("argument_specs") if isinstance(whole, dict) else None
    return (specs if isinstance(specs, dict) else {}), Origin(str(path), 1)


def validation(
    spec: Mapping[str, Value], entry: str, role: Role, keywords: Keywords, origin: Origin
) -> Task:
    """Give the task that checks what *role* is given, as stock puts it before the others."""
    name = f"Validating arguments against arg spec '{entry}'"
    if "short_description" in spec:
        name += f" - {spec['short_description']}"
    args: dict[str, Value] = {
        "argument_spec": spec.get("options", {}),
        "provided_arguments": dict(role.params),
        "validate_args_context": {
            "type": "role",
            "name": role.name,
            "argument_spec_name": entry,
            "path": role.path,
        },
    }
    return Task(
        name=name,
        action=ActionCall(_VALIDATE, _VALIDATE, args, origin),
        origin=origin,
        keywords=replace(keywords, tags=keywords.tags | {"always"}),
        role=role,
    )
