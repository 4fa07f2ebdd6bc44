"""What is asked of an action: one attempt of one task on one host.

The engine makes a `Call` for each attempt; `actions` perform it through a
`session.Session`. Who decides what is called when is the engine's business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Final, Protocol

from msgspec import Struct, field

from outlast.attempt import Attempt
from outlast.errors import ActionFailed
from outlast.job import JobOrder, JobTerms, Journal, NoJournal, RunJob
from outlast.outcome import Growth, Warned
from outlast.session import Session
from outlast.values import Origin, Scope, Template
from outlast.vault import LOCKED, Vault
from outlast.voices import Voices


class ResolvedAction(Struct, frozen=True):
    """An action that exists, under its one full name, redirects followed."""

    fqcn: str
    """`ansible.builtin.copy`; `ansible.legacy.x` for a module of the playbook's own library."""


OURS: Final = ("outlast.jobs.cancel", "outlast.jobs.info", "outlast.jobs.wait")
"""Actions that are no module anywhere and mean nothing to any other engine."""


class Evaluate(Protocol):
    """Evaluates templates and conditions; raises `EvaluationError`."""

    def render(self, value: object, scope: Scope) -> object:
        """Give plain data for *value*, every template in it evaluated (may be `OMIT`)."""
        ...

    def render_args(self, args: Mapping[str, object], scope: Scope) -> dict[str, object]:
        """Give a task's arguments evaluated, omitted ones dropped.

        An error's chain begins with stock's "Error while resolving value for 'KEY'".
        """
        ...

    def entries(self, source: object, scope: Scope) -> Mapping[str, object]:
        """Give what *source*, a mapping or a template of one, says of a task's arguments.

        The members are for `render_args` alone: none has been evaluated, so what is wrong with
        one is no matter as long as nobody wants it. Raises `EvaluationError` for what gives no
        mapping; `omit` gives an empty one.
        """
        ...

    def written(self, source: Template, scope: Scope) -> object:
        """Give unevaluated what *source* names and does nothing else, if a file has it.

        Its texts may serve as conditions. None: it is data, or there is more to *source*.
        """
        ...

    def lookup(self, name: str, terms: object, scope: Scope, *, action: str) -> list[object]:
        """Give the items of a `with_<name>` loop over *terms* (unevaluated).

        *action* is the task's: `with_first_found` looks in a folder named after it.
        """
        ...

    def shown(self, text: str, scope: Scope) -> tuple[object, tuple[Warned, ...]]:
        """Give an expression's value with a note in place of all that is undefined in it.

        The notes follow, in order, each with the place of what is undefined.
        """
        ...

    def label(self, template: Template, scope: Scope) -> tuple[str, tuple[str, ...]]:
        """Give a name's text, with a note in place of what cannot be evaluated; never raises."""
        ...

    def render_file_text(
        self,
        text: str,
        scope: Scope,
        *,
        origin: Origin | None = None,
        search_path: tuple[str, ...] = (),
        **options: Any,
    ) -> Any:
        """Evaluate a trusted template file's text; *options* are Jinja2's.

        *search_path* are the folders of `{% include %}` and `{% import %}`.
        """
        ...

    def may_block(self, value: object, scope: Scope) -> bool:
        """Tell whether evaluating *value* may read files or run programs."""
        ...

    def expression(self, text: str, scope: Scope) -> object:
        """Give the value of a bare expression, as `debug: var=` has it."""
        ...

    def holds(self, condition: object, scope: Scope, origin: Origin | None) -> bool:
        """Tell whether one `when`-like condition is true, by stock 2.19's rules."""
        ...


class Starter(Protocol):
    """Starts background jobs, each when it may run."""

    async def start(self, call: Call, session: Session, job: JobOrder) -> Mapping[str, object]:
        """Start *job* of *call*; gives what `Session.start_job` gives, but never `full`."""
        ...


class AtOnce(Struct, frozen=True):
    """Starts a job now or not at all."""

    async def start(self, call: Call, session: Session, job: JobOrder) -> Mapping[str, object]:
        """Start *job*; raises `ActionFailed` where as many run as may."""
        record = await session.start_job(job)
        if record.get("full"):
            raise ActionFailed(f"As many jobs run on {call.host} as may.")
        return record


class RunJobs(Protocol):
    """Knows the jobs that this run has started."""

    def of(self, host: str) -> Sequence[RunJob]:
        """Give those that were started for *host*, the oldest first."""
        ...

    def find(self, jid: str) -> RunJob | None:
        """Give the job of this whole id, whichever host it is on."""
        ...

    async def session(self, job: RunJob) -> Session:
        """Give a live session as whoever started *job*; raises `HostUnreachable`."""
        ...


class NoRunJobs(Struct, frozen=True):
    """Knows none."""

    def of(self, host: str) -> Sequence[RunJob]:
        """Give none."""
        del host
        return ()

    def find(self, jid: str) -> RunJob | None:
        """Give none."""
        del jid
        return None

    async def session(self, job: RunJob) -> Session:
        """Refuse: nobody has such a job."""
        raise LookupError(job.jid)


def _to_nobody(_text: str) -> None:
    """Tell nobody."""


def _nothing_said(_action: str) -> Mapping[str, object]:
    """Say nothing."""
    return {}


def _no_news(_growth: Growth) -> bool:
    """Have no inventory."""
    return False


async def _nothing_open() -> None:
    """Have nothing to close."""


class Call(Struct, frozen=True, kw_only=True):
    """One attempt of one task on one host (for one loop item): all an action may know."""

    action: str
    """Fully qualified, redirects followed: `ansible.builtin.copy`."""
    written_as: str
    args: Mapping[str, object]
    """Evaluated; free-form text stands under `_raw_params`."""
    host: str
    scope: Scope
    evaluate: Evaluate
    session: Callable[[], Awaitable[Session]]
    """Opens (or finds open) the connection of this task's host, delegate and identity."""
    delegated: bool = False
    """Done on another host than the one it is done for."""
    written: Mapping[str, object] = field(default_factory=dict)
    """The arguments as the playbook writes them, templates unevaluated."""
    defaults_of: Callable[[str], Mapping[str, object]] = _nothing_said
    """Gives what `module_defaults` say of the module of this full name, to which the action hands
    its arguments on; raises `EvaluationError`."""
    task_name: str = ""
    origin: Origin | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    check_mode: bool = False
    diff: bool = False
    no_log: bool = False
    verbosity: int = 0
    limit: float = 0
    """Seconds of `async`; 0 is an ordinary, waited-for task."""
    job: JobTerms = JobTerms()
    """What the task's variables ask of its job, if `limit` makes it one."""
    attempt: Attempt = Attempt()
    """Which this is, for whoever writes down what it does."""
    async_dir: str = "~/.ansible_async"
    max_diff_size: int = 104448
    """Of a file's text, in bytes: what is larger is not compared."""
    managed: str = "Ansible managed"
    """What templates know as `ansible_managed` where nobody has set it, as it was configured."""
    search_path: tuple[str, ...] = ()
    """Folders relative sources are looked for in, nearest first (`files/` etc. are added)."""
    say: Callable[[str], None] = _to_nobody
    """Shows a line to whoever watches the run, before the task ends (`pause`)."""
    warn: Callable[[str], None] = _to_nobody
    """Warns whoever watches the run at once, where a notice on the outcome would come late."""
    hash_behaviour: str = "replace"
    """What the setting says of two mappings with one name: the stronger counts, or `merge`."""
    vault: Vault = LOCKED
    """Opens encrypted files of the controller."""
    grow: Callable[[Growth], bool] = _no_news
    """Makes the inventory more at once; tells whether that was news."""
    reset: Callable[[], Awaitable[None]] = _nothing_open
    """Closes what is open to the host: `session` then connects anew."""
    hear: Callable[[Sequence[str]], None] | None = None
    """Told the lines of the job that this call waits for; None: it waits for none, or the lines
    are nobody's business."""
    voices: Voices | None = None
    """How far the jobs of this run were heard; None: nobody wants to hear them."""
    journal: Journal = NoJournal()
    """Where jobs are written down."""
    starter: Starter = AtOnce()
    """Starts jobs."""
    jobs: RunJobs = NoRunJobs()
    """The jobs of this run."""
    patience: float = 0.0
    """Seconds for which the task asks again and again (`until`); 0: it asks once."""
    memory: dict[str, object] = field(default_factory=dict)
    """What the action keeps from one attempt of this task to the next; its own business."""
    aside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    """Within it the host has nothing to do for us, and the fork is somebody else's."""
