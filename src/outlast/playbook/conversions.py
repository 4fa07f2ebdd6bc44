"""What a keyword's value comes to, by the type the table gives the keyword.

Knows which texts and numbers stand for yes and no, and what counts as a whole number.
Leaves templates to the engine: they are converted when they are evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final, cast

_YES = frozenset({"y", "yes", "on", "1", "true", "t", "1.0"})
_NO = frozenset({"n", "no", "off", "0", "false", "f", "0.0"})


def converted(value: object, type_name: str) -> object:
    """Give *value* as a keyword of that type has it; raises ValueError with stock's words."""
    convert = _CONVERT.get(type_name)
    if convert is None:
        return value
    try:
        return convert(value)
    except (TypeError, ValueError, ArithmeticError):
        told = f"The value {value!r} could not be converted to {type_name!r}."
        raise ValueError(told) from None


def to_bool(value: object) -> bool:
    """Give *value* as a yes or no; raises ValueError."""
    return bool(converted(value, "bool"))


def to_int(value: object) -> int:
    """Give *value* as a whole number; raises ValueError."""
    return cast("int", converted(value, "int"))


def to_float(value: object) -> float:
    """Give *value* as a number; raises ValueError."""
    return cast("float", converted(value, "float"))


def to_percent(value: object) -> float:
    """Give *value* as a share of a hundred, its sign allowed; raises ValueError."""
    return cast("float", converted(value, "percent"))


def _yes_or_no(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int | float) else ""
    if word not in _YES | _NO:
        raise ValueError
    return word in _YES


def _whole(value: object) -> int:
    if isinstance(value, int):
        return value
    if not isinstance(value, str | float):
        raise TypeError
    exact = Decimal(value)
    if exact != int(exact):
        raise InvalidOperation  # a half is not a number of seconds
    return int(exact)


def _number(value: object) -> float:
    if not isinstance(value, str | int | float):
        raise TypeError
    return float(value)


def _share(value: object) -> float:
    return _number(value.replace("%", "") if isinstance(value, str) else value)


_CONVERT: Final[Mapping[str, Callable[[object], object]]] = {
    "bool": _yes_or_no,
    "int": _whole,
    "float": _number,
    "percent": _share,
}
