"""The one executor: walks steps with a set of hosts.

Runs each task on the whole set; those that fail go through `rescue`, all go through
`always`, and a dynamic include splits the set by what it includes. A strategy is nothing
but the sets this is started with, so there is no second scheduler.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from outlast.engine.handlers import Notifications, flattened
from outlast.engine.includes import Inclusion, Inclusions
from outlast.engine.meta import Meta, MetaRunner, command_of, is_meta
from outlast.engine.sharing import Round
from outlast.engine.shelter import OPEN, Shelter
from outlast.engine.standing import Standing
from outlast.engine.tasks import Done, TaskRunner
from outlast.errors import OutlastError, PlaybookError
from outlast.playbook.model import Block, Role, Step, Task

_MAX_INCLUDES = 150
_TOO_DEEP = f"This is included by {_MAX_INCLUDES} includes, each within the one before."
_CIRCLE = "A file that includes itself needs a condition that ends it; a loop needs no such depth."
_ROLE_ENDS = frozenset({"always"})
"""Stock ends a role with a task that has this tag: skipped, the role is not done with."""


class Walker(Struct, frozen=True, kw_only=True):
    """Takes one company of hosts through a play's steps."""

    tasks: TaskRunner
    metas: MetaRunner
    standing: Standing
    notifications: Notifications
    inclusions: Inclusions

    async def steps(
        self,
        steps: Sequence[Step],
        hosts: Sequence[str],
        *,
        shelter: Shelter = OPEN,
    ) -> list[str]:
        """Take *hosts* through *steps*; gives those that got through without failing.

        A host that failed, could not be reached or left the play is missing in the answer;
        `Standing` tells which. *shelter*: what the blocks around these steps keep for them.
        """
        going = list(hosts)
        for step in steps:
            going = self.standing.upright(going)
            acting = [host for host in going if host not in self.standing.out_of_role]
            if not acting:
                break
            if isinstance(step, Block):
                through = await self._block(step, acting, shelter=shelter)
            else:
                through = await self._task(step, acting, shelter=shelter)
            lost = set(acting) - set(through)
            going = [host for host in going if host not in lost]
        return self.standing.upright(going)

    async def _role(
        self, role: Role, steps: Sequence[Step], hosts: list[str], *, shelter: Shelter
    ) -> list[str]:
        """Take *hosts* through a role's tasks, those that have been through it already aside."""
        done = self.standing.roles_done if not role.repeats else set()
        first = [host for host in hosts if (role.identity, host) not in done]
        through = set(await self.steps(steps, first, shelter=shelter))
        self.standing.end_role(role, through, counts=self.tasks.wiring.tags.select(_ROLE_ENDS))
        self.standing.leave_block(host for host in first if host not in through)
        return [host for host in hosts if host not in first or host in through]

    async def _block(self, block: Block, hosts: list[str], *, shelter: Shelter) -> list[str]:
        if block.role is not None:
            return await self._role(block.role, block.block, hosts, shelter=shelter)
        rescue = block.rescue if self._wanted(block.rescue) else ()
        late = shelter.within(always=self._wanted(block.always))
        early = late.within(rescue=bool(rescue))
        through = set(await self.steps(block.block, hosts, shelter=early))
        if rescue:
            through = await self._rescue(rescue, hosts, through, shelter=late)
        if block.always and (present := self.standing.reachable(hosts)):
            done = set(await self.steps(block.always, present, shelter=shelter))
            through = (through | self.standing.take_back(done)) & done
        self.standing.leave_block(host for host in hosts if host not in through)
        return [host for host in hosts if host in through]

    async def _rescue(
        self, rescue: Sequence[Step], hosts: list[str], through: set[str], *, shelter: Shelter
    ) -> set[str]:
        """Take those of *hosts* through *rescue* that are not *through*; gives who is now.

        Who waits for them may yet be made to fail by them: the rescue is theirs, too.
        """
        saved: set[str] = set()
        failed = self._to_be_saved(set(hosts) - through, hosts)
        while failed:
            self.standing.rescue(failed)
            self.tasks.after.told()
            now = await self.steps(rescue, failed, shelter=shelter)
            saved = {*self.standing.upright(saved), *now}
            staying = set(self.standing.upright(through))
            failed = self._to_be_saved(through - staying, hosts)
            through = staying
        return through | saved

    def _to_be_saved(self, failed: set[str], hosts: list[str]) -> list[str]:
        """Give the *failed* in the order of *hosts*: but the lost, and who is out for good."""
        present = self.standing.reachable(hosts)
        return [host for host in present if host in failed and host not in self.standing.fallen]

    def _wanted(self, steps: Sequence[Step]) -> bool:
        """Tell whether tags that are asked for stand in *steps*: else they are as if not there."""
        for step in steps:
            if isinstance(step, Block):
                if any(map(self._wanted, (step.block, step.rescue, step.always))):
                    return True
            elif self.tasks.wiring.tags.select(step.keywords.tags):
                return True
        return False

    async def _task(self, task: Task, hosts: list[str], *, shelter: Shelter) -> list[str]:
        self.standing.act(hosts)
        if is_meta(task):
            return await self._meta(task, hosts, shelter=shelter)
        return await self._plain(task, hosts, shelter=shelter)

    async def _plain(
        self, task: Task, hosts: list[str], *, shelter: Shelter = OPEN, handler: bool = False
    ) -> list[str]:
        done = await self.tasks.run(task, hosts, shelter=shelter, handler=handler)
        if done is None:
            if handler and self.tasks.company.lockstep:
                self.notifications.leave(task, hosts)
            return hosts
        # every file is in, and told of, before the first of their tasks runs
        opened, missing = await self._opened(task, done, handler=handler)
        going = self.tasks.survivors(done, hosts, missing)
        for inclusion, steps in opened:
            asking = [host for host in inclusion.hosts if host in going]
            present = self.standing.upright(asking)
            lost = set(asking) - set(present)
            if present:
                through = await self._included(steps, present, shelter=shelter, handler=handler)
                inside = set(present) - set(through)
                self.standing.leave_block(inside)
                lost |= inside
            going = [host for host in going if host not in lost]
        return going

    async def _opened(
        self, task: Task, done: Done, *, handler: bool
    ) -> tuple[list[tuple[Inclusion, Sequence[Step]]], set[str]]:
        """Give what *task* includes, and the hosts whose file cannot be had."""
        opened: list[tuple[Inclusion, Sequence[Step]]] = []
        missing: set[str] = set()
        for inclusion in self._bounded(task, self.inclusions.of(done.results)):
            try:
                file = await self.inclusions.open(task, inclusion, handlers=handler)
            except PlaybookError:
                raise  # what is written wrong ends the run
            except OutlastError as error:
                self.tasks.after.not_included(done.this.label, inclusion, error)
                missing.update(inclusion.hosts)
            else:
                self.tasks.labels.identities.begin_included(
                    task, inclusion.mark, file.steps, file.handlers
                )
                self.notifications.handlers.extend(flattened(file.handlers))
                opened.append((inclusion, file.steps))
        return opened, missing

    def _bounded(self, task: Task, inclusions: list[Inclusion]) -> list[Inclusion]:
        """Give *inclusions*; raises `PlaybookError` if *task* is too deep in others already."""
        if inclusions and self.tasks.labels.identities.depth(task) > _MAX_INCLUDES:
            raise PlaybookError(_TOO_DEEP, task.origin, help_text=_CIRCLE)
        return inclusions

    async def _included(
        self, steps: Sequence[Step], hosts: list[str], *, shelter: Shelter, handler: bool
    ) -> list[str]:
        if handler:
            return await self._handlers(steps, hosts, shelter=shelter)
        return await self.steps(steps, hosts, shelter=shelter)

    # -- meta and handlers -------------------------------------------------------------------

    async def _meta(self, task: Task, hosts: list[str], *, shelter: Shelter) -> list[str]:
        if not self.tasks.wiring.tags.select(task.keywords.tags):
            return hosts
        applies = self.metas.run(task, hosts, self.tasks.labels)
        self.tasks.after.told()
        hosts = self.tasks.sharing.after(Round(hosts=hosts))
        if command_of(task) is Meta.END_ROLE:
            self.standing.out_of_role.update(applies)
        if command_of(task) is Meta.RESET_CONNECTION:
            await self.metas.reset(task, applies, self.tasks.reader)
        if command_of(task) is not Meta.FLUSH_HANDLERS:
            return hosts
        flushing = [host for host in hosts if host in applies]
        through = set(await self.flush(flushing, shelter=shelter))
        return [host for host in hosts if host not in applies or host in through]

    async def flush(self, hosts: Sequence[str], *, shelter: Shelter = OPEN) -> list[str]:
        """Run the handlers that *hosts* have asked for; gives those that got through.

        *shelter*: what the blocks around the flush keep for those that fail in it.
        """
        going = list(hosts)
        self.notifications.begin_flush(hosts)
        try:
            for position, handler in enumerate(self.notifications.handlers):
                going = self.standing.upright(going)
                asking = self.notifications.take(position, going)
                if asking:
                    through = await self._handlers((handler,), asking, shelter=shelter)
                    lost = set(asking) - set(through)
                    going = [host for host in going if host not in lost]
        finally:
            self.notifications.end_flush(hosts)
        return self.standing.upright(going)

    async def _handlers(
        self, handlers: Sequence[Step], hosts: list[str], *, shelter: Shelter
    ) -> list[str]:
        going = hosts
        self.standing.act(hosts)
        for handler in handlers:
            if isinstance(handler, Block):
                going = await self._handlers(handler.block, going, shelter=shelter)
            elif is_meta(handler):
                await self._meta_handler(handler, going)
            elif going:
                going = await self._plain(handler, going, shelter=shelter, handler=True)
        return going

    async def _meta_handler(self, handler: Task, hosts: list[str]) -> None:
        applies = self.metas.run(handler, hosts, self.tasks.labels, handler=True)
        if command_of(handler) is Meta.FLUSH_HANDLERS:
            raise OutlastError("flush_handlers cannot be used as a handler")
        self.tasks.after.told()
        if command_of(handler) is Meta.RESET_CONNECTION:
            await self.metas.reset(handler, applies, self.tasks.reader)
