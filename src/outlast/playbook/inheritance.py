"""What plays and blocks hand down to what is inside them.

Knows how each keyword's values of several levels become one, by the table in `keywords`.
Leaves the keywords that nobody inherits to the parsers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import replace

from outlast.errors import NotSupportedYet, OutlastError, PlaybookError
from outlast.playbook.keywords import KEYWORDS, Inherit, Place, check_text, check_variable_name
from outlast.playbook.model import Keywords
from outlast.playbook.reading import Given, Text
from outlast.playbook.searching import searched
from outlast.values import Origin, Template, Value, looks_like_template


def handed_down(parent: Keywords, text: Text, place: Place) -> Keywords:
    """Give the keywords that apply to what *text* describes and to all inside it.

    A play's own `vars` are left out: they have a precedence of their own.
    """
    changes: dict[str, object] = {}
    for name, given in text.entries.items():
        row = KEYWORDS.get(name) if isinstance(name, str) else None
        if row is None or not row.built or row.inherit is Inherit.OWN:
            continue
        check_text(row.name, row, given.value, text.origin)
        if row.name == "vars":
            check_vars(given, place)
            if place is not Place.PLAY:
                changes["vars"] = _more_vars(parent, given)
        else:
            join = _JOINED.get(row.name)
            changes[row.name] = join(parent, given) if join else given.value
            if row.name == "tags":
                changes["late_tags"] = (*parent.late_tags, *_late_tags(given))
    if not changes:
        return parent
    nearest = [
        name for name in changes if name in KEYWORDS and KEYWORDS[name].inherit is Inherit.NEAREST
    ]
    places = {name: text.entries[name].origin for name in nearest}
    outer = {name: _around(parent, name) for name in nearest if _may_omit(text.value(name))}
    return replace(
        parent,
        **changes,
        places={**parent.places, **places},
        outer={**parent.outer, **outer},
    )


def _may_omit(value: Value) -> bool:
    return isinstance(value, Template)


def _around(parent: Keywords, name: str) -> tuple[Value, ...]:
    """Give what the objects around say of *name*: a template among them may omit itself, too."""
    value = getattr(parent, name)
    return (value, *parent.outer.get(name, ())) if _may_omit(value) else (value,)


def check_vars(given: Given, place: Place) -> None:
    """Refuse `vars` that are no mapping of variable names to values."""
    if given.value is None:
        return
    if not isinstance(given.value, dict):
        raise PlaybookError(
            f"Vars in a {place.value} must be specified as a dictionary.", given.origin
        )
    places = given.key_origins
    for name in given.value:
        check_variable_name(name, places.get(str(name), given.origin))


def _more_vars(parent: Keywords, given: Given) -> Mapping[str, Value]:
    own = given.value if isinstance(given.value, dict) else {}
    return {**parent.vars, **own}


def _more_environment(parent: Keywords, given: Given) -> tuple[Value, ...]:
    own = (layer for layer in given.members if layer is not None)
    return (*parent.environment, *own)


_DEFAULTS_FORM = (
    "The field 'module_defaults' is supposed to be a dictionary or list of dictionaries, the keys"
    " of which must be static action, module, or group names. Only the values may contain"
    " templates. For example: {'ping': \"{{ ping_defaults }}\"}"
)


def _more_defaults(parent: Keywords, given: Given) -> tuple[Mapping[str, Value], ...]:
    own: list[Mapping[str, Value]] = []
    for level, origin in given.items:
        if not isinstance(level, dict) or not all(isinstance(name, str) for name in level):
            raise PlaybookError(_DEFAULTS_FORM, origin)
        own.append(level)
    return (*parent.module_defaults, *own)


def _collections(parent: Keywords, given: Given) -> tuple[str, ...]:
    names: list[str] = []
    for entry, origin in given.items:
        if isinstance(entry, Template):
            raise NotSupportedYet("a template among collections is not supported yet", origin)
        if not isinstance(entry, str):
            kind = type(entry).__name__
            told = f"Keyword 'collections' items must be of type 'str', not {kind!r}."
            raise PlaybookError(told, origin)
        names.append(entry)
    return searched(names, parent.home)


def collections_of(parent: Keywords, text: Text) -> tuple[str, ...]:
    """Give where the names in *text* are looked for: where it says, else where its parent does."""
    given = text.entries.get("collections")
    return parent.collections if given is None else _collections(parent, given)


def _more_conditions(parent: Keywords, given: Given) -> object:
    return parent.when + given.conditions


def _more_tags(parent: Keywords, given: Given) -> frozenset[str]:
    own = {_tag(tag, given.origin) for tag in _all_tags(given) if not isinstance(tag, Template)}
    return parent.tags | own


def _late_tags(given: Given) -> list[Template]:
    return [tag for tag in _all_tags(given) if isinstance(tag, Template)]


def _all_tags(given: Given) -> list[Value]:
    """Give the tags of a list and of the lists in it."""
    own: list[Value] = []
    for entry in _listed_tags(given):
        own += entry if isinstance(entry, list) else [entry]
    return [tag for tag in own if tag is not None]


def _listed_tags(given: Given) -> list[Value]:
    """Give the tags of a list, or of text with commas; a comma in a list's member is the tag's."""
    match given.value:
        case list() as tags:
            return tags
        case str() as text:
            return [tag.strip() for tag in text.split(",")]
        case Template(text, origin):
            parts = [part.strip() for part in text.split(",")]
            return [Template(it, origin) if looks_like_template(it) else it for it in parts]
        case _:
            raise OutlastError("tags must be specified as a list", given.origin)


def _tag(tag: Value, origin: Origin) -> str:
    if not isinstance(tag, str | int):
        raise PlaybookError(
            f"Keyword 'tags' items must be of type 'str' or 'int', not {type(tag).__name__!r}.",
            origin,
        )
    return str(tag)  # a number can be asked for on the command line, where all is text


def _names_to_notify(_parent: Keywords, given: Given) -> tuple[Value, ...]:
    return given.members


_JOINED: Final[Mapping[str, Callable[[Keywords, Given], object]]] = {
    "environment": _more_environment,
    "collections": _collections,
    "module_defaults": _more_defaults,
    "when": _more_conditions,
    "tags": _more_tags,
    "notify": _names_to_notify,
}
"""How those keywords that are more than one value are read and joined to the parent's."""
