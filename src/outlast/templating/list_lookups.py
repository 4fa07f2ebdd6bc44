"""Lookups that rearrange what they are given: items, dict, nested, sequence and their like."""

from __future__ import annotations

import itertools
import os
import random
import re
from collections.abc import Mapping
from typing import Any

from outlast.templating.asking import Asked, Lookup
from outlast.templating.markers import Marker
from outlast.templating.markers import missing as missing_marker
from outlast.templating.plugins import refused
from outlast.templating.text_filters import text_of
from outlast.templating.views import type_name

_NUMBER = "(0?x?[0-9a-f]+)"
_SHORT = re.compile(f"^({_NUMBER}-)?{_NUMBER}(/{_NUMBER})?(:(.+))?$", re.IGNORECASE)
_FIELDS = ("start", "end", "stride", "count", "format")


def _flat(terms: Any) -> list[Any]:
    result: list[Any] = []
    for term in terms:
        result.extend(term if isinstance(term, list | tuple) else [term])
    return result


def items(asked: Asked) -> list[Any]:
    """Give everything, one level of lists taken apart."""
    return _flat(asked.terms)


def same(asked: Asked) -> list[Any]:
    """Give the terms as they are."""
    return asked.terms


def pairs_of_dict(asked: Asked) -> list[Any]:
    """Give each member of each dict as a dict of key and value."""
    result = []
    for term in asked.terms:
        if not isinstance(term, Mapping):
            raise refused(
                f"the 'dict' lookup plugin expects a dictionary, got '{term}' of type {type(term)})"
            )
        result += [{"key": key, "value": value} for key, value in term.items()]
    return result


def indexed_items(asked: Asked) -> list[Any]:
    """Give everything with its number."""
    return [list(pair) for pair in enumerate(_flat(asked.terms))]


def nested(asked: Asked) -> list[Any]:
    """Give every combination of a member of each list."""
    if not asked.terms:
        raise refused("with_nested requires at least one element in the nested list")
    first, *rest = asked.terms
    rows = list(first)
    for more in rest:
        rows = [_flat([row, value]) for row in rows for value in more]
    return [_flat(row) for row in rows]


def together(asked: Asked) -> list[Any]:
    """Give the lists' first members, then their second ones, and so on."""
    if not asked.terms:
        raise refused("with_together requires at least one element in each list")
    return [_flat(row) for row in itertools.zip_longest(*asked.terms)]


def random_choice(asked: Asked) -> list[Any]:
    """Give one of the terms."""
    return [random.SystemRandom().choice(asked.terms)] if asked.terms else []


def environment(asked: Asked) -> list[Any]:
    """Give environment variables of the controller."""
    default = asked.options.get("default", "")
    result = []
    for term in asked.terms:
        if isinstance(term, Marker):
            term.trip()
        if not isinstance(term, str):
            raise refused(f"{type_name(term)!r} object has no attribute 'split'")
        name = term.split()[0]
        value = os.environ.get(name, default)
        if isinstance(value, Marker):
            value = missing_marker(
                f"The environment variable {name!r} is not set.", None, None, asked.origin
            )
        result.append(value)
    return result


def variables(asked: Asked) -> list[Any]:
    """Give variables by name."""
    default = asked.options.get("default")
    result = []
    for term in asked.terms:
        if not isinstance(term, str):
            raise refused(f"Variable name must be 'str' not {type_name(term)!r}.")
        try:
            value = asked.variable(term)
        except KeyError:
            hint = f"No variable named {term!r} was found."
            value = default
            if default is None:
                value = missing_marker(hint, None, None, asked.origin)
        result.append(value)
    return result


def names(asked: Asked) -> list[Any]:
    """Give the names of variables that match a pattern."""
    result = []
    for term in asked.terms:
        if not isinstance(term, str):
            raise refused(
                f'Invalid setting identifier, "{term}" is not a string, it is a {type(term)}'
            )
        try:
            pattern = re.compile(term)
        except re.error as error:
            raise refused(f'Unable to use "{term}" as a search parameter: {error}') from error
        result += [name for name in asked.scope if pattern.search(name)]
    return result


def subelements(asked: Asked) -> list[Any]:
    """Pair each dict with each member of a list inside it; the list itself is taken out."""
    terms = asked.terms
    complaint = "subelements lookup expects a list of two or three items, "
    if not 2 <= len(terms) <= 3:  # noqa: PLR2004  # the sentence says it
        raise refused(complaint)
    if not (isinstance(terms[0], list | dict) and isinstance(terms[1], str)):
        raise refused(f"{complaint}first a dict or a list, second a string pointing to the subkey")
    flags = terms[2] if len(terms) > 2 else {}  # noqa: PLR2004  # the same
    if not isinstance(flags, dict):
        raise refused(f"{complaint}the optional third item must be a dict with flags skip_missing")
    if isinstance(terms[0], dict) and terms[0].get("skipped", False) is not False:
        return []
    elements = list(terms[0].values()) if isinstance(terms[0], dict) else terms[0]
    lenient = text_of(flags.get("skip_missing", False)).lower() in ("true", "yes", "on", "1", "y")
    return [pair for element in elements for pair in _pairs(element, terms[1], lenient)]


def _pairs(element: Any, path: str, lenient: bool) -> list[Any]:  # noqa: FBT001  # private
    if not isinstance(element, dict):
        raise refused(f"subelements lookup expects a dictionary, got '{element}'")
    if element.get("skipped", False) is not False:
        return []
    *outer, last = path.split(".")
    inside = element
    for key in outer:
        if key in inside and isinstance(inside[key], dict):
            inside = inside[key]
        elif not lenient:
            raise _unreachable(key, inside, "dictionary")
    if last not in inside or not isinstance(inside[last], list):
        if lenient and last not in inside:
            return []
        raise _unreachable(last, inside, "list")
    return [[element, member] for member in inside.pop(last)]


def _unreachable(key: str, inside: dict[str, Any], wanted: str) -> Exception:
    if key not in inside:
        return refused(f"could not find '{key}' key in iterated item '{inside}'")
    return refused(f"the key {key} should point to a {wanted}, got '{inside[key]}'")


def sequence(asked: Asked) -> list[Any]:
    """Give numbers as text, by `start-end/stride:format` or by name."""
    result: list[Any] = []
    for term in asked.terms or ([""] if asked.options else []):
        if not isinstance(term, str):
            raise refused(
                f"unknown error parsing with_sequence arguments: {term}. Error was: expected string"
                f" or bytes-like object, got {type_name(term)!r}"
            )
        result += _sequence({**asked.options, **_sequence_fields(term)})
    return result


def _sequence_fields(term: str) -> dict[str, Any]:
    short = _SHORT.match(term)
    if short:
        _, start, end, _, stride, _, form = short.groups()
        given = {"start": start, "end": end, "stride": stride, "format": form}
        return {name: value for name, value in given.items() if value is not None}
    parts = [part.partition("=") for part in term.split()]
    fields = {name if mark else "_raw_params": value for name, mark, value in parts}
    unknown = [name for name in fields if name not in _FIELDS]
    if unknown:
        raise refused(f"unrecognized arguments to with_sequence: {unknown}")
    return dict(fields)


def _sequence(fields: dict[str, Any]) -> list[str]:
    start, stride = _number(fields, "start", 1), _number(fields, "stride", 1)
    count, end = _number(fields, "count", None), _number(fields, "end", None)
    form = str(fields.get("format", "%d"))
    if count is None and end is None:
        raise refused("must specify count or end in with_sequence")
    if count is not None and end is not None:
        raise refused("can't specify both count and end in with_sequence")
    if count == 0:
        return []
    last = end if end is not None else start + count * stride - 1
    if stride > 0 and last < start:
        raise refused("to count backwards make stride negative")
    if stride < 0 and last > start:
        raise refused("to count forward don't make stride negative")
    if stride == 0:
        return []
    if form.count("%") != 1:
        raise refused(f"bad formatting string: {form}")
    return [_formatted(form, n) for n in range(start, last + (1 if stride > 0 else -1), stride)]


def _formatted(form: str, number: int) -> str:
    try:
        return form % number
    except (ValueError, TypeError):
        raise refused(f"problem formatting {number!r} with {form!r}") from None


def _number(fields: dict[str, Any], name: str, default: int | None) -> Any:
    value = fields.get(name, default)
    if value is None:
        return None
    try:
        return int(value)
    except (TypeError, ValueError):
        raise refused(
            f"Config '{name}' for 'sequence' lookup plugin from 'Direct' has an invalid value: "
            f"Invalid value provided for 'integer': {value!r}"
        ) from None


def list_lookups() -> dict[str, Lookup]:
    """Give these lookups by name."""
    return {
        "items": Lookup(items), "list": Lookup(same), "dict": Lookup(pairs_of_dict),
        "indexed_items": Lookup(indexed_items), "nested": Lookup(nested),
        "together": Lookup(together), "random_choice": Lookup(random_choice),
        "env": Lookup(environment, takes_markers=True), "vars": Lookup(variables),
        "varnames": Lookup(names), "subelements": Lookup(subelements),
        "sequence": Lookup(sequence),
    }  # fmt: skip  # a table is read by columns
