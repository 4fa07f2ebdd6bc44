"""What the engine needs from its neighbours, as it sees them.

Each port is one or two methods wide. `cli.compose` puts the real ones together; tests put
fakes in their place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias

from msgspec import Struct

from outlast.call import Call, Evaluate
from outlast.errors import OutlastError
from outlast.events import ActionBegins, EventSink
from outlast.outcome import Detached, Growth, Performed
from outlast.playbook.model import Keywords, Play, Role, Step, Task
from outlast.playbook.role_options import RoleWanted
from outlast.session import Session
from outlast.settings import Settings
from outlast.values import Scope, Value


class Actions(Protocol):
    """Knows what each action means."""

    async def perform(self, call: Call) -> Performed:
        """Carry out *call*; raises `ActionFailed`, `EvaluationError` or `HostUnreachable`."""
        ...

    async def settle(
        self, call: Call, job: Detached, *, poll: float, on_poll: Callable[[], None]
    ) -> Performed:
        """Wait for a background job that *call* started, and judge its result.

        *on_poll* is called after each *poll* seconds that pass with the job unfinished. The
        outcome is final: never `Detached`.
        """
        ...


class Target(Struct, frozen=True, kw_only=True):
    """Where a task is to run: a host, its variables, and the keywords that bear on reaching it."""

    name: str
    scope: Scope
    """Of the host itself, or of the delegate."""
    keywords: Mapping[str, object]
    """become, become_user, ..., remote_user, port, connection: evaluated, the unset left out."""


class Reach(Protocol):
    """Opens connections."""

    async def open(self, target: Target) -> Session:
        """Give a live session for *target*, the same one while it lives.

        Raises `HostUnreachable` and, when the host cannot run our agent, `ActionFailed`.
        """
        ...

    async def reset(self, target: Target) -> None:
        """Close what is open to *target*, whichever identities it has there."""
        ...


class Variables(Protocol):
    """Owns what each host knows; the engine tells it what has become of a task."""

    def begin_playbook(self, path: str) -> None:
        """Say which playbook comes next: its folder's group_vars and host_vars count."""
        ...

    def tell_reserved(self, play: Play, roles: Sequence[Role]) -> None:
        """Tell of reserved names among the variables that *play* begins with."""
        ...

    def begin_play(self, play: Play, hosts: Sequence[str], roles: Sequence[Role]) -> None:
        """Start a play: its vars, vars_files and roles apply from now on, to all of its hosts."""
        ...

    def add_roles(self, roles: Sequence[Role]) -> None:
        """Say that tasks of the play have brought in more roles."""
        ...

    def set_batch(self, batch: Sequence[str], active: Sequence[str]) -> None:
        """Say which hosts the batch has and which are still in it (magic variables)."""
        ...

    def welcome(self, host: str) -> None:
        """Say that a host has come that the play's list of hosts is to show from now on."""
        ...

    def is_extra(self, name: str) -> bool:
        """Tell whether the command line gives the variable *name*."""
        ...

    def header_scope(
        self,
        play: Play,
        *,
        role: Role | None = None,
        task_vars: Mapping[str, object] = ...,
    ) -> Scope:
        """Give what a play's own keywords are evaluated in: extra vars and the play's vars.

        With *role* and *task_vars*: what the name of a handler of that role is evaluated in.
        """
        ...

    def scope(
        self,
        host: str,
        task_vars: Mapping[str, object],
        *,
        environment: Iterable[object],
        params: Mapping[str, object],
        role: Role | None,
        search_path: Sequence[str],
    ) -> Scope:
        """Give all variables of *host*, those of a task in their place among them.

        *environment* is what stands on the task and around it, *params* are those of the
        includes around it, *role* is the one it is a task of, and *search_path* where it looks
        for files.
        """
        ...

    def register(self, host: str, name: str, value: object) -> None:
        """Keep a task's result under *name*."""
        ...

    def set_facts(self, host: str, facts: Mapping[str, object], *, cacheable: bool) -> None:
        """Keep what set_fact said."""
        ...

    def add_ansible_facts(self, host: str, facts: Mapping[str, object]) -> None:
        """Keep what a facts module found."""
        ...

    def add_included_vars(self, host: str, variables: Mapping[str, object]) -> None:
        """Keep what include_vars read."""
        ...

    def clear_facts(self, host: str) -> None:
        """Forget what facts modules found."""
        ...

    def has_facts(self, host: str) -> bool:
        """Tell whether facts have been gathered (gathering: smart)."""
        ...


class Hosts(Protocol):
    """Knows which hosts a pattern means."""

    def match(self, pattern: object) -> Sequence[str]:
        """Give the names of the hosts that *pattern* and the run's limit leave, in order."""
        ...

    def refresh(self) -> None:
        """Read the inventory's sources again; what the run has added stays."""
        ...

    def grow(self, growth: Growth) -> bool:
        """Add a host or a membership for the rest of the run; tells whether that was news.

        Raises `InventoryError` for what cannot be added.
        """
        ...


class IncludedFile(Struct, frozen=True):
    """A file of tasks, found and parsed."""

    path: str
    """Of a role: its name."""
    steps: tuple[Step, ...]
    roles: tuple[Role, ...] = ()
    """Those that came in with it."""
    handlers: tuple[Step, ...] = ()
    """Theirs."""


class Includes(Protocol):
    """Reads files of tasks, and roles, while a play runs."""

    async def tasks(
        self,
        path: str,
        folders: Sequence[str],
        inherited: Keywords,
        *,
        handlers: bool,
        role: Role | None,
    ) -> IncludedFile:
        """Find *path* in the first of *folders* that has it, and parse it; *role* includes it.

        Raises `PlaybookError`, or `SourceMissing` when no folder has it.
        """
        ...

    async def role(
        self,
        wanted: RoleWanted,
        task: Task,
        variables: Mapping[str, Value],
        folder: str,
        inherited: Keywords,
    ) -> IncludedFile:
        """Find and parse the role that *task* asks for; *folder* is the playbook's.

        *variables* are what the task says in its `vars`. Raises as `tasks` does.
        """
        ...


class Tags(Struct, frozen=True):
    """Which tasks are wanted: `--tags` and `--skip-tags`."""

    only: frozenset[str] = frozenset({"all"})
    skip: frozenset[str] = frozenset()

    def select(self, tags: frozenset[str]) -> bool:
        """Tell whether a task with *tags* is to run, by stock's rules for the special ones."""
        wanted = bool(
            "always" in tags
            or ("all" in self.only and "never" not in tags)
            or tags & self.only
            or ("tagged" in self.only and tags and "never" not in tags)
            or ("untagged" in self.only and not tags)
        )
        if not wanted or not self.skip:
            return wanted
        return not (
            ("all" in self.skip and not ("always" in tags and "always" not in self.skip))
            or tags & self.skip
            or ("tagged" in self.skip and tags)
            or ("untagged" in self.skip and not tags)
        )


Noted: TypeAlias = Callable[[], Awaitable[None]]


class Intents(Protocol):
    """Notes what is about to be done, before it is done."""

    def begins(self, action: ActionBegins) -> Noted:
        """Note *action*; gives what returns when that would be found whatever happens next.

        Neither raises: what cannot be noted stops no task.
        """
        ...


async def at_once() -> None:
    """Return at once."""


class NoIntents(Struct, frozen=True):
    """Notes nothing."""

    def begins(self, action: ActionBegins) -> Noted:
        """Give what returns at once."""
        del action
        return at_once


class Ask(Protocol):
    """Asks the person at the terminal."""

    async def __call__(self, text: str, *, private: bool) -> str | None:
        """Show *text* and give the line that is typed; None: nobody is there."""
        ...


async def nobody(text: str, *, private: bool) -> str | None:
    """Ask nobody."""
    del text, private
    return None


class HashPassword(Protocol):
    """Hashes passwords that are not to be kept as they were typed."""

    async def __call__(self, secret: str, kind: object, *, salt: object, salt_size: object) -> str:
        """Give *secret* hashed as *kind* names it; None means a random salt of the usual size.

        Raises `OutlastError` when that cannot be done.
        """
        ...


async def hash_nothing(secret: str, kind: object, *, salt: object, salt_size: object) -> str:
    """Know no way of hashing."""
    del secret, salt, salt_size
    raise OutlastError(f"There is nobody who knows {kind}.")


class Wiring(Struct, frozen=True, kw_only=True):
    """The neighbours and the user's wishes, as one run has them."""

    actions: Actions
    reach: Reach
    evaluate: Evaluate
    variables: Variables
    hosts: Hosts
    includes: Includes
    events: EventSink
    settings: Settings
    intents: Intents = NoIntents()
    ask: Ask = nobody
    """Asks a person."""
    ask_anybody: Ask = nobody
    """Takes the next line of the input, whoever writes it; None: it has ended."""
    hash_password: HashPassword = hash_nothing
    step: bool = False
    tags: Tags = Tags()
    check_mode: bool = False
    diff: bool = False
    force_handlers: bool = False
    start_at: str | None = None
    """The name of the task to begin with."""
    search_path: tuple[str, ...] = ()
    """Where relative files are looked for: the playbook's folder."""
