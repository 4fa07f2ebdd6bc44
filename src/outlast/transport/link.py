"""One child process, ssh or a shell here, whose stdin and stdout lead to an agent.

Knows how the child is started, how its first word is told from a login's chatter, and what
its end means. Leaves the frames to `conversation`.
"""

from __future__ import annotations

import asyncio
import contextlib

from msgspec import Struct

from outlast.errors import ActionFailed, HostUnreachable, InterpreterMissing, OutlastError
from outlast.transport import bootstrap, openssh
from outlast.transport.conversation import Conversation
from outlast.transport.endpoint import Endpoint

_CHATTER = 256 * 1024
"""Bytes a login may say before the agent's first word."""
_STDERR = 64 * 1024
_LAST_WORDS = 0.3
"""Seconds for stderr to be read once the child has ended: a persisted master of ssh may hold
it open for a minute."""
_SIGN = 15.0
"""Seconds of silence after which a host that somebody waits for is asked for a sign of life."""
_SILENCE = 180.0
"""Seconds of silence after which it is given up: a host that lost its power says no farewell."""
_BURIAL = 2.0
_SSH_FAILED = 255
_NOT_FOUND = 127

# ssh shares the terminal, so that it can ask about a host key, but an interrupt is ours; and
# the folder of its master's socket is stock's to make, so it is ours.
_PREPARED = 'trap "" INT; [ -z "$0" ] || [ -d "$0" ] || mkdir -p -m 700 "$0"; exec "$@"'


class Start(Struct):
    """What is started, and what it must say first."""

    argv: list[str]
    word: str
    own_session: bool


def start_of(endpoint: Endpoint, bundle: bootstrap.Bundle, word: str) -> Start:
    """Give the command that reaches *endpoint*."""
    line = bootstrap.shell_line(endpoint, bundle, word)
    if endpoint.kind == "local":
        return Start(["/bin/sh", "-c", line], word, own_session=True)
    words = openssh.argv(endpoint, openssh.through_shell(line))
    folder = openssh.control_folder(words)
    return Start(["/bin/sh", "-c", _PREPARED, folder, *words], word, own_session=False)


class Link(asyncio.SubprocessProtocol):
    """The child and what it says; writing to it is a `Pipe`."""

    def __init__(self, endpoint: Endpoint, word: str) -> None:
        loop = asyncio.get_running_loop()
        self.conversation = Conversation(self, zipped=endpoint.kind == "ssh")
        self.gone: asyncio.Future[None] = loop.create_future()
        self._endpoint = endpoint
        self._word = word.encode()
        self._chatter: bytearray | None = bytearray()
        self._verdict: OutlastError | None = None
        self._stderr = bytearray()
        self._closed: set[int] = set()
        self._transport: asyncio.SubprocessTransport | None = None
        self._stdin: asyncio.WriteTransport | None = None
        self._buried = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._last_heard = loop.time()
        self._watch: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """The child's number."""
        return self._transport.get_pid() if self._transport else None

    # -- what asyncio tells us

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The child runs."""
        assert isinstance(transport, asyncio.SubprocessTransport)  # noqa: S101  # that is what it makes
        self._transport = transport
        stdin = transport.get_pipe_transport(0)
        assert isinstance(stdin, asyncio.WriteTransport)  # noqa: S101
        self._stdin = stdin

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """The child said something."""
        self._last_heard = asyncio.get_running_loop().time()
        if fd != 1:
            self._stderr += data
            del self._stderr[:-_STDERR]
        elif self._chatter is None:
            self.conversation.feed(data)
        else:
            self._listen(data)

    def pipe_connection_lost(self, fd: int, _exc: Exception | None) -> None:
        """One of the child's ends was closed."""
        self._closed.add(fd)
        if fd == 1:
            asyncio.get_running_loop().call_later(_LAST_WORDS, self._over)
        self._maybe_over()

    def process_exited(self) -> None:
        """The child ended; what it said last may not have been read yet."""
        self._buried.set()
        asyncio.get_running_loop().call_later(_LAST_WORDS, self._over)
        self._maybe_over()

    def pause_writing(self) -> None:
        """The child reads too slowly."""
        self._room.clear()

    def resume_writing(self) -> None:
        """The child has read enough."""
        self._room.set()

    # -- the first word

    def _listen(self, data: bytes) -> None:
        assert self._chatter is not None  # noqa: S101  # asked by the caller
        self._chatter += data
        start = self._chatter.find(self._word + b" ")
        end = self._chatter.find(b"\n", start) if start >= 0 else -1
        if end >= 0:
            said = bytes(self._chatter[start + len(self._word) + 1 : end]).decode().strip()
            rest, self._chatter = bytes(self._chatter[end + 1 :]), None
            self._stderr.clear()  # what the login said explains nothing that comes later
            self._judge(said)
            self.conversation.feed(rest)
        elif len(self._chatter) > _CHATTER:
            self._verdict = HostUnreachable(
                "the host says more at login than an agent can be heard through; its shell's "
                "start-up files should print nothing when they are not run by a person"
            )
            self._kill()

    def _judge(self, said: str) -> None:
        if said == bootstrap.NO_PYTHON:
            tried = ", ".join(self._endpoint.pythons)
            self._verdict = ActionFailed(
                f"No python interpreters found on the host (tried {tried}).",
                help_text="Install Python 3.8 or later there, or set ansible_python_interpreter.",
            )
        elif said.startswith("old "):
            version = said.removeprefix("old ")
            self._verdict = ActionFailed(
                "ansible-core requires a minimum of Python version 3.8. "
                f"Current version: {version}",
                help_text="Set ansible_python_interpreter to a newer Python of the host.",
            )

    # -- signs of life

    def watch_over(self) -> None:
        """Ask the host for a sign when it is silent; give it up when none comes.

        Whoever waits for a job's end would otherwise wait for ever for a host that is gone:
        nothing is sent to it that could fail.
        """
        loop = asyncio.get_running_loop()
        silence = loop.time() - self._last_heard
        if self.gone.done():
            return
        if not self.conversation.waiting:
            self._last_heard = loop.time()
        elif silence >= _SILENCE:
            text = f"the host has given no sign of life for {silence:.0f} seconds"
            self._verdict = HostUnreachable(text)
            self.abandon()
            return
        elif silence >= _SIGN:
            self.conversation.ask_for_a_sign()
        self._watch = loop.call_later(_SIGN, self.watch_over)

    # -- the end

    def _maybe_over(self) -> None:
        if self._exited and {1, 2} <= self._closed:
            self._over()

    @property
    def _exited(self) -> bool:
        return self._transport is not None and self._transport.get_returncode() is not None

    def _over(self) -> None:
        if self.gone.done():
            return
        self._kill()
        verdict = self._verdict or self._explain()
        self.gone.set_result(None)
        if self._watch is not None:
            self._watch.cancel()
        self._room.set()
        self.conversation.lose(verdict.message)
        if not self.conversation.hello.done():
            self.conversation.hello.set_exception(verdict)
            self.conversation.hello.exception()  # whoever opened it may have been cancelled

    def _explain(self) -> OutlastError:
        """Say why the child ended, as stock says it."""
        said = bytes(self._stderr).decode("utf-8", "replace").rstrip()
        code = self._transport.get_returncode() if self._transport else None
        begun = self.conversation.hello.done()
        if begun and not said:
            how = f"{self._endpoint.kind} ended by signal {-code}" if code and code < 0 else ""
            return HostUnreachable(
                f"the connection to the host was lost: {how or 'its agent ended'}"
            )
        if self._endpoint.kind == "ssh" and code == _SSH_FAILED:
            return HostUnreachable(f"Failed to connect to the host via ssh: {said}")
        if f"exec: {self._endpoint.ssh_executable}: " in said:  # our own shell's words
            return HostUnreachable(f"Unable to execute ssh command line on a controller.: {said}")
        if begun:
            return HostUnreachable(f"the connection to the host was lost: {said}")
        if code == _NOT_FOUND:
            return InterpreterMissing(self._endpoint.python, said=f"{said}\n")
        heard = bytes(self._chatter or b"").decode("utf-8", "replace").strip()
        details = "\n".join(part for part in (heard, said) if part) or "it said nothing"
        return HostUnreachable(f"no agent could be started on the host (rc {code}): {details}")

    # -- writing

    def write(self, data: bytes) -> None:
        """Send *data*."""
        if self._stdin is not None and not self._stdin.is_closing():
            self._stdin.write(data)

    async def drain(self) -> None:
        """Wait until the child has read enough, or is gone."""
        await self._room.wait()

    def close(self) -> None:
        """Say that nothing more will be asked: the agent ends what runs, and goes."""
        if self._stdin is not None:
            self._stdin.close()

    def _kill(self) -> None:
        if self._transport is not None:
            self._transport.close()  # kills what still runs, closes all pipes

    def abandon(self) -> None:
        """End the child at once."""
        self._kill()
        self._over()

    async def buried(self) -> None:
        """Return when the child has been waited for, or hangs in the kernel."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_BURIAL):
                await self._buried.wait()


async def open_link(endpoint: Endpoint, bundle: bootstrap.Bundle, word: str) -> Link:
    """Start the child and wait for the agent's hello.

    Raises `HostUnreachable`, or `ActionFailed` when the host has no Python that will do.
    """
    start = start_of(endpoint, bundle, word)
    loop = asyncio.get_running_loop()
    try:
        _, link = await loop.subprocess_exec(
            lambda: Link(endpoint, word), *start.argv, start_new_session=start.own_session
        )
    except OSError as error:
        raise HostUnreachable(f"{start.argv[0]} cannot be run: {error.strerror}") from error
    try:
        link.write(bundle.data)
        await asyncio.shield(link.conversation.hello)
        if endpoint.kind == "ssh":
            link.watch_over()
    except BaseException:
        link.abandon()
        await link.buried()
        raise
    return link
