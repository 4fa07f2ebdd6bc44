"""Filters over values: defaults, dicts, lists, sets, choices, JSON and YAML.

Each answers as stock's of the same name, without importing ansible-core.
"""

# ruff: noqa: FBT002, FBT003  # stock's signatures: a template says regex_search('a', true)

from __future__ import annotations

import datetime as dt
import itertools
import json
import random
from collections.abc import Callable, Mapping
from typing import Any

import yaml
from jinja2 import pass_environment
from jinja2.filters import do_unique, sync_do_groupby

from outlast.outcome import Deprecated, Notice
from outlast.templating.markers import Marker, Missing
from outlast.templating.merging import merged
from outlast.templating.plugins import REMOVED_IN_2_23, Plugin, refused
from outlast.templating.revealed import unvault, vault
from outlast.templating.text_filters import text_of
from outlast.templating.views import type_name
from outlast.templating.yaml_filters import to_nice_yaml, to_yaml


def default(value: Any, default_value: Any = "", boolean: object = False) -> Any:
    """Give *default_value* for what is undefined; with *boolean* also for what is empty."""
    if not isinstance(boolean, bool):
        raise refused(f"The 'boolean' argument must be of type 'bool', not {type_name(boolean)!r}.")
    if isinstance(value, Missing) or (boolean and not value):
        return default_value
    return value


def mandatory(value: Any, msg: str | None = None) -> Any:
    """Refuse what is undefined."""
    if not isinstance(value, Missing):
        return value
    if msg is not None:
        raise refused(text_of(msg))
    name = value._undefined_name  # noqa: SLF001  # Jinja2 tells it nowhere else
    raise refused(f"Mandatory variable {f'{name!r} ' if name is not None else ''}not defined.")


def ternary(value: Any, true_val: Any, false_val: Any, none_val: Any = None) -> Any:
    """Choose by truth, or by being none."""
    if value is None and none_val is not None:
        return none_val
    return true_val if bool(value) else false_val


def type_debug(value: object) -> str:
    """Name a value's type."""
    if isinstance(value, Marker):
        return "UndefinedMarker" if isinstance(value, Missing) else "CapturedExceptionMarker"
    return type_name(value)


def combine(*terms: Any, **options: Any) -> Any:
    """Merge dicts; later ones win."""
    recursive = options.pop("recursive", False)
    list_merge = options.pop("list_merge", "replace")
    if options:
        raise refused("'recursive' and 'list_merge' are the only valid keyword arguments")
    dicts = flatten(terms, levels=1)
    if not dicts:
        return {}
    result = dicts[-1]
    for lower in reversed(dicts[:-1]):
        result = merged(lower, result, recursive=bool(recursive), lists=list_merge)
    return result


def flatten(values: Any, levels: int | None = None, skip_nulls: object = True) -> list[Any]:
    """Take lists out of lists."""
    result: list[Any] = []
    for value in values:
        if skip_nulls and value in (None, "None", "null"):
            continue
        if not isinstance(value, list | tuple) or (levels is not None and levels < 1):
            result.append(value)
        else:
            deeper = None if levels is None else int(levels) - 1
            result.extend(flatten(value, deeper, skip_nulls))
    return result


def dict2items(value: Any, key_name: str = "key", value_name: str = "value") -> list[Any]:
    """Give a dict's members as a list of dicts."""
    if not isinstance(value, Mapping):
        raise refused(f"dict2items requires a dictionary, got {type(value)} instead.")
    return [{key_name: key, value_name: member} for key, member in value.items()]


def items2dict(value: Any, key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    """Make a dict of a list of dicts."""
    if not isinstance(value, list | tuple):
        raise refused(f"items2dict requires a list, got {type(value)} instead.")
    try:
        return {item[key_name]: item[value_name] for item in value}
    except KeyError:
        raise refused(
            "items2dict requires each dictionary in the list to contain the keys "
            f"'{key_name}' and '{value_name}', got {value} instead."
        ) from None
    except TypeError:
        raise refused(f"items2dict requires a list of dictionaries, got {value} instead.") from None


def subelements(value: Any, path: Any, skip_missing: object = False) -> list[Any]:
    """Pair each dict with each member of a list inside it."""
    if not isinstance(value, dict | list):
        raise refused("obj must be a list of dicts or a nested dict")
    if not isinstance(path, list | str):
        raise refused("subelements must be a list or a string")
    keys = path.split(".") if isinstance(path, str) else path
    pairs = []
    for element in value.values() if isinstance(value, dict) else value:
        pairs += [(element, member) for member in _reached(element, keys, skip_missing)]
    return pairs


def _reached(element: Any, keys: list[str], skip_missing: object) -> list[Any]:
    found = element
    for key in keys:
        try:
            found = found[key]
        except KeyError:
            if skip_missing:
                return []
            raise refused(f"could not find {key!r} key in iterated item {found!r}") from None
        except TypeError as error:
            raise refused(f"the key {key} should point to a dictionary, got '{found}'") from error
    if not isinstance(found, list):
        raise refused(f"the key {keys[-1]!r} should point to a list, got {found!r}")
    return found


@pass_environment
def unique(
    environment: Any, values: Any, case_sensitive: Any = None, attribute: Any = None
) -> list[Any]:
    """Drop what occurred before."""
    try:
        return list(do_unique(environment, values, bool(case_sensitive), attribute))
    except TypeError as error:
        if case_sensitive is False or attribute:
            raise refused(
                "Jinja2's unique filter failed and we cannot fall back to Ansible's version "
                "as it does not support the parameters supplied."
            ) from error
    kept: list[Any] = []
    for value in values:
        if value not in kept:
            kept.append(value)
    return kept


@pass_environment
def union(environment: Any, one: Any, other: Any) -> list[Any]:
    """Give what is in either list."""
    try:
        return list(set(one) | set(other))
    except TypeError:
        return unique(environment, one + other, True)


@pass_environment
def intersect(environment: Any, one: Any, other: Any) -> list[Any]:
    """Give what is in both lists."""
    try:
        return list(set(one) & set(other))
    except TypeError:
        return unique(environment, [value for value in one if value in other], True)


@pass_environment
def difference(environment: Any, one: Any, other: Any) -> list[Any]:
    """Give what is in the first list only."""
    try:
        return list(set(one) - set(other))
    except TypeError:
        return unique(environment, [value for value in one if value not in other], True)


@pass_environment
def symmetric_difference(environment: Any, one: Any, other: Any) -> list[Any]:
    """Give what is in one list only."""
    try:
        return list(set(one) ^ set(other))
    except TypeError:
        both = intersect(environment, one, other)
        return [value for value in union(environment, one, other) if value not in both]


@pass_environment
def groupby(*args: Any, **kwargs: Any) -> list[Any]:
    """Group by an attribute, as pairs of the attribute and the members."""
    return list(sync_do_groupby(*args, **kwargs))


@pass_environment
def extract(environment: Any, key: Any, container: Any, morekeys: Any = None) -> Any:
    """Look a key up in a container; made for `map`."""
    more = morekeys if isinstance(morekeys, list) else [] if morekeys is None else [morekeys]
    for part in (key, *more):
        container = environment.getitem(container, part)
    return container


def choose(end: Any, start: Any = None, step: Any = None, seed: Any = None) -> Any:
    """Choose a number below *end*, or a member of a list."""
    source = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311  # as stock: repeatable
    if isinstance(end, int):
        return source.randrange(start or 0, end, step or 1)
    if not hasattr(end, "__iter__"):
        raise refused("random can only be used on sequences and integers")
    if start or step:
        raise refused("start and step can only be used with integer values")
    return source.choice(end)


def shuffle(values: Any, seed: Any = None) -> Any:
    """Give a list in another order."""
    try:
        result = list(values)
    except TypeError:
        return values
    order = random.Random(seed) if seed else random.SystemRandom()  # noqa: S311  # the same
    order.shuffle(result)
    return result


def to_json(
    value: Any,
    profile: Any = None,
    vault_to_text: Any = ...,
    preprocess_unsafe: Any = ...,
    **how: Any,
) -> str:
    """Write JSON."""
    for name, given in (("vault_to_text", vault_to_text), ("preprocess_unsafe", preprocess_unsafe)):
        if profile and given is not ...:
            raise refused(f"Only one of `{name}` or `profile` can be specified.")
    return json.dumps(value, default=_json_scalar, **how)


def _json_scalar(value: object) -> str:
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def to_nice_json(value: Any, indent: Any = 4, sort_keys: Any = True, **how: Any) -> str:
    """Write JSON for people."""
    how.pop("separators", None)
    return to_json(value, indent=indent, sort_keys=sort_keys, separators=(",", ": "), **how)


def from_json(value: Any, profile: Any = None, **how: Any) -> Any:  # stock's signature
    """Read JSON."""
    return json.loads(value, **how)


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_TRUE = frozenset({"yes", "on", "true", "1"})
_FALSE = frozenset({"no", "off", "false", "0"})


def complaining(notify: Callable[[Notice], None]) -> dict[str, Callable[..., Any]]:
    """Give the filters that tell of questionable input."""

    def to_bool(value: Any) -> bool:
        """Read a truth value."""
        word = str(value).lower() if isinstance(value, str | int) else value
        try:
            if word in _TRUE or word in _FALSE:
                return word in _TRUE
            result = bool(word == 1)
        except TypeError:
            result = False
        notify(
            Deprecated(
                f"The `bool` filter coerced invalid value {value!r} ({type_name(value)}) "
                f"to {result!r}.",
                REMOVED_IN_2_23,
            )
        )
        return result

    return {"bool": to_bool}


def reading_yaml(notify: Callable[[Notice], None]) -> dict[str, Callable[..., Any]]:
    """Give the filters that read YAML, and tell when they get none."""

    def from_yaml(value: Any) -> Any:
        """Read YAML."""
        if value is None or isinstance(value, str):
            return None if value is None else yaml.load(value, Loader=_Loader)  # noqa: S506  # safe
        return _ignored("from_yaml", value)

    def from_yaml_all(value: Any) -> Any:
        """Read several YAML documents."""
        if value is None or isinstance(value, str):
            return [] if value is None else list(yaml.load_all(value, Loader=_Loader))
        return _ignored("from_yaml_all", value)

    def _ignored(name: str, value: Any) -> Any:
        notify(
            Deprecated(
                f"The {name} filter ignored non-string input of type {type_name(value)!r}.",
                REMOVED_IN_2_23,
            )
        )
        return value

    return {"from_yaml": from_yaml, "from_yaml_all": from_yaml_all}


def data_filters(notify: Callable[[Notice], None]) -> dict[str, Plugin]:
    """Give these filters by name."""
    settled: dict[str, Callable[..., Any]] = {
        "combine": combine, "flatten": flatten, "dict2items": dict2items,
        "items2dict": items2dict, "subelements": subelements, "unique": unique, "union": union,
        "intersect": intersect, "difference": difference, "groupby": groupby,
        "symmetric_difference": symmetric_difference, "to_json": to_json,
        "to_nice_json": to_nice_json, "from_json": from_json, **complaining(notify),
        **reading_yaml(notify),
    }  # fmt: skip  # a table is read by columns
    pairing: dict[str, Any] = {
        "zip": zip, "zip_longest": itertools.zip_longest, "product": itertools.product,
        "permutations": itertools.permutations, "combinations": itertools.combinations,
    }  # fmt: skip  # the same
    return (
        {name: Plugin(function) for name, function in settled.items()}
        | {name: Plugin(_plainly(function)) for name, function in pairing.items()}
        | {
            "default": Plugin(default, takes_markers=True, takes_views=True),
            "d": Plugin(default, takes_markers=True, takes_views=True),
            "mandatory": Plugin(mandatory, takes_markers=True, takes_views=True),
            "ternary": Plugin(ternary, takes_markers=True, takes_views=True),
            "type_debug": Plugin(type_debug, takes_markers=True, takes_views=True),
            "extract": Plugin(extract, takes_views=True),
            "random": Plugin(choose, volatile=True, takes_views=True),
            "shuffle": Plugin(shuffle, volatile=True),
            "to_yaml": Plugin(to_yaml, takes_markers=True, takes_views=True),
            "to_nice_yaml": Plugin(to_nice_yaml, takes_markers=True, takes_views=True),
            "vault": Plugin(vault, volatile=True),
            "unvault": Plugin(unvault, takes_markers=True, takes_views=True),
        }
    )


def _plainly(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a class whose iterator would show through, so that a list comes out."""

    def called(*args: Any, **kwargs: Any) -> list[Any]:
        return list(function(*args, **kwargs))

    return called
