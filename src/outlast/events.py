"""What the engine tells the outside world, as plain values.

Nothing here is secret: outcomes under `no_log` are censored before they are emitted.
Listeners (console, ledger, JSON lines) decide what to make of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias

from msgspec import Struct, field

from outlast.attempt import Attempt
from outlast.errors import Cause
from outlast.outcome import Effect, Growth, Notice, Outcome, Shown
from outlast.values import Origin


class TaskLabel(Struct, frozen=True, kw_only=True):
    """A task as a listener needs it; `key` tells one task of a play from another."""

    key: int
    name: str
    """As it stands in the banner, templates evaluated as far as they can be."""
    action: str
    """The action as the playbook spells it."""
    origin: Origin | None
    identity: str = ""
    """By which another run of the same files knows it again; see `attempt.Attempt`."""
    own_name: str = ""
    """As the playbook gives it, without the role's name; empty when it gives none."""
    handler: bool = False
    no_log: bool = False
    check_mode: bool = False
    diff: bool = False
    """Differences were asked for: `--diff`, `diff: true` or the setting."""


class PlaybookStarted(Struct, frozen=True):
    """A playbook file was parsed and is about to run."""

    path: str
    """As it was named."""
    plays: int = 0


class PlayStarted(Struct, frozen=True):
    """A batch of a play begins; stock shows its banner once per batch."""

    name: str
    check_mode: bool = False
    batch: int = 0
    """Its number in the play."""


class NoHostsMatched(Struct, frozen=True):
    """The play's pattern matches no host."""


class NoHostsLeft(Struct, frozen=True):
    """Every host of the batch has failed; the play ends."""


class TaskStarted(Struct, frozen=True):
    """A task (or handler) begins for the hosts of its set: linear's banner."""

    task: TaskLabel


class HostStarted(Struct, frozen=True):
    """A host is about to work on a task."""

    task: TaskLabel
    host: str
    turn: int = 0
    """How often it has before, in this run."""


class ActionBegins(Struct, frozen=True, kw_only=True):
    """An action is about to change a host; told to `engine.ports.Intents`, not to listeners."""

    task: TaskLabel
    host: str
    delegate: str | None
    attempt: Attempt


class Consequences(Struct, frozen=True, kw_only=True):
    """What an outcome changed in the run, beside what it says itself; nothing under no_log."""

    effects: tuple[Effect, ...] = ()
    growth: Growth | None = None
    delegate_facts: bool = False
    """What was found belongs to the delegate."""


class ItemEnded(Struct, frozen=True, kw_only=True):
    """One item of a loop is done on one host."""

    task: TaskLabel
    host: str
    delegate: str | None = None
    outcome: Outcome
    label: object = None
    """The item's label, plain data."""
    index: int | None = None
    """The item's place in the loop."""
    delegate_address: str | None = None
    """The delegate's `ansible_host`."""
    shown: Shown = "usual"
    over: bool = True
    """Else its job has only begun (`outlast_settle`): what becomes of it is told when it ends."""
    follows: Consequences = Consequences()


class TaskEnded(Struct, frozen=True, kw_only=True):
    """A host is through with a task, retries and background job included."""

    task: TaskLabel
    host: str
    delegate: str | None = None
    outcome: Outcome
    ignored: bool = False
    """The outcome is a failure and `ignore_errors` applies."""
    looped: bool = False
    """The items were reported one by one; this is their sum (also of no items at all)."""
    delegate_address: str | None = None
    """The delegate's `ansible_host`."""
    shown: Shown = "usual"
    over: bool = True
    """Else its job has only begun (`outlast_settle`): what becomes of it is told when it ends."""
    follows: Consequences = Consequences()
    """Of a task without a loop; each item says its own."""
    notified: tuple[str, ...] = ()
    """Which handlers it asked for."""
    register: str | None = None
    """Under which name the result was registered."""
    registered: Mapping[str, object] | None = None
    """What was, if that is not what `outcome.registered` gives, of the items too."""


class Retrying(Struct, frozen=True, kw_only=True):
    """An attempt did not satisfy `until`; another follows after the delay."""

    task: TaskLabel
    host: str
    delegate: str | None = None
    retries_left: int
    outcome: Outcome
    item: int | None = None
    """The item's place in the loop."""
    attempt: int = 1
    delegate_address: str | None = None
    shown: Shown = "usual"


class JobPolled(Struct, frozen=True, kw_only=True):
    """A waited-for job was still running at the end of a `poll` interval."""

    task: TaskLabel
    host: str
    jid: str


class JobSpoke(Struct, frozen=True, kw_only=True):
    """A job that somebody waits for has said something; only when that was asked for."""

    task: TaskLabel
    host: str
    lines: tuple[str, ...]
    """Whole lines, fit for a terminal."""


class JobEnded(Struct, frozen=True, kw_only=True):
    """A waited-for job has ended; comes before the item's or task's own end."""

    task: TaskLabel
    host: str
    jid: str | None
    """None under no_log, as in stock."""
    failed: bool


class HandlerNotified(Struct, frozen=True):
    """A changed task asked for a handler (shown at -vv)."""

    host: str
    handler: str
    due: bool = False
    """False: the wish was noted. True: the handlers are about to run, this one among them."""


class FilesIncluded(Struct, frozen=True):
    """A dynamic include brought in *path* for *hosts*."""

    path: str
    hosts: tuple[str, ...]
    label: object = None


class Said(Struct, frozen=True):
    """A line that an action or a meta task shows while it is under way."""

    text: str
    banner: bool = False
    """It is a heading."""
    verbosity: int = 0
    """From where on it is shown."""


class Noticed(Struct, frozen=True):
    """A warning or deprecation that belongs to no outcome."""

    notice: Notice


class Complained(Struct, frozen=True):
    """An error that is told by itself, before the tasks say whom it failed."""

    why: tuple[Cause, ...]
    help_text: str = ""
    with_results: bool = False
    """Told where failed tasks are: it came of one that does not count as such."""


class HostTally(Struct):
    """A host's line of the recap."""

    ok: int = 0
    changed: int = 0
    unreachable: int = 0
    failed: int = 0
    skipped: int = 0
    rescued: int = 0
    ignored: int = 0


class RunEnded(Struct, frozen=True):
    """The last event of a run that came to its end."""

    tallies: Mapping[str, HostTally]
    custom_stats: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Host name, or `_run`, to what set_stats left there."""
    retry_file: str | None = None
    """Where the failed hosts were written, when that was asked for."""


Event: TypeAlias = (
    PlaybookStarted
    | PlayStarted
    | NoHostsMatched
    | NoHostsLeft
    | TaskStarted
    | HostStarted
    | ItemEnded
    | TaskEnded
    | Retrying
    | JobPolled
    | JobSpoke
    | JobEnded
    | HandlerNotified
    | FilesIncluded
    | Said
    | Noticed
    | Complained
    | RunEnded
)


class EventSink(Protocol):
    """Whoever wants to hear of the run."""

    def emit(self, event: Event) -> None:
        """Take note of *event*; must not block and must not raise."""
