"""Checking an action's arguments as stock checks them, in stock's words.

Knows the few types that actions on the controller use. Modules check their own arguments
on the host; nothing here is asked about them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from msgspec import Struct

from outlast.errors import Refused

_TRUE: Final = frozenset({"y", "yes", "on", "1", "true", "t", 1})
_FALSE: Final = frozenset({"n", "no", "off", "0", "false", "f", 0})

Convert = Callable[[object], object]


class Argument(Struct, frozen=True):
    """One argument: how it is converted, and what it is when it is not given."""

    convert: Convert | None = None
    kind: str = "raw"
    """The type's name in messages."""
    default: object = None
    required: bool = False
    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


class Spec(Struct, frozen=True):
    """The arguments an action takes."""

    arguments: Mapping[str, Argument]
    exclusive: tuple[tuple[str, ...], ...] = ()

    def check(self, args: Mapping[str, object], action: str) -> dict[str, object]:
        """Give the arguments by their main names, converted, defaults filled in.

        Raises `Refused` with the first of stock's complaints.
        """
        given = dict(args)
        for name, argument in self.arguments.items():
            for alias in argument.aliases:
                if alias in given:
                    given[name] = given[alias]
        self._refuse_combinations(given)
        checked = {name: self._value(name, given) for name in self.arguments}
        self._refuse_unknown(args, action)
        return checked

    def _refuse_combinations(self, given: Mapping[str, object]) -> None:
        for names in self.exclusive:
            if sum(name in given for name in names) > 1:
                raise Refused(f"parameters are mutually exclusive: {'|'.join(names)}")
        missing = [
            name
            for name, argument in self.arguments.items()
            if argument.required and name not in given
        ]
        if missing:
            raise Refused(f"missing required arguments: {', '.join(sorted(missing))}")

    def _value(self, name: str, given: Mapping[str, object]) -> object:
        argument = self.arguments[name]
        value = given.get(name, argument.default)
        if value is None and not argument.required:
            return argument.default
        if argument.convert is not None:
            value = self._converted(name, argument, argument.convert, value)
        if argument.choices and value not in argument.choices:
            choices = ", ".join(argument.choices)
            raise Refused(f"value of {name} must be one of: {choices}, got: {value}")
        return value

    @staticmethod
    def _converted(name: str, argument: Argument, convert: Convert, value: object) -> object:
        try:
            return convert(value)
        except (TypeError, ValueError) as error:
            given = type(value).__name__
            what = f"argument {name!r} is of type {given} and we were unable to convert"
            raise Refused(f"{what} to {argument.kind}: {error}") from error

    def _refuse_unknown(self, args: Mapping[str, object], action: str) -> None:
        aliases = [alias for one in self.arguments.values() for alias in one.aliases]
        known = {*self.arguments, *aliases}
        unknown = sorted(str(name) for name in args if name not in known)
        if not unknown:
            return
        supported = ", ".join(sorted(self.arguments))
        if aliases:
            supported += f" ({', '.join(sorted(aliases))})"
        raise Refused(
            f"Unsupported parameters for ({action}) module: {', '.join(unknown)}."
            f" Supported parameters include: {supported}."
        )


def only(args: Mapping[str, object], allowed: Iterable[str], action: str) -> None:
    """Refuse arguments outside *allowed*, in the words of the older check."""
    unknown = [name for name in args if name not in frozenset(allowed)]
    if unknown:
        raise Refused(f"Invalid options for {action}: {','.join(unknown)}")


def boolean(value: object, *, strict: bool = True) -> bool:
    """Give what *value* means as a yes or no; not strict: anything unknown is a no."""
    word = value.lower().strip() if isinstance(value, str) else value
    if isinstance(word, str | int | float):
        if word in _TRUE:
            return True
        if word in _FALSE or not strict:
            return False
    elif not strict:
        return False
    words = ", ".join(repr(one) for one in (0, 1, *_words(_FALSE), *_words(_TRUE)))
    raise TypeError(f"The value {value!r} is not a valid boolean. Valid booleans include: {words}")


def _words(values: Iterable[object]) -> list[str]:
    return sorted(value for value in values if isinstance(value, str))


def whole_number(value: object) -> int:
    """Give an `int` argument; text and fractions of nothing count."""
    if isinstance(value, int):
        return int(value)
    try:
        number = float(value)  # type: ignore[arg-type]  # what it cannot take is refused below
        if number == int(number):
            return int(number)
    except (TypeError, ValueError, OverflowError):
        pass
    shown = f'"{value!r}"' if isinstance(value, str) else repr(f"{value!r}")
    raise TypeError(f"{shown} cannot be converted to an int")


def seconds(value: object) -> float:
    """Give a `float` argument that is a length of time."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(f"{value!r} is no number of seconds")
    number = float(value)
    if not 0 <= number < math.inf:
        raise ValueError(f"{value!r} is no number of seconds")
    return number


def text(value: object) -> str:
    """Give a `str` argument: anything becomes text."""
    return value if isinstance(value, str) else str(value)
