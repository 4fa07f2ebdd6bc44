"""Values that stand for what could not be evaluated, until somebody really needs it.

Knows that an undefined name or a failure inside a template is first a value: it may still
be thrown away by `default`, or never be looked at. Whoever needs the value trips it. Leaves
to `rendering` when a template ends, and to `explaining` how failures are told.
"""

from __future__ import annotations

from typing import Any, NoReturn

from jinja2.exceptions import UndefinedError
from jinja2.runtime import StrictUndefined

from outlast.errors import EvaluationError, UndefinedVariable, VaultError
from outlast.outcome import Warned
from outlast.values import Origin, Vaulted


class Tripped(UndefinedError):
    """A marker was needed; ends the innermost evaluation, whose value the marker becomes.

    Never leaves this room.
    """

    def __init__(self, marker: Marker) -> None:
        super().__init__("a marker was tripped")
        self.marker = marker


class Marker(StrictUndefined):
    """Stands for a value there is none of; every use but passing it on trips it."""

    __slots__ = ("place",)

    place: Origin | None

    def error(self) -> Exception:
        """Give what is to be told when nobody could do without the value."""
        raise NotImplementedError

    def trip(self) -> NoReturn:
        """End the innermost evaluation with this marker as its value."""
        raise Tripped(self)

    def _fail_with_undefined_error(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        self.trip()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, _key: object) -> Marker:  # type: ignore[override]  # StrictUndefined's fails
        return self


for _name in [
    "__add__",
    "__bool__",
    "__call__",
    "__complex__",
    "__contains__",
    "__div__",
    "__eq__",
    "__float__",
    "__floordiv__",
    "__ge__",
    "__gt__",
    "__hash__",
    "__int__",
    "__iter__",
    "__le__",
    "__len__",
    "__lt__",
    "__mod__",
    "__mul__",
    "__ne__",
    "__neg__",
    "__pos__",
    "__pow__",
    "__radd__",
    "__rdiv__",
    "__rfloordiv__",
    "__rmod__",
    "__rmul__",
    "__rpow__",
    "__rsub__",
    "__rtruediv__",
    "__str__",
    "__sub__",
    "__truediv__",
    "__aiter__",
    "__delattr__",
    "__format__",
    "__repr__",
    "__setitem__",
]:
    setattr(Marker, _name, Marker._fail_with_undefined_error)  # noqa: SLF001  # our own class


class Missing(Marker):
    """A name, attribute or item that has no value."""

    __slots__ = ()

    def error(self) -> UndefinedVariable:
        """Say which name it was, where it was asked for."""
        return UndefinedVariable(str(self._undefined_message), self.place)

    def noted(self, notes: list[Warned]) -> str:
        """Give what is shown in its place; adds the note to *notes*."""
        text = f"error {len(notes) + 1} - {self._undefined_message}"
        notes.append(Warned(text, self.place))
        return f"<< {text} >>"


class Broken(Marker):
    """An evaluation that failed.

    What a plugin or function raised is told at the place of whatever needed it at last, as
    stock does; so it is kept as it is.
    """

    __slots__ = ("failure",)

    failure: Exception

    def error(self) -> Exception:
        """Give the failure itself."""
        return self.failure


def missing(hint: str | None, obj: object, name: Any, place: Origin | None) -> Missing:
    """Make a marker for something that has no value."""
    marker = Missing(hint, obj, name)
    object.__setattr__(marker, "place", place)
    return marker


def broken(failure: Exception) -> Broken:
    """Make a marker for an evaluation that failed."""
    marker = Broken("an evaluation failed")
    place = failure.origin if isinstance(failure, EvaluationError) else None
    object.__setattr__(marker, "place", place)
    object.__setattr__(marker, "failure", failure)
    return marker


class Undecryptable(Broken):
    """A `!vault` string that none of the secrets opens; it may still be asked about."""

    __slots__ = ("ciphertext",)

    ciphertext: str


def undecryptable(failure: VaultError, value: Vaulted) -> Undecryptable:
    """Make a marker for a `!vault` string that cannot be read."""
    told = EvaluationError(
        "Attempt to use undecryptable variable.",
        value.origin,
        causes=failure.chain,
    )
    marker = Undecryptable("a vault exception marker was tripped")
    object.__setattr__(marker, "place", value.origin)
    object.__setattr__(marker, "failure", told)
    object.__setattr__(marker, "ciphertext", value.text)
    return marker
