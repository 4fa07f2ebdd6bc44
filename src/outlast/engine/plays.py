"""A play: its hosts cut into batches, its sections, its strategy.

A strategy is a partition of the hosts: `linear` takes the batch as one company, `free`
takes each host as its own, all at once, and `host_pinned` the same, so many at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from outlast.engine.after import Aftermath
from outlast.engine.blocks import Walker
from outlast.engine.debugging import Debugging
from outlast.engine.gathering import gathering_task
from outlast.engine.handlers import Notifications, flattened
from outlast.engine.header import HeaderReader
from outlast.engine.includes import Inclusions
from outlast.engine.labels import Labels
from outlast.engine.meta import MetaRunner, check
from outlast.engine.ports import Wiring
from outlast.engine.preparation import Thinking
from outlast.engine.prompting import Prompts
from outlast.engine.settling import Settling
from outlast.engine.sharing import Company, Sharing
from outlast.engine.shelter import Shelter
from outlast.engine.standing import Standing
from outlast.engine.starting import begun_at, nothing_of
from outlast.engine.tasks import TaskRunner
from outlast.engine.terms import TermsReader
from outlast.errors import PlaybookError, SettingsError
from outlast.events import NoHostsMatched, Noticed, PlayStarted
from outlast.outcome import Warned
from outlast.playbook.conversions import to_percent
from outlast.playbook.model import Play, Role
from outlast.playbook.tagging import tagged_play
from outlast.values import Scope

_LINEAR = frozenset({"linear", "ansible.builtin.linear"})
_DEBUG = frozenset({"debug", "ansible.builtin.debug"})
_LOCKSTEP = _LINEAR | _DEBUG
_FREE = frozenset({"free", "ansible.builtin.free"})
_PINNED = frozenset({"host_pinned", "ansible.builtin.host_pinned"})


class PlayRunner(Struct, frozen=True, kw_only=True):
    """Runs plays, one after the other; keeps nothing but what every play of a run shares."""

    wiring: Wiring
    standing: Standing
    forks: asyncio.Semaphore
    labels: Labels
    reader: TermsReader
    thinking: Thinking
    stats: dict[str, dict[str, object]]
    floor: asyncio.Lock
    """Held by the host whose result is being told."""

    async def run(self, play: Play) -> bool:
        """Run *play*; False: all hosts of a batch have failed, and the run is to end."""
        check(play)
        play = await Prompts(self.wiring).answered(play)
        header = self.wiring.variables.header_scope(play)
        play = HeaderReader(self.wiring.evaluate, header).read(play)
        matched = list(self.wiring.hosts.match(play.hosts))
        hosts = _ordered(matched, "inventory" if play.order is None else str(play.order))
        self.standing.begin_play()
        self.wiring.variables.begin_play(play, matched, play.roles)
        name, strategy = str(play.name), self._strategy(play)
        written = play.keywords.check_mode  # stock looks at it unevaluated
        check_mode = self.wiring.check_mode if written is None else bool(written)
        if not hosts:
            self.wiring.events.emit(PlayStarted(name, check_mode))
            self.wiring.events.emit(NoHostsMatched())
        batches = _batches(hosts, play.serial, play)
        broken = False
        for number, batch in enumerate(batches):
            self.wiring.events.emit(PlayStarted(name, check_mode, number))
            if not number:
                play = self._tagged(play)
            whole = await self._batch(self._begun(play), batch, strategy)
            if self.standing.play_ended:
                break
            broken |= self.standing.batch_broken
            if not whole:
                return False
        return not broken

    def _tagged(self, play: Play) -> Play:
        """Give *play* with its tags evaluated: in what is known of no host in particular."""
        scope = self.wiring.variables.header_scope(play)
        now = tagged_play(play, lambda tag: self.wiring.evaluate.render(tag, scope))
        if now is not play:
            self.labels.identities.name_anew(now)
        return now

    def _begun(self, play: Play) -> Play:
        """Give what is to be run of *play*; once a run has begun, all."""
        name = self.wiring.start_at
        if name is None or self.standing.begun:
            return play
        begun = begun_at(play, name, self.wiring.tags)
        self.standing.begun = begun is not None
        return nothing_of(play) if begun is None else begun

    def _strategy(self, play: Play) -> str:
        name = str(play.strategy or self.wiring.settings.strategy)
        if name in _LOCKSTEP | _FREE | _PINNED:
            return name
        raise PlaybookError(f"Invalid play strategy specified: {name}", play.origin)

    # -- batches -----------------------------------------------------------------------------

    async def _batch(self, play: Play, batch: Sequence[str], strategy: str) -> bool:
        """Take *batch* through the whole play; False when it failed to the last host."""
        back = self.standing.begin_batch()
        out_before = self._out()
        self.wiring.variables.set_batch(batch, [*back, *self.standing.active(batch)])
        lockstep = strategy in _LOCKSTEP
        limit = self._max_fail_percentage(play, lockstep=lockstep)
        if lockstep:
            company = Company(
                hosts=tuple(batch),
                lockstep=True,
                debugged=strategy in _DEBUG,
                max_fail_percentage=limit,
            )
            await self._company(play, company, batch)
        else:
            at_a_time = self.wiring.settings.forks if strategy in _PINNED else len(batch)
            places = asyncio.Semaphore(at_a_time)
            async with asyncio.TaskGroup() as group:
                for host in batch:
                    group.create_task(self._alone(play, host, batch, places), name=host)
        return self._out() - out_before != len(batch)

    async def _alone(
        self,
        play: Play,
        host: str,
        batch: Sequence[str],
        places: asyncio.Semaphore,
    ) -> None:
        """Take one host through the play at its own pace, once it has a place."""
        async with places:
            company = Company(hosts=(host,), lockstep=False)
            await self._company(play, company, batch)

    def _out(self) -> int:
        # one lost that others failed with counts twice, as in stock
        return len(self.standing.barred) + len(self.standing.unreachable)

    def _tell_active(self, batch: Sequence[str]) -> None:
        self.wiring.variables.set_batch(batch, self.standing.active(batch))

    def _max_fail_percentage(self, play: Play, *, lockstep: bool) -> float | None:
        value = play.max_fail_percentage
        if value is not None and not lockstep:
            text = (
                "Using max_fail_percentage with the free strategy is not supported, "
                "as tasks are executed independently on each host"
            )
            self.wiring.events.emit(Noticed(Warned(text)))
        return None if value is None else to_percent(value)

    async def _company(self, play: Play, company: Company, batch: Sequence[str]) -> None:
        """Take *company* through the play, and wait until all that it has begun is judged."""
        wanted = play.force_handlers
        force = self.wiring.force_handlers if wanted is None else bool(wanted)
        async with asyncio.TaskGroup() as group:
            settling = Settling(group=group, reader=self.reader)
            walker = self._walker(play, company, batch, settling)
            present = await self._gathered(play, walker, company, batch)
            shelter = Shelter(flush=force)
            for section in (play.pre_tasks, play.tasks, play.post_tasks):
                entered = present
                if present:
                    present = await walker.steps(section, present, shelter=shelter)
                flushing = self.standing.reachable(entered) if force else present
                present = await self._flushed(walker, company, present, batch, flushing)
            while settling.open:
                await settling.ended()
                present = self.standing.upright(present)
                flushing = self.standing.reachable(company.hosts) if force else present
                present = await self._flushed(walker, company, present, batch, flushing)

    async def _gathered(
        self, play: Play, walker: Walker, company: Company, batch: Sequence[str]
    ) -> list[str]:
        """Gather the facts that the play wants; gives the hosts that go on."""
        present = self.standing.active(company.hosts)
        gather = gathering_task(play, self.wiring.settings)
        if gather is not None and present:
            needing = self._needing_facts(present)
            through = set(await walker.steps((gather,), needing)) if needing else set()
            present = [host for host in present if host in through or host not in needing]
            self._fail_the_missing(company, present, batch)
        return present

    async def _flushed(
        self,
        walker: Walker,
        company: Company,
        present: list[str],
        batch: Sequence[str],
        flushing: list[str],
    ) -> list[str]:
        """Run the handlers that are due on those *flushing*; gives the hosts that go on."""
        self._fail_the_missing(company, present, batch)
        through = set(await walker.flush(flushing))
        present = [host for host in present if host in through]
        self._fail_the_missing(company, present, batch)
        return present

    def _needing_facts(self, hosts: Sequence[str]) -> list[str]:
        if self.wiring.settings.gathering != "smart":
            return list(hosts)
        return [host for host in hosts if not self.wiring.variables.has_facts(host)]

    def _fail_the_missing(
        self, company: Company, present: Sequence[str], batch: Sequence[str]
    ) -> None:
        """Whoever is neither present, unreachable nor finished has failed the play."""
        gone = set(self.standing.reachable(company.hosts)) - set(present) - self.standing.forgiven
        self.standing.failed |= gone
        self.standing.leave_block(gone)
        self.standing.failing -= set(company.hosts)
        self._tell_active(batch)

    def _walker(
        self,
        play: Play,
        company: Company,
        batch: Sequence[str],
        settling: Settling,
    ) -> Walker:
        def hostless(role: Role | None, task_vars: Mapping[str, object]) -> Scope:
            return self.wiring.variables.header_scope(play, role=role, task_vars=task_vars)

        notifications = Notifications(
            wiring=self.wiring,
            standing=self.standing,
            handlers=list(flattened(play.handlers)),
            scope=lambda handler: hostless(handler.role, handler.keywords.vars),
        )
        after = Aftermath(
            wiring=self.wiring,
            standing=self.standing,
            company=company.hosts,
            notify=notifications.notify,
            told=lambda: self._tell_active(batch),
            stats=self.stats,
        )
        return Walker(
            tasks=self._tasks(company, after, settling),
            metas=MetaRunner(
                wiring=self.wiring,
                standing=self.standing,
                company=batch,
                lockstep=company.lockstep,
                due=notifications.fall_due,
            ),
            standing=self.standing,
            notifications=notifications,
            inclusions=Inclusions(wiring=self.wiring, standing=self.standing, scope=hostless),
        )

    def _tasks(self, company: Company, after: Aftermath, settling: Settling) -> TaskRunner:
        return TaskRunner(
            wiring=self.wiring,
            standing=self.standing,
            company=company,
            forks=self.forks,
            reader=self.reader,
            thinking=self.thinking,
            labels=self.labels,
            after=after,
            sharing=Sharing(
                standing=self.standing,
                company=company,
                tell=self.wiring.events.emit,
                told=after.told,
            ),
            settling=settling,
            debugging=self._debugging(company, after),
        )

    def _debugging(self, company: Company, after: Aftermath) -> Debugging:
        return Debugging(
            wiring=self.wiring,
            standing=self.standing,
            reader=self.reader,
            thinking=self.thinking,
            floor=self.floor,
            everywhere=company.debugged or self.wiring.settings.enable_task_debugger,
            told=after.told,
        )


def _ordered(hosts: list[str], order: str) -> list[str]:
    match order:
        case "inventory":
            return hosts
        case "reverse_inventory":
            return hosts[::-1]
        case "sorted":
            return sorted(hosts)
        case "reverse_sorted":
            return sorted(hosts, reverse=True)
        case "shuffle":
            import random  # noqa: PLC0415  # only a play that shuffles pays for it

            return random.sample(hosts, len(hosts))
    raise SettingsError(f"Invalid 'order' specified for inventory hosts: {order}")


def _batches(hosts: Sequence[str], serial: Sequence[object], play: Play) -> Iterator[Sequence[str]]:
    """Cut *hosts* as `serial` says: numbers or percentages, the last one repeated."""
    sizes = list(serial) or [len(hosts)]
    begin = 0
    turn = 0
    while begin < len(hosts):
        size = _size(sizes[min(turn, len(sizes) - 1)], len(hosts), play)
        end = begin + size if size > 0 else len(hosts)
        yield hosts[begin:end]
        begin, turn = end, turn + 1


def _size(entry: object, total: int, play: Play) -> int:
    text = str(entry)
    try:
        if text.endswith("%"):
            return int(float(text[:-1]) / 100 * total) or 1
        return int(text)
    except ValueError:
        raise PlaybookError(
            f"serial must be a number or a percentage, not {text!r}", play.origin
        ) from None
