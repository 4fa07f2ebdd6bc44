"""What `loop_control` comes to for one host, before the first item.

Knows which of its values are evaluated then; a label and what ends the loop wait for an item.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from outlast.call import Evaluate
from outlast.errors import Cause, EvaluationError, OutlastError
from outlast.playbook.conversions import to_bool, to_float
from outlast.playbook.keywords import check_variable_name
from outlast.playbook.model import Condition, LoopControl
from outlast.values import OMIT, Origin, Scope, Template, Value, nowhere

T = TypeVar("T")


class UnfitName(EvaluationError):
    """What a template gave is no name of a variable; it is told without the keyword (stock)."""


class Control(Struct, frozen=True, kw_only=True):
    """How a loop names, paces and shows its items."""

    loop_var: str
    index_var: str | None
    pause: float
    extended: bool
    extended_allitems: bool
    label: Value
    break_when: tuple[Condition, ...]
    named_at: Origin | None
    """Where `loop_var` is written, if it is."""


class ControlReader(Struct, frozen=True):
    """Evaluates the control of one task's loop."""

    control: LoopControl
    evaluate: Evaluate
    scope: Scope

    def read(self) -> Control:
        """Give plain values; raises `EvaluationError` naming what is wrong."""
        written = self.control
        all_items = self._value("extended_allitems", written.extended_allitems, to_bool, unset=True)
        return Control(
            loop_var=self._value("loop_var", written.loop_var, str, "item", name=True),
            index_var=self._value("index_var", written.index_var, str, None, name=True),
            pause=self._value("pause", written.pause, to_float, 0.0),
            extended=self._value("extended", written.extended, to_bool, unset=False),
            extended_allitems=all_items,
            label=written.label,
            break_when=written.break_when,
            named_at=written.places.get("loop_var"),
        )

    def _value(
        self,
        keyword: str,
        given: Value,
        convert: Callable[[object], T],
        unset: T,
        *,
        name: bool = False,
    ) -> T:
        """Give a value; of one that a template gave as the *name* of a variable, a sound one."""
        where = given.origin if isinstance(given, Template) else self.control.places.get(keyword)
        try:
            value = self.evaluate.render(given, self.scope)
            if name and isinstance(given, Template) and value is not OMIT:
                _check_name(value, given)
            return unset if value is None or value is OMIT else convert(value)
        except ValueError as error:
            why: tuple[Cause, ...] = (Cause(str(error), where, apart=True),)
            raise self._wrong(keyword, where, why) from error
        except UnfitName:
            raise
        except EvaluationError as error:
            raise self._wrong(keyword, where, error.chain) from error

    @staticmethod
    def _wrong(keyword: str, where: Origin | None, why: tuple[Cause, ...]) -> EvaluationError:
        return EvaluationError(f"Error processing keyword {keyword!r}.", where, causes=why)


def _check_name(value: object, given: Template) -> None:
    if isinstance(value, int | float):
        value = str(value)
    try:
        check_variable_name(value, given.origin or nowhere(str(value)))
    except OutlastError as error:
        raise UnfitName(error.message, error.origin, help_text=error.help_text) from error
