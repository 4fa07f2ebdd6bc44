"""Every exception this program raises on purpose, and what it tells people.

    OutlastError                 what happened, where, what to do; ends the run with `exit_code`
    ├── PlaybookError            the text of a playbook is wrong                       (4)
    │   └── NotSupportedYet      right for stock, not built here yet                   (4)
    ├── Unanswered               a question has no answer, the input has ended         (250)
    ├── RunLeft                  a person has said that the run is to end, and was answered (99)
    ├── SourceMissing            a file that was named is not there                    (1)
    ├── VaultError               something encrypted cannot be read                    (1)
    ├── InventoryError           an inventory cannot be used                           (1)
    ├── UsageError               options contradict each other                         (5)
    ├── SettingsError            ansible.cfg or its environment is wrong               (5)
    ├── LedgerError              the history of runs and jobs cannot tell              (1)
    ├── EvaluationError          a template or condition cannot be evaluated; becomes `Failed`
    │   └── UndefinedVariable    because a name has no value
    ├── ActionFailed             an action says no before anything ran; becomes `Failed`
    │   ├── InterpreterMissing   because the host lacks the Python it needs
    │   └── Refused              because of its arguments
    └── HostUnreachable          a connection could not be opened, or broke; becomes `Unreachable`

The last three are caught at the engine's border and become outcomes of one host.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct

from outlast.values import Origin


class Cause(Struct, frozen=True):
    """One link of an explanation: what was being done, and where it is written."""

    message: str
    origin: Origin | None = None
    help_text: str = ""
    """What to do about it; shown after the message, never part of a result's `msg`."""
    apart: bool = False
    """Shown by itself, even when it stands at the same place as what it caused."""
    parts: tuple[str, ...] = ()
    """What went wrong in several things at once, each told after the message."""


def joined(messages: Sequence[str]) -> str:
    """Say a chain of messages, the outermost first, as one sentence (stock's rule).

    A message that already ends with what caused it is not said twice.
    """
    sentence = messages[-1]
    for message in reversed(messages[:-1]):
        sentence = message if message.endswith(sentence) else f"{message.rstrip('. ')}: {sentence}"
    return sentence


class OutlastError(Exception):
    """What happened, where, and what to do about it."""

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        origin: Origin | None = None,
        *,
        causes: tuple[Cause, ...] = (),
        help_text: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.origin = origin
        self.causes = causes
        self.help_text = help_text

    @property
    def chain(self) -> tuple[Cause, ...]:
        """This error and what caused it, the outermost first."""
        return (Cause(self.message, self.origin, self.help_text), *self.causes)

    def __str__(self) -> str:
        return joined([cause.message for cause in self.chain])


def placed(error: OutlastError, origin: Origin) -> OutlastError:
    """Give *error* with *origin* as its place, if it has none."""
    if error.origin is None:
        error.origin = origin
    return error


def first_of(group: BaseExceptionGroup[OutlastError]) -> OutlastError:
    """Give one error of *group*: those who run side by side often trip over the same stone."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, OutlastError)  # noqa: S101  # what except* has filtered
    return error


class PlaybookError(OutlastError):
    """The text of a playbook, or of what it includes, is wrong."""

    exit_code = 4


class NotSupportedYet(PlaybookError):
    """Stock accepts this, and it is not built here yet."""


class SourceMissing(OutlastError):
    """A file that was named does not exist or cannot be read."""


class Unanswered(OutlastError):
    """A question that the run cannot go on without has no answer: the input has ended.

    Stock's program breaks off here as for a bug of its own; the code is kept.
    """

    exit_code = 250


class RunLeft(OutlastError):
    """A person has said that the run is to end; that it does has been told."""

    exit_code = 99


class VaultError(OutlastError):
    """Something encrypted cannot be read; never says what is inside."""


class InventoryError(OutlastError):
    """An inventory cannot be used."""


class UsageError(OutlastError):
    """Command-line options contradict each other or lack something."""

    exit_code = 5


class SettingsError(OutlastError):
    """A setting has a value that cannot be used."""

    exit_code = 5


class LedgerError(OutlastError):
    """The ledger cannot be used, or does not hold what was asked for."""


class EvaluationError(OutlastError):
    """A template or a condition cannot be evaluated."""


class UndefinedVariable(EvaluationError):
    """A template or a condition needs a name that has no value."""


class ActionFailed(OutlastError):
    """An action says no before anything ran on the host: wrong arguments, a missing file."""


class InterpreterMissing(ActionFailed):
    """The host has no such Python: shown as if the module had been tried with it."""

    def __init__(self, python: str, *, said: str) -> None:
        super().__init__(
            f"The module interpreter {python!r} was not found.",
            help_text="Consider overriding the configured interpreter path for this host. "
            "See stdout/stderr for the returned output.",
        )
        self.said = said


class Refused(ActionFailed):
    """An action refuses what it was asked: the message alone is what a playbook sees of it."""


class HostUnreachable(OutlastError):
    """The connection to a host could not be opened, or broke."""
