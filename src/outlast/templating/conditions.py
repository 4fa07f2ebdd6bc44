"""When a condition holds: stock 2.19's rules, which want real truth values.

Knows what may stand in a `when` and what its value must be. Leaves evaluating to `rendering`.
"""

from __future__ import annotations

from msgspec import Struct

from outlast.errors import EvaluationError, UndefinedVariable
from outlast.outcome import Deprecated
from outlast.templating.explaining import because
from outlast.templating.plugins import REMOVED_IN_2_23
from outlast.templating.rendering import Core, settled
from outlast.templating.views import type_name
from outlast.values import OMIT, Origin, Scope, Template, Vaulted

_BEGINS = ("{{", "{%", "{#")
_UNTRUSTED = "Encountered untrusted template or expression."
_TRUSTED = (
    "Templates and expressions must be defined by trusted sources such as playbooks or roles, not"
    " untrusted sources such as module results."
)
_ENDS = ("}}", "%}", "#}")
_WRAPPED = "Conditionals should not be surrounded by templating delimiters such as {{ }} or {% %}."
_HELP = (
    "Broken conditionals can be temporarily allowed with the `ALLOW_BROKEN_CONDITIONALS` "
    "configuration option."
)


_ALLOWED = (
    "Broken conditionals are currently allowed because the `ALLOW_BROKEN_CONDITIONALS` "
    "configuration option is enabled."
)


class Conditions(Struct, frozen=True):
    """Tells whether conditions hold."""

    core: Core
    allow_broken: bool = False
    """Whether an empty condition holds and any value has a truth, as before 2.19."""

    def hold(self, condition: object, scope: Scope, origin: Origin | None) -> bool:
        """Tell whether one condition is true; raises `EvaluationError`."""
        if isinstance(condition, Vaulted):
            raise EvaluationError(_UNTRUSTED, condition.origin)
        if isinstance(condition, Template):
            origin = condition.origin or origin
            condition = condition.text
        try:
            value = self._value(_stripped(condition), scope, origin)
        except UndefinedVariable as error:
            told = "Error while evaluating conditional."
            raise because(told, origin, error, UndefinedVariable) from None
        if isinstance(value, bool):
            return value
        return self._judged(
            f"Conditional result ({bool(value)}) was derived from value of type "
            f"{type_name(value)!r} at {str(origin or '<unknown>')!r}. "
            "Conditionals must have a boolean result.",
            origin,
            truth=bool(value),
        )

    def _value(self, condition: object, scope: Scope, origin: Origin | None) -> object:
        if condition is None or condition == "":
            return self._empty(origin)
        if isinstance(condition, bool):
            return condition
        if isinstance(condition, str):
            return self._of_text(condition, scope, origin)
        if self.allow_broken:
            return settled(condition, "template", origin, scope, self.core)
        raise _broken("Conditional expressions must be strings.", origin)

    def _of_text(self, text: str, scope: Scope, origin: Origin | None) -> object:
        core = self.core
        if not (text.startswith(_BEGINS) and text.endswith(_ENDS)):
            return _given(core.condition(text, scope, origin), "expression", origin)
        result = _given(core.evaluate(Template(text, origin), scope), "template", origin)
        result = _stripped(result)
        if result is None or result == "":
            return self._empty(origin)
        if not isinstance(result, str):
            core.notify(Deprecated(_WRAPPED, REMOVED_IN_2_23, origin))
            return result
        if not _written(text, scope):
            # Law 1: what a template gave is data. Evaluating it would hand the expression to
            # whoever wrote that data, which may be the managed host.
            raise EvaluationError(_UNTRUSTED, origin, help_text=_TRUSTED)
        return _given(core.condition(result, scope, origin), "expression", origin)

    def _empty(self, origin: Origin | None) -> bool:
        if not self.allow_broken:
            raise _broken("Empty conditional expressions are not allowed.", origin)
        told = "Empty conditional expression was evaluated as True."
        return self._judged(told, origin, truth=True)

    def _judged(self, told: str, origin: Origin | None, *, truth: bool) -> bool:
        """Give the truth of what has none, and say so, where the user allows it."""
        if not self.allow_broken:
            raise _broken(told, origin)
        self.core.notify(Deprecated(told, REMOVED_IN_2_23, origin, _ALLOWED))
        return truth


def _broken(message: str, origin: Origin | None) -> EvaluationError:
    return EvaluationError(message, origin, help_text=_HELP)


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _written(text: str, scope: Scope) -> bool:
    """Tell whether `{{ name }}` names text written in a file, which may hold an expression."""
    name = text.removeprefix("{{").removesuffix("}}").strip()
    known = name.isidentifier() and name in scope and scope.from_file(name)
    return known and not isinstance(scope[name], Vaulted)  # what was encrypted is data


def _given(value: object, what: str, origin: Origin | None) -> object:
    plainly = settled(value, what, origin)
    if plainly is OMIT:
        raise EvaluationError("A template was resolved to an Omit scalar.", origin)
    return plainly
