"""How one host's loop is named and paced: `loop_control`, evaluated before the first item.

Knows the type of each of its words. Leaves the label and `break_when`, which see an item, to
`loops`.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from outlast.call import Evaluate
from outlast.errors import Cause, EvaluationError, OutlastError
from outlast.playbook.conversions import converted
from outlast.playbook.keywords import KEYWORDS, check_variable_name
from outlast.playbook.model import Condition, LoopControl
from outlast.values import OMIT, Origin, Scope, Value, has_templates, nowhere

_UNSET: Final = {"loop_var": "item", "pause": 0.0, "extended": False, "extended_allitems": True}


class Control(Struct, frozen=True, kw_only=True):
    """What a loop's control comes to on one host."""

    loop_var: str
    named_at: Origin | None
    """Where the loop's variable is named, if it is."""
    index_var: str | None
    pause: float
    extended: bool
    extended_allitems: bool
    label: Value
    """As it is written, like `break_when`: both are evaluated for each item."""
    break_when: tuple[Condition, ...]


class ControlReader(Struct, frozen=True):
    """Evaluates the controls of loops in one scope."""

    evaluate: Evaluate
    scope: Scope

    def read(self, written: LoopControl) -> Control:
        """Give what *written* comes to; raises `EvaluationError` naming the word."""
        index = self._value("index_var", written)
        return Control(
            loop_var=self._name(written),
            named_at=written.places.get("loop_var"),
            index_var=None if index is None else str(index),
            pause=float(str(self._value("pause", written) or 0)),
            extended=bool(self._value("extended", written)),
            extended_allitems=bool(self._value("extended_allitems", written)),
            label=written.label,
            break_when=written.break_when,
        )

    def _name(self, written: LoopControl) -> str:
        name = self._value("loop_var", written)
        try:
            check_variable_name(
                name if name is None else str(name),
                written.places.get("loop_var", nowhere(str(name))),
            )
        except OutlastError as error:
            raise EvaluationError(error.message, error.origin, help_text=error.help_text) from error
        return str(name)

    def _value(self, word: str, written: LoopControl) -> object:
        given: object = getattr(written, word)
        place = written.places.get(word)
        told = f"Error processing keyword {word!r}."
        try:
            if has_templates(given):
                given = self.evaluate.render(given, self.scope)
            if given is OMIT:
                return _UNSET.get(word)
            return None if given is None else converted(given, KEYWORDS[word].type_name)
        except ValueError as error:
            cause = Cause(str(error), place, apart=True)
            raise EvaluationError(told, place, causes=(cause,)) from error
        except EvaluationError as error:
            raise EvaluationError(told, place, causes=error.chain) from error
