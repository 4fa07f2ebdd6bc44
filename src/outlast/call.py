"""What is asked of an action, and the ports through which it answers.

The engine makes a `Call` for each attempt of a task on a host; `actions` perform it through
a `Session`, which `transport` implements. This module only says how they speak: who decides
what is called when is the engine's business, how a host is reached is transport's.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

from msgspec import Struct, field

from outlast.values import Origin, Scope, Template
from outlast.vault import LOCKED, Vault


class ResolvedAction(Struct, frozen=True):
    """An action that exists, under its one full name, redirects followed."""

    fqcn: str
    """`ansible.builtin.copy`; `ansible.legacy.x` for a module of the playbook's own library."""


class Parcel(Struct, frozen=True, eq=False):
    """A module with everything it imports, by content: sent once per connection.

    `files` maps dotted names to (is a package, digest of the source); `source` gives the
    bytes of a digest, zlib-compressed. `main` is the dotted name that is run.
    """

    name: str
    """The module's name as its own messages show it, e.g. `ansible.legacy.ping`."""
    main: str
    files: Mapping[str, tuple[bool, str]]
    source: Callable[[str], bytes]
    on_disk: bool = False
    """The module starts itself again under another Python: its files must exist on disk."""

    def __eq__(self, other: object) -> bool:
        """Compare by content; where the sources are read from does not matter."""
        return isinstance(other, Parcel) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash((self.name, self.main))

    def _content(self) -> tuple[object, ...]:
        return (self.name, self.main, self.files, self.on_disk)


class ModuleRun(Struct, frozen=True, kw_only=True):
    """One run of a module: the parcel and its arguments, internal `_ansible_*` ones included."""

    parcel: Parcel
    args: Mapping[str, object]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Argument name to content: the agent stores it in a private temporary file, passes the
    path as that argument, and removes the file after the run."""
    file_names: Mapping[str, str] = field(default_factory=dict)
    """Argument name to the temporary file's own name, where its ending matters to somebody."""


class CommandRun(Struct, frozen=True, kw_only=True):
    """One program to run as `ansible.builtin.command` and `shell` do, but without a module.

    Defaults are the module's. The reply's stdout is the JSON the module would have printed.
    """

    argv: Sequence[str] = ()
    shell: str | None = None
    """A command line for *executable* instead of argv."""
    written: str | None = None
    """The text argv was split from, as the module's own report of its arguments shows it."""
    executable: str | None = None
    chdir: str | None = None
    creates: str | None = None
    removes: str | None = None
    stdin: str | None = None
    stdin_add_newline: bool = True
    strip_empty_ends: bool = True
    expand_argument_vars: bool = True
    check_mode: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


Run = ModuleRun | CommandRun


class Reply(Struct, frozen=True):
    """What a run printed and how it exited; bytes are decoded with surrogateescape."""

    stdout: str
    stderr: str
    rc: int


class FileState(Struct, frozen=True, kw_only=True):
    """What is at a path on the host."""

    kind: str
    """`file`, `directory`, `link` or `other`."""
    size: int
    mode: int
    sha1: str | None = None


class Session(Protocol):
    """A live connection to a host as one identity (the login or a become user).

    Every method raises `HostUnreachable` when the connection is or gets lost. Requests may
    overlap; cancelling a request ends what it started on the host.
    """

    @property
    def python(self) -> str:
        """The interpreter the agent runs under."""
        ...

    @property
    def discovered(self) -> bool:
        """Tell whether that interpreter was looked for, not named by the user."""
        ...

    @property
    def discovered_aloud(self) -> bool:
        """Tell whether the user is to hear of it: it may be another one some day."""
        ...

    @property
    def address(self) -> Mapping[str, object]:
        """How the host is reached, in plain values, without passwords."""
        ...

    async def run(self, run: Run) -> Reply:
        """Run a module or a command to its end; its whole process tree ends with it."""
        ...

    async def inspect(self, path: str, *, checksum: bool = False) -> FileState | None:
        """Look at *path* (`~` expanded, links followed for the checksum); None: nothing there."""
        ...

    async def read(self, path: str, limit: int) -> bytes:
        """Give the content of a file, at most *limit* bytes; raises `ActionFailed`."""
        ...

    async def store(self, content: bytes, name: str) -> str:
        """Put *content* in a new private temporary folder under *name*; gives its path."""
        ...

    async def discard(self, path: str) -> None:
        """Remove what `store` put at *path*, with its folder."""
        ...

    async def start_job(self, job: JobOrder) -> Mapping[str, object]:
        """Start a background job; the answer (stock's start result) means it is recorded."""
        ...

    async def job_status(self, jid: str, async_dir: str) -> Mapping[str, object]:
        """Give what the spool says of a job, as stock's async_status does, plus `results_file`."""
        ...

    async def job_cleanup(self, jid: str, async_dir: str) -> Mapping[str, object]:
        """Remove a job's spool entry; gives stock's answer."""
        ...

    async def job_ended(self, jid: str, async_dir: str) -> None:
        """Return when the job has ended or does not exist; the host tells, nobody polls."""
        ...

    async def job_list(self, async_dir: str) -> Sequence[Mapping[str, object]]:
        """Give what the spool folder says of each job in it, stock's included."""
        ...

    async def job_cancel(self, jid: str, async_dir: str, *, grace: float) -> Mapping[str, object]:
        """End a job with all it started, *grace* seconds after it was asked to end itself.

        Answers when it is over, with `state` (`cancelled`, or why it was not: `ended`, `running`,
        `unknown`), `msg` for a person, and the job's `status` as `job_status` gives it.
        """
        ...

    def job_logs(
        self, jid: str, async_dir: str, *, stream: str, offset: int, follow: bool
    ) -> AsyncGenerator[bytes, None]:
        """Give a job's output from a byte on, and what comes, when *follow*, until it has ended.

        *stream* is `stdout`, `stderr`, or `both` as they came. What is not yet taken waits on
        the host; who leaves early closes the generator. Raises `ActionFailed` when there is no
        such job or it has no output of its own.
        """
        ...

    async def job_prune(self, async_dir: str, *, older_than: float, keep: int) -> Sequence[str]:
        """Remove the records of jobs that ended *older_than* seconds ago, but the *keep* latest.

        Gives the ids of the removed. A job that runs is never touched.
        """
        ...


class JobOrder(Struct, frozen=True, kw_only=True):
    """A background job to be started."""

    jid: str
    """`j` and a random number below 1e12; the host appends `.` and the supervisor's pid."""
    run: Run
    limit: float
    """Seconds the job may take; what is still running then is ended."""
    async_dir: str
    """The spool folder, `~` allowed."""
    name: str
    """The task's name, for people who look at the host's jobs; empty under no_log."""
    idle_limit: float = 0.0
    """Seconds without output after which the job is ended; 0: it may be silent."""


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

    def lookup(self, name: str, terms: object, scope: Scope, *, action: str) -> list[object]:
        """Give the items of a `with_<name>` loop over *terms* (unevaluated).

        *action* is the task's: `with_first_found` looks in a folder named after it.
        """
        ...

    def shown(self, text: str, scope: Scope) -> tuple[object, tuple[str, ...]]:
        """Give an expression's value with a note in place of all that is undefined in it."""
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


JobState: TypeAlias = Literal["intended", "running", "joined", "ended", "failed", "lost", "unknown"]
"""What is known of a job: it is about to be started; it runs; a playbook has been told its
end; it ended well, badly, or nobody knows how; or the host could not be asked."""


class JobIntent(Struct, frozen=True, kw_only=True):
    """A job that is about to be started, and where it is to be found again."""

    jid: str
    """The controller's part of it: the host appends to this."""
    host: str
    task: str
    """Empty under no_log."""
    limit: float
    async_dir: str
    address: Mapping[str, object]
    """How the host is reached, in plain values, without passwords."""


class Journal(Protocol):
    """Keeps what becomes of jobs; never raises: a broken journal stops no job."""

    async def intend(self, intent: JobIntent) -> None:
        """Return when *intent* is on disk and would survive whatever happens next."""
        ...

    def started(self, intent: JobIntent, jid: str) -> None:
        """Note that the job runs, under its whole id."""
        ...

    def learnt(self, jid: str, host: str, state: JobState, cause: str) -> None:
        """Note what was learnt of a job, by either of its ids."""
        ...


class NoJournal(Struct, frozen=True):
    """Keeps nothing."""

    async def intend(self, intent: JobIntent) -> None:
        """Return at once."""

    def started(self, intent: JobIntent, jid: str) -> None:
        """Forget it."""

    def learnt(self, jid: str, host: str, state: JobState, cause: str) -> None:
        """Forget it."""


def _to_nobody(_text: str) -> None:
    """Tell nobody."""


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
    task_name: str = ""
    origin: Origin | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    check_mode: bool = False
    diff: bool = False
    no_log: bool = False
    verbosity: int = 0
    limit: float = 0
    """Seconds of `async`; 0 is an ordinary, waited-for task."""
    async_dir: str = "~/.ansible_async"
    search_path: tuple[str, ...] = ()
    """Folders relative sources are looked for in, nearest first (`files/` etc. are added)."""
    say: Callable[[str], None] = _to_nobody
    """Shows a line to whoever watches the run, before the task ends (`pause`)."""
    warn: Callable[[str], None] = _to_nobody
    """Warns whoever watches the run at once, where a notice on the outcome would come late."""
    vault: Vault = LOCKED
    """Opens encrypted files of the controller."""
    journal: Journal = NoJournal()
    """Where jobs are written down."""
