"""Which action means what: the one table, and the door to this room.

Knows stock's names, which of them cannot run as background jobs, and
what is not built yet. Everything that is not in the table is a module.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from outlast.actions import (
    commands,
    copying,
    facts,
    fetching,
    gathering,
    growing,
    job_status,
    job_tending,
    job_waiting,
    pausing,
    picking,
    plainly,
    rebooting,
    reconnecting,
    role_arguments,
    saying,
    templates,
    unpacking,
    variable_files,
)
from outlast.actions.done_here import here, partly
from outlast.actions.modules import Modules
from outlast.call import Call
from outlast.content.places import Content
from outlast.errors import (
    ActionFailed,
    Cause,
    InterpreterMissing,
    PlaybookError,
    Refused,
    SourceMissing,
)
from outlast.outcome import Detached, Failed, Performed

Alone: TypeAlias = Callable[[Call], Awaitable[Performed]]
OnHost: TypeAlias = Callable[[Call, Modules], Awaitable[Performed]]

_ALONE: Final[Mapping[str, Alone]] = {
    "add_host": growing.add_host,
    "assert": saying.assert_,
    "async_status": job_status.async_status,
    "debug": saying.debug,
    "fail": saying.fail,
    "group_by": growing.group_by,
    "include_vars": variable_files.include_vars,
    "pause": pausing.pause,
    "set_fact": facts.set_fact,
    "set_stats": facts.set_stats,
    "validate_argument_spec": role_arguments.validate_argument_spec,
}
_ON_HOST: Final[Mapping[str, OnHost]] = {
    "assemble": picking.assemble,
    "command": commands.command,
    "copy": copying.copy,
    "dnf": picking.dnf,
    "fetch": fetching.fetch,
    "gather_facts": gathering.gather_facts,
    "package": picking.package,
    "raw": plainly.raw,
    "reboot": rebooting.reboot,
    "script": plainly.script,
    "service": picking.service,
    "setup": facts.setup,
    "shell": commands.shell,
    "template": templates.template,
    "unarchive": unpacking.unarchive,
    "uri": picking.uri,
    "wait_for_connection": reconnecting.wait_for_connection,
}
_OF_JOBS: Final[Mapping[str, Alone]] = {
    "outlast.jobs.cancel": job_tending.cancel,
    "outlast.jobs.info": job_tending.info,
    "outlast.jobs.wait": job_waiting.wait,
}
"""Ours alone: no other engine knows them."""
_MODULES: Final = frozenset({"command", "dnf", "package", "service", "setup", "shell", "uri"})
"""Under `async`, all they do is start a module: what keeps them from it is told at once."""
_DONE_HERE: Final = frozenset({*_ALONE, "fetch", "gather_facts", "reboot", "wait_for_connection"})
_HOST_MAY_BE_AWAY: Final = "wait_for_connection"
_NEVER_ASYNC: Final = "async_status"
_NOT_BUILT: Final = frozenset(
    [
        "import_role",
        "import_tasks",
        "include_role",
        "include_tasks",
        "meta",
    ]
)
"""Stock has an action plugin for each: running their module alone would do something else.

The includes and meta are the engine's own.
"""


class Actions(Struct, frozen=True):
    """Performs calls; keeps nothing between them."""

    modules: Modules

    @classmethod
    def over(cls, content: Content, *, facts_modules: tuple[str, ...] = ("smart",)) -> Actions:
        """Give the actions that use *content*.

        *facts_modules* find out about a host where no variable says what does.
        """
        return cls(Modules(content, facts_modules=facts_modules))

    async def perform(self, call: Call) -> Performed:
        """Do what *call* says.

        What the user can cause becomes a `Failed`. Raises `HostUnreachable` and
        `EvaluationError`.
        """
        try:
            return await self._perform(call)
        except Refused as error:
            return Performed(Failed({"msg": error.message}, error.chain), cut_short=True)
        except InterpreterMissing as error:
            return Performed(_without_python(error))
        except (ActionFailed, PlaybookError, SourceMissing) as error:
            # A module or file of the playbook's that cannot be used ends this task only.
            first = Cause(error.message, error.origin, error.help_text)
            return Performed(Failed(why=(first, *error.causes)), cut_short=True)

    async def settle(
        self, call: Call, job: Detached, *, poll: float, on_poll: Callable[[], None]
    ) -> Performed:
        """Wait for a job that *call* started, and judge what became of it.

        *on_poll* is called after each *poll* seconds that pass with the job unfinished.
        """
        return await job_status.settle(call, job, poll=poll, on_poll=on_poll)

    async def _perform(self, call: Call) -> Performed:
        name = call.action.removeprefix("ansible.builtin.")
        if name in _OF_JOBS:
            return await _about_jobs(call)
        if "." in name:
            return await self.modules.perform(call)
        if call.limit and (name == _NEVER_ASYNC or name in _NOT_BUILT):
            raise Refused(f"This action ({call.written_as}) does not support async.")
        if name in _NOT_BUILT:
            raise Refused(f"{call.written_as} is not supported yet")
        return await (self._in_background if call.limit else self._act)(name, call)

    async def _in_background(self, name: str, call: Call) -> Performed:
        """Do at once what needs the controller's hands; the job is what its host can do alone."""
        if name in _DONE_HERE:
            if name != _HOST_MAY_BE_AWAY:
                await call.session()  # nothing is done that could not be recorded
            return await here(call, lambda: self._act(name, call))
        if name in _ON_HOST and name not in _MODULES:
            return await partly(call, lambda: self._act(name, call))
        return await self._act(name, call)

    async def _act(self, name: str, call: Call) -> Performed:
        if name in _ALONE:
            return await _ALONE[name](call)
        return await _ON_HOST.get(name, _as_module)(call, self.modules)


async def _about_jobs(call: Call) -> Performed:
    if call.limit:
        raise Refused(f"This action ({call.written_as}) does not support async.")
    return await _OF_JOBS[call.action](call)


async def _as_module(call: Call, modules: Modules) -> Performed:
    return await modules.perform(call)


def _without_python(error: InterpreterMissing) -> Failed:
    """Give the result of a module that was tried with a Python that is not there."""
    payload = {"module_stdout": "", "module_stderr": error.said, "rc": 127, "msg": error.message}
    return Failed(payload, (Cause("Action failed."), *error.chain))
