"""Reaching the hosts that jobs are asked of: those of an inventory, or as the ledger knows them.

Knows how a host becomes a place to ask (an endpoint and a spool folder), and how many are
asked at once. Leaves connecting to `transport`, and what is asked to whoever asks.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from outlast.call import Session
from outlast.cli.aside import say
from outlast.cli.evaluating import EvaluateUponNeed
from outlast.errors import ActionFailed, HostUnreachable, InventoryError, NotSupportedYet
from outlast.inventory.inventory import Inventory, load_inventory
from outlast.outcome import Notice, Warned
from outlast.settings import Settings
from outlast.transport.endpoint import Endpoint, Wishes, endpoint_for
from outlast.transport.event_loop import run
from outlast.transport.sessions import Sessions
from outlast.values import Scope

_T = TypeVar("_T")
_AT_ONCE = 50
"""Hosts asked at the same time: asking is a moment's work on each."""


class Asked(Struct, frozen=True, kw_only=True):
    """How the user wants hosts to be found and entered."""

    inventory: tuple[str, ...] = ()
    host: str | None = None
    user: str | None = None
    become: bool = False
    become_user: str | None = None
    become_password: str | None = None

    def __repr__(self) -> str:
        return f"Asked({self.inventory}, {self.host})"  # the password is nobody's business

    def settings(self, configured: Settings) -> Settings:
        """Give the settings with what was asked for on top."""
        changes: dict[str, object] = {}
        if self.inventory:
            changes["inventory"] = tuple(map(_source, self.inventory))
        if self.user:
            changes["remote_user"] = self.user
        if self.become or self.become_user:
            changes["become"] = True
        if self.become_user:
            changes["become_user"] = self.become_user
        return replace(configured, **changes)


def _source(source: str) -> str:
    return source if "," in source else str(Path(source).expanduser().absolute())


class Place(Struct, frozen=True, kw_only=True):
    """Where jobs of one identity on one host are found."""

    host: str
    """As the inventory calls it."""
    endpoint: Endpoint
    async_dir: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells one spool from another, passwords and ways to get there aside."""
        identity = self.endpoint.identity
        return (self.host, identity.user if identity else "", self.async_dir)


# -- hosts of an inventory -------------------------------------------------------------------


def inventory_places(asked: Asked, configured: Settings) -> list[Place]:
    """Give a place for each host that the inventory and `--host` mean.

    Raises `InventoryError` when `--host` means none.
    """
    settings = asked.settings(configured)
    warn = _warn if asked.inventory else _keep_quiet
    inventory = load_inventory(settings.inventory, notify=warn, warn_unparsed=bool(asked.inventory))
    hosts = inventory.match(asked.host or "all")
    if asked.host and asked.inventory and not hosts:
        raise InventoryError(
            f"no host of {', '.join(asked.inventory)} matches {asked.host!r}",
            help_text=f"It has: {', '.join(list(inventory.hosts)[:20]) or 'no hosts'}.",
        )
    if not hosts:
        return []
    scopes = _scopes(inventory, [host.name for host in hosts], settings)
    return [_place(host, *seen, settings, asked.become_password) for host, seen in scopes.items()]


def _place(
    host: str,
    scope: Scope,
    evaluate: EvaluateUponNeed,
    settings: Settings,
    password: str | None,
) -> Place:
    def lookup(name: str) -> object | None:
        return evaluate.render(scope[name], scope) if name in scope else None

    endpoint = endpoint_for(lookup, Wishes(), settings, become_password=password)
    folder = lookup("ansible_async_dir")
    return Place(host=host, endpoint=endpoint, async_dir=str(folder or settings.async_dir))


def _scopes(
    inventory: Inventory, hosts: Sequence[str], settings: Settings
) -> dict[str, tuple[Scope, EvaluateUponNeed]]:
    """Give each host's variables and what evaluates them, as an ad-hoc run would see them."""
    from importlib.metadata import version  # noqa: PLC0415  # it reads files; only for inventories

    from outlast.templating.evaluator import Evaluator  # noqa: PLC0415  # it imports Jinja2
    from outlast.variables.magic import Options  # noqa: PLC0415
    from outlast.variables.variables import Variables  # noqa: PLC0415

    here = str(Path.cwd())
    evaluate = EvaluateUponNeed(lambda: Evaluator(_warn, basedir=here))
    variables = Variables(
        inventory=inventory,
        extra_vars={},
        options=Options(
            ansible_version=version("ansible-core"),
            inventory_sources=inventory.sources,
            config_file=settings.config_file,
        ),
        evaluate=evaluate,
        notify=_warn,
    )
    variables.begin_playbook(os.path.join(here, "-"))  # noqa: PTH118  # group_vars of this folder count
    return {host: (variables.scope(host), evaluate) for host in hosts}


def _warn(notice: Notice) -> None:
    if isinstance(notice, Warned):
        say(f"warning: {notice.text}")


def _keep_quiet(_notice: Notice) -> None:
    """Say nothing about an inventory that nobody named."""


# -- asking ----------------------------------------------------------------------------------


def with_sessions(work: Callable[[Sessions], Coroutine[Any, Any, _T]]) -> _T:
    """Do *work* in a loop of its own, with connections that end with it."""
    sessions = Sessions()  # reads files, and so is made before there is a loop to block

    async def within() -> _T:
        async with sessions:
            return await work(sessions)

    return run(within())


class Answers(Struct, Generic[_T]):
    """What hosts said, and why some did not."""

    said: dict[tuple[str, str, str], _T]
    silent: dict[str, str]
    """Host to the reason."""


async def ask_all(
    sessions: Sessions,
    places: Iterable[Place],
    question: Callable[[Session, Place], Awaitable[_T]],
) -> Answers[_T]:
    """Ask each place once, many at a time; a host that is away spoils nothing for the others."""
    answers: Answers[_T] = Answers({}, {})
    few = asyncio.Semaphore(_AT_ONCE)

    async def ask(place: Place) -> None:
        try:
            async with few:
                session = await sessions.open(place.endpoint)
                answers.said[place.key] = await question(session, place)
        except (HostUnreachable, ActionFailed, NotSupportedYet) as error:
            answers.silent[place.host] = str(error)

    async with asyncio.TaskGroup() as group:
        for place in {place.key: place for place in places}.values():
            group.create_task(ask(place))
    return answers


async def enter(sessions: Sessions, place: Place) -> Session:
    """Open the session of *place*; an error names the host and the way out."""
    try:
        return await sessions.open(place.endpoint)
    except HostUnreachable as error:
        raise HostUnreachable(
            f"{place.host} cannot be reached: {error}",
            help_text=error.help_text or "The job, if it runs, does not mind; try again later.",
        ) from error
    except ActionFailed as error:
        identity = place.endpoint.identity
        help_text = error.help_text
        if identity is not None and identity.password is None:
            help_text = f"If becoming {identity.user} takes a password, -K asks for it."
        raise ActionFailed(f"{place.host}: {error}", help_text=help_text) from error
