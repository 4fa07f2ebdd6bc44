"""A live connection to a host as one identity: `call.Session`.

Knows how each of its methods is asked of the agent. Leaves the asking to `conversation`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import cast

import msgspec
from msgspec import Struct, field
from msgspec.structs import asdict

from outlast.errors import ActionFailed
from outlast.job import JobOrder
from outlast.session import FileState, Standing, Until
from outlast.transport.conversation import Conversation, Question
from outlast.transport.parcels import Delivery
from outlast.work import CommandRun, Finish, Given, JobRun, Reply, Run, ScriptRun


class AgentSession(Struct):
    """Asks one agent; may be used by any number of tasks at once."""

    conversation: Conversation
    delivery: Delivery
    python: str
    discovered: bool
    discovered_aloud: bool
    address: Mapping[str, object]
    """How this host is reached, in plain values, without passwords."""
    spool: Callable[[], Mapping[str, float]] = dict
    """What is to be kept of ended jobs in a folder where one is started; empty: everything."""
    _keys: itertools.count[int] = field(default_factory=itertools.count)
    _stored: dict[str, str] = field(default_factory=dict)
    """Path to the key the agent knows it by."""

    async def run(self, run: Run) -> Reply:
        """Run a module or a command to its end; cancelling ends its whole tree."""
        stored: list[Question] = []
        order = await self._order(run, stored)
        try:
            answer = await self.conversation.ask("run", order)
        except ActionFailed:
            for question in stored:
                await question.answer  # a file that did not arrive explains it better
            raise
        stdout, stderr = answer.blobs
        return Reply(_text(stdout), _text(stderr), cast(int, answer.body["rc"]))

    async def _order(self, run: Run, stored: list[Question]) -> dict[str, object]:
        """Give what the agent is to run; the files it needs are on their way before it."""
        if isinstance(run, CommandRun):
            return {"command": _command(run), "environment": dict(run.environment)}
        keys = {}
        for argument, content in run.files.items():
            keys[argument] = self._new_key()
            name = run.file_names.get(argument, argument)
            stored.append(await self._post(content, name, keys[argument]))
        return {
            "parcel": await self.delivery.deliver(run.parcel),
            "args": dict(run.args),
            "environment": dict(run.environment),
            "files": keys,
            **({"interpreter": list(run.interpreter)} if run.parcel.program else {}),
        }

    async def inspect(self, path: str, *, checksum: bool = False) -> FileState | None:
        """Look at *path*; None: nothing is there."""
        answer = await self.conversation.ask("file.inspect", {"path": path, "checksum": checksum})
        state = cast("dict[str, object] | None", answer.body["state"])
        if state is None:
            return None
        return FileState(
            kind=cast(str, state["kind"]),
            size=cast(int, state["size"]),
            mode=cast(int, state["mode"]),
            sha1=cast("str | None", state["sha1"]),
        )

    async def read(self, path: str, limit: int) -> bytes:
        """Give a file's content; raises `ActionFailed` when it is longer than *limit*."""
        answer = await self.conversation.ask("file.read", {"path": path, "limit": limit})
        return answer.blobs[0]

    async def store(self, content: bytes, name: str) -> str:
        """Put *content* in a private temporary folder; gives its path."""
        key = self._new_key()
        question = await self._post(content, name, key)
        try:
            path = cast(str, (await question.answer).body["path"])
        except asyncio.CancelledError:
            self.conversation.withdraw(question)
            raise
        self._stored[path] = key
        return path

    async def _post(self, content: bytes, name: str, key: str) -> Question:
        body = {"key": key, "name": name, "size": len(content)}
        return await self.conversation.post("file.store", body, stream=content)

    def _new_key(self) -> str:
        return str(next(self._keys))

    async def discard(self, path: str) -> None:
        """Remove what `store` put at *path*; harmless when it is gone."""
        key = self._stored.pop(path, None)
        if key is not None:
            await self.conversation.ask("file.discard", {"key": key})

    async def start_job(self, job: JobOrder) -> Mapping[str, object]:
        """Start a background job; the answer means it is recorded."""
        body = {
            "jid": job.jid,
            "run": await self._job_order(job.run),
            "limit": job.limit,
            "async_dir": job.async_dir,
            "name": job.name,
            "terms": asdict(job.terms),
            "content": job.content,
            "finish": _asked_for(job.finish),
            "keep": dict(self.spool()) or None,
        }
        return (await self.conversation.ask("job.start", body)).body

    async def _job_order(self, run: JobRun) -> dict[str, object]:
        if isinstance(run, Given):
            return {"given": dict(run.result), "action": run.action, "environment": {}}
        if not isinstance(run, ScriptRun):
            return await self._order(run, [])
        key = self._new_key()
        await self._post(run.content, run.name, key)
        order = await self._order(run.command, [])
        return {**order, "script": {"key": key, "stands_as": run.stands_as}}

    async def job_status(self, jid: str, async_dir: str) -> Mapping[str, object]:
        """Give what the spool says of a job."""
        return await self._ask_about("job.status", jid, async_dir)

    async def job_cleanup(self, jid: str, async_dir: str) -> Mapping[str, object]:
        """Remove a job's spool entry."""
        return await self._ask_about("job.cleanup", jid, async_dir)

    async def job_ended(self, jid: str, async_dir: str) -> None:
        """Return when the job has ended or does not exist."""
        await self._ask_about("job.ended", jid, async_dir)

    async def job_room(self, async_dir: str, most: int) -> None:
        """Return when fewer than *most* jobs run in the folder."""
        await self.conversation.ask("job.room", {"async_dir": async_dir, "most": most})

    async def job_wait(
        self, jids: Sequence[str], async_dir: str, *, until: Until
    ) -> Sequence[Standing]:
        """Give how the jobs stand when all or any of them have ended."""
        body = {"jids": list(jids), "async_dir": async_dir, "until": until}
        rows = (await self.conversation.ask("job.wait", body)).body["jobs"]
        found = []
        for row in cast("list[dict[str, object]]", rows):
            if "status" not in row:  # it was too much for an answer about all
                row["status"] = await self.job_status(cast(str, row["jid"]), async_dir)
            found.append(msgspec.convert(row, Standing))
        return found

    async def job_list(self, async_dir: str) -> Sequence[Mapping[str, object]]:
        """Give what the spool folder says of each job in it."""
        answer = await self.conversation.ask("job.list", {"async_dir": async_dir})
        return cast("list[dict[str, object]]", answer.body["jobs"])

    async def job_cancel(
        self, jid: str, async_dir: str, *, grace: float | None
    ) -> Mapping[str, object]:
        """End a job with all it started."""
        body = {"jid": jid, "async_dir": async_dir, "grace": grace}
        return (await self.conversation.ask("job.cancel", body)).body

    def job_logs(
        self, jid: str, async_dir: str, *, stream: str, offset: int, follow: bool
    ) -> AsyncGenerator[bytes, None]:
        """Give a job's output from *offset* on, as it comes."""
        body = {
            "jid": jid,
            "async_dir": async_dir,
            "stream": stream,
            "offset": offset,
            "follow": follow,
        }
        return self.conversation.listen("job.logs", body)

    async def job_prune(self, async_dir: str, *, older_than: float, keep: int) -> Sequence[str]:
        """Remove the records of jobs that have ended."""
        body = {"async_dir": async_dir, "older_than": older_than, "keep": keep}
        return cast("list[str]", (await self.conversation.ask("job.prune", body)).body["removed"])

    async def _ask_about(self, op: str, jid: str, async_dir: str) -> Mapping[str, object]:
        return (await self.conversation.ask(op, {"jid": jid, "async_dir": async_dir})).body


def _command(run: CommandRun) -> dict[str, object]:
    fields = asdict(run)
    del fields["environment"]
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()
    }


def _asked_for(finish: Finish) -> dict[str, object]:
    """Give of *finish* what differs from doing nothing."""
    fields = asdict(finish)
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in fields.items()
        if value
    }


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
