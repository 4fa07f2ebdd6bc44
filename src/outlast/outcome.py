"""What can become of one task on one host: a closed set of values.

Envelope and payload stay apart: what *we* say about a result (changed, failed, why) are
fields here, what the *module* said is the payload. The two are merged in one place,
`registered`, which gives what a playbook sees.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, TypeAlias, assert_never

from msgspec import Struct, field
from msgspec.structs import replace

from outlast.errors import Cause
from outlast.values import Origin

Payload: TypeAlias = Mapping[str, object]


class Warned(Struct, frozen=True):
    """Something a person should know; printed once per run, on stderr."""

    text: str
    origin: Origin | None = None
    help_text: str = ""
    why: tuple[Cause, ...] = ()
    """What brought it about, outermost first."""


class Deprecated(Struct, frozen=True):
    """Something that will stop working; `removed_in` is stock's whole sentence about when."""

    text: str
    removed_in: str = ""
    origin: Origin | None = None
    help_text: str = ""


Notice: TypeAlias = Warned | Deprecated


class Ok(Struct, frozen=True):
    """It ran to its end and did not fail."""

    payload: Payload = field(default_factory=dict)
    changed: bool = False
    notices: tuple[Notice, ...] = ()


class Failed(Struct, frozen=True):
    """It ran and failed, or never got to its end.

    `why` holds the explanation a person reads, outermost first; `Module failed` and
    `Action failed` are among its texts.
    """

    payload: Payload = field(default_factory=dict)
    why: tuple[Cause, ...] = ()
    changed: bool = False
    notices: tuple[Notice, ...] = ()

    @property
    def told_by_action(self) -> bool:
        """Tell whether an action says so of its own accord, without anything having gone wrong."""
        return bool(self.why) and self.why[0].message == "Action failed."


class Skipped(Struct, frozen=True):
    """It was not to be run here, or the module had nothing to do in check mode."""

    payload: Payload = field(default_factory=dict)
    changed: bool = False
    notices: tuple[Notice, ...] = ()


class Unreachable(Struct, frozen=True):
    """The host could not be reached, so nothing is known about the task."""

    payload: Payload = field(default_factory=dict)
    why: tuple[Cause, ...] = ()
    changed: bool = False
    notices: tuple[Notice, ...] = ()


Outcome: TypeAlias = Ok | Failed | Skipped | Unreachable


class Detached(Struct, frozen=True, kw_only=True):
    """The task goes on by itself on the host: an intermediate answer, never a final outcome."""

    jid: str
    results_file: str
    payload: Payload
    """What stock's start of a job reports: ansible_job_id, started, finished, results_file."""
    known: Outcome | None = None
    """What it came to, when that is known already: the controller itself has done it."""


# -- effects: what an outcome changes in the run; applied by the engine, in order ------------


class SetFacts(Struct, frozen=True):
    """`set_fact`: variables of the host for the rest of the run."""

    facts: Payload
    cacheable: bool = False


class SetIncludedVars(Struct, frozen=True):
    """`include_vars`: variables at its own, higher, precedence."""

    variables: Mapping[str, object]


class SetStats(Struct, frozen=True):
    """`set_stats`: numbers and texts shown after the recap."""

    data: Payload
    per_host: bool = False
    aggregate: bool = True


class AddHost(Struct, frozen=True):
    """`add_host`: a host, or more about it, for the rest of the run."""

    name: str
    groups: tuple[str, ...]
    variables: Payload


class AddToGroup(Struct, frozen=True):
    """`group_by`: a host is in a group, and the group in others, for the rest of the run."""

    host: str
    group: str
    parents: tuple[str, ...]


Growth: TypeAlias = AddHost | AddToGroup
"""What makes the inventory more; applied before the verdict, since whether it was news is
what `changed` says."""

Effect: TypeAlias = SetFacts | SetIncludedVars | SetStats


News: TypeAlias = Callable[[], Awaitable[None]]


Shown: TypeAlias = Literal["usual", "always", "never"]
"""Whether a result is printed: when verbose, always and at length (`debug`), or not even
when verbose (fact gathering)."""


class Performed(Struct, frozen=True):
    """What an action gives back: an outcome (or a job under way) and what it changes."""

    outcome: Outcome | Detached
    effects: tuple[Effect, ...] = ()
    growth: Growth | None = None
    news: News | None = None
    """Ends as soon as asking again is worth it; a retry's delay is cut short by it."""
    shown: Shown = "usual"
    secret: bool = False
    """The result holds what was encrypted: shown as little as under no_log."""
    begun: bool = True
    """Not when what the action needs is missing: nothing has been done, no job stands for it."""
    cut_short: bool = False
    """The action came to no result of its own: it refused, or took too long."""


def registered(outcome: Outcome) -> dict[str, object]:
    """Give *outcome* as a playbook sees it: the payload with stock's keys beside it."""
    seen = dict(outcome.payload)
    match outcome:
        case Ok():
            seen |= {"changed": outcome.changed, "failed": gave_up(outcome)}
        case Failed():
            seen |= {"changed": outcome.changed, "failed": True}
            seen.setdefault("exception", "(traceback unavailable)")
        case Skipped():
            seen |= {"changed": outcome.changed, "skipped": True}
        case Unreachable():
            seen |= {"changed": outcome.changed, "unreachable": True}
            seen.setdefault("exception", "(traceback unavailable)")
        case _:
            assert_never(outcome)
    return seen


def gave_up(outcome: Outcome) -> bool:
    """Tell whether retries ran out although `failed_when` says that this is no failure."""
    kept = outcome.payload.get("failed_when_result") is False
    return kept and isinstance(outcome, Ok) and outcome.payload.get("failed") is True


CENSORED = (
    "the output has been hidden due to the fact that 'no_log: true' was specified for this result"
)


def censored(outcome: Outcome) -> Outcome:
    """Give *outcome* as it may be shown under `no_log`: the payload's content is gone.

    Kept are the keys stock keeps (attempts, changed, retries). Must be called before an
    outcome enters an event: whoever listens may write it down.
    """
    kept = {key: outcome.payload[key] for key in ("attempts", "retries") if key in outcome.payload}
    return replace(outcome, payload={"censored": CENSORED, **kept}, notices=())
