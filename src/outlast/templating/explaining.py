"""How a failure in a template is told: stock's sentences, outermost first.

Knows the sentences for the kinds of failure and how an exception of foreign code becomes
causes. Leaves noticing failures to those who call foreign code, and joining sentences to
`errors.joined`.
"""

from __future__ import annotations

from jinja2.exceptions import TemplateSyntaxError

from outlast.errors import Cause, EvaluationError
from outlast.values import Origin, looks_like_template

RECURSION = "maximum recursion depth exceeded"


def causes_of(error: BaseException | None) -> tuple[Cause, ...]:
    """Give *error* and what caused it."""
    told: list[Cause] = []
    while error is not None:
        if isinstance(error, EvaluationError):
            told += [Cause(error.message, error.origin, error.help_text), *error.causes]
            if error.causes:  # they tell of what it was raised from
                break
            error = error.__cause__
            continue
        # ansible-core's own errors keep their bare message apart from the joined one.
        text = str(getattr(error, "_original_message", None) or error).strip()
        told.append(Cause(text))
        error = error.__cause__
    return tuple(told)


def because(
    message: str,
    origin: Origin | None,
    error: BaseException,
    kind: type[EvaluationError] = EvaluationError,
) -> EvaluationError:
    """Make the failure *message* whose cause is *error*."""
    return kind(message, origin, causes=causes_of(error))


def failure_of(error: Exception, text: str, origin: Origin | None, what: str) -> EvaluationError:
    """Tell an exception met while evaluating *text*, which is a `template` or `expression`."""
    if isinstance(error, EvaluationError):
        return error if error.origin else placed(error, origin)
    if isinstance(error, RecursionError):
        return looped(what, origin)
    if not isinstance(error, TemplateSyntaxError):
        return because(f"Error rendering {what}.", origin, error)
    message = f"Syntax error in {what}."
    if what == "expression" and looks_like_template(text):
        message += " Template delimiters are not supported in expressions."
    return EvaluationError(message, origin, causes=(Cause(error.message or ""),))


def looped(what: str, origin: Origin | None) -> EvaluationError:
    """Tell that a value is needed to find that very value."""
    return EvaluationError(
        f"Recursive loop detected in {what}.", origin, causes=(Cause(RECURSION),)
    )


def placed(error: EvaluationError, origin: Origin | None) -> EvaluationError:
    """Give *error* with a place."""
    return type(error)(error.message, origin, causes=error.causes, help_text=error.help_text)
