"""When a condition holds: stock 2.19's rules, which want real truth values.

Knows what may stand in a `when` and what its value must be. Leaves evaluating to `rendering`.
"""

from __future__ import annotations

from outlast.errors import EvaluationError, UndefinedVariable
from outlast.outcome import Deprecated
from outlast.templating.explaining import because
from outlast.templating.plugins import REMOVED_IN_2_23
from outlast.templating.rendering import Core, settled
from outlast.templating.views import type_name
from outlast.values import OMIT, Origin, Scope, Template

_BEGINS = ("{{", "{%", "{#")
_ENDS = ("}}", "%}", "#}")
_WRAPPED = "Conditionals should not be surrounded by templating delimiters such as {{ }} or {% %}."
_HELP = (
    "Broken conditionals can be temporarily allowed with the `ALLOW_BROKEN_CONDITIONALS` "
    "configuration option."
)


def holds(core: Core, condition: object, scope: Scope, origin: Origin | None) -> bool:
    """Tell whether one condition is true; raises `EvaluationError`."""
    if isinstance(condition, Template):
        origin = condition.origin or origin
        condition = condition.text
    if isinstance(condition, str):
        condition = condition.strip()
    if condition is None or condition == "":
        raise _broken("Empty conditional expressions are not allowed.", origin)
    if isinstance(condition, bool):
        return condition
    if not isinstance(condition, str):
        raise _broken("Conditional expressions must be strings.", origin)
    try:
        value = _value(core, condition, scope, origin)
    except UndefinedVariable as error:
        raise because(
            "Error while evaluating conditional.", origin, error, UndefinedVariable
        ) from None
    if isinstance(value, bool):
        return value
    raise _broken(
        f"Conditional result ({bool(value)}) was derived from value of type {type_name(value)!r} "
        f"at {str(origin or '<unknown>')!r}. Conditionals must have a boolean result.",
        origin,
    )


def _broken(message: str, origin: Origin | None) -> EvaluationError:
    return EvaluationError(message, origin, help_text=_HELP)


def _value(core: Core, text: str, scope: Scope, origin: Origin | None) -> object:
    if not (text.startswith(_BEGINS) and text.endswith(_ENDS)):
        return _given(core.condition(text, scope, origin), "expression", origin)
    result = _given(core.evaluate(Template(text, origin), scope), "template", origin)
    if isinstance(result, str):
        result = result.strip()
    if result is None or result == "":
        raise _broken("Empty conditional expressions are not allowed.", origin)
    if not isinstance(result, str):
        core.notify(Deprecated(_WRAPPED, REMOVED_IN_2_23, origin))
        return result
    if not _written(text, scope):
        # Law 1: what a template gave is data. Evaluating it would hand the expression to
        # whoever wrote that data, which may be the managed host.
        raise EvaluationError("Encountered untrusted template or expression.", origin)
    return _given(core.condition(result, scope, origin), "expression", origin)


def _written(text: str, scope: Scope) -> bool:
    """Tell whether `{{ name }}` names text written in a file, which may hold an expression."""
    name = text.removeprefix("{{").removesuffix("}}").strip()
    return name.isidentifier() and name in scope and scope.from_file(name)


def _given(value: object, what: str, origin: Origin | None) -> object:
    plainly = settled(value, what, origin)
    if plainly is OMIT:
        raise EvaluationError("A template was resolved to an Omit scalar.", origin)
    return plainly
