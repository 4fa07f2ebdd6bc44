"""How a failure in a template is told: stock's sentences, outermost first.

Knows the sentences for the kinds of failure and how an exception of foreign code becomes
causes. Leaves noticing failures to those who call foreign code.
"""

from __future__ import annotations

from jinja2.exceptions import TemplateSyntaxError

from outlast.errors import Cause, EvaluationError
from outlast.values import Origin, looks_like_template

RECURSION = "maximum recursion depth exceeded in comparison"


def causes_of(error: BaseException | None) -> tuple[Cause, ...]:
    """Give *error* and what caused it, as texts without the full stop where more follows."""
    told: list[Cause] = []
    while error is not None:
        if isinstance(error, EvaluationError):
            told.extend(error.chain)
            break
        # ansible-core's own errors keep their bare message apart from the joined one.
        text = str(getattr(error, "_original_message", None) or error).strip()
        told.append(Cause(text))
        error = error.__cause__
    return _without_echoes(told)


def _without_echoes(told: list[Cause]) -> tuple[Cause, ...]:
    """Drop what the sentence before already ends with; take full stops off all but the last."""
    kept: list[Cause] = []
    for cause in reversed(told):
        if not kept:
            kept.append(cause)
        elif cause.message.endswith(joined(tuple(reversed(kept)))):
            kept = [cause]
        else:
            kept.append(Cause(cause.message.rstrip(". "), cause.origin))
    return tuple(reversed(kept))


def joined(causes: tuple[Cause, ...]) -> str:
    """Give a chain as the one sentence stock prints first."""
    return ": ".join(cause.message for cause in causes)


def because(
    message: str,
    origin: Origin | None,
    error: BaseException,
    kind: type[EvaluationError] = EvaluationError,
) -> EvaluationError:
    """Make the failure *message* whose cause is *error*."""
    first, *rest = _without_echoes([Cause(message, origin), *causes_of(error)])
    help_text = error.help_text if isinstance(error, EvaluationError) else ""
    return kind(first.message, origin, causes=tuple(rest), help_text=help_text)


def failure_of(error: Exception, text: str, origin: Origin | None, what: str) -> EvaluationError:
    """Tell an exception met while evaluating *text*, which is a `template` or `expression`."""
    if isinstance(error, EvaluationError):
        return error if error.origin else placed(error, origin)
    if isinstance(error, RecursionError):
        return EvaluationError(
            f"Recursive loop detected in {what}", origin, causes=(Cause(RECURSION),)
        )
    if not isinstance(error, TemplateSyntaxError):
        return because(f"Error rendering {what}", origin, error)
    message = f"Syntax error in {what}"
    if what == "expression" and looks_like_template(text):
        message += ". Template delimiters are not supported in expressions"
    return EvaluationError(message, origin, causes=(Cause(error.message or ""),))


def placed(error: EvaluationError, origin: Origin | None) -> EvaluationError:
    """Give *error* with a place."""
    return type(error)(error.message, origin, causes=error.causes, help_text=error.help_text)
