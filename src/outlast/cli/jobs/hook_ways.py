"""Telling one thing to the user's hook: a command that reads it, or a URL it is posted to.

Knows that neither may take longer than it is given, nor leave anything running that did. What
is told goes to stdin or into the request's body, never into argv. Leaves what is told, and
telling it again, to `hook`.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import tempfile
import threading
from contextlib import suppress
from typing import IO, Final

from outlast import __version__

TIMEOUT: Final = 10.0
"""Seconds the hook may take."""
_SHOWN: Final = 300
"""Characters of what a command says about its failure."""
_REFUSED: Final = 400


class NotTold(Exception):
    """The hook was not told, or did not take it; says why."""


async def tell(hook: str, document: bytes) -> None:
    """Tell *document* to *hook*; raises `NotTold`."""
    way = _post if hook.lower().startswith(("http://", "https://")) else _run
    deadline = asyncio.timeout(TIMEOUT)
    try:
        async with deadline:
            await way(hook, document)
    except TimeoutError as error:
        if not deadline.expired():  # somebody else's: a bug, not ours to hide
            raise
        raise NotTold(f"it took more than {TIMEOUT:g} seconds") from error


# -- a command -------------------------------------------------------------------------------


async def _run(line: str, document: bytes) -> None:
    # A file, not a pipe: who has left something in the background would hold a pipe open.
    said = await asyncio.to_thread(tempfile.TemporaryFile)
    try:
        code = await _ended(line, document, said)
        if code:
            words = await asyncio.to_thread(_last_words, said)
            raise NotTold(f"it ended with code {code}{f': {words}' if words else ''}")
    finally:
        said.close()


async def _ended(line: str, document: bytes, said: IO[bytes]) -> int:
    """Run a command to its end; what it has started ends with it if that does not come."""
    try:
        process = await asyncio.create_subprocess_exec(
            *shlex.split(line),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,  # stdout is the run's
            stderr=said,
            start_new_session=True,
        )
    except OSError as error:
        raise NotTold(error.strerror or str(error)) from error
    try:
        assert process.stdin is not None  # noqa: S101  # it is a pipe
        with suppress(BrokenPipeError, ConnectionResetError):  # it need not read
            process.stdin.write(document)
            await process.stdin.drain()
        process.stdin.close()
        return await process.wait()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def _last_words(said: IO[bytes]) -> str:
    said.seek(0, os.SEEK_END)
    said.seek(max(0, said.tell() - 4 * _SHOWN))
    text = said.read(4 * _SHOWN).decode("utf-8", "replace")
    return "".join(c if c.isprintable() else " " for c in text).strip()[-_SHOWN:]


# -- a URL -----------------------------------------------------------------------------------


async def _post(url: str, document: bytes) -> None:
    """Post in a thread that is left behind if it does not come back: names may take minutes."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()

    def settle(fault: str) -> None:
        if not answer.done():  # who waited may have gone
            answer.set_result(fault)

    def work() -> None:
        fault = _fault_of_post(url, document)
        with suppress(RuntimeError):  # the loop has ended, and with it who waited
            loop.call_soon_threadsafe(settle, fault)

    thread = threading.Thread(target=work, name="hook", daemon=True)
    thread.start()
    fault = await answer
    await asyncio.to_thread(thread.join)  # it has nothing more to do
    if fault:
        raise NotTold(fault)


def _fault_of_post(url: str, document: bytes) -> str:
    """Give why it was not taken, empty if it was; without the URL, which may be a secret."""
    from http.client import HTTPException  # noqa: PLC0415  # few have a hook, fewer a URL
    from urllib.error import HTTPError, URLError  # noqa: PLC0415
    from urllib.request import Request, urlopen  # noqa: PLC0415

    headers = {"Content-Type": "application/json", "User-Agent": f"outlast/{__version__}"}
    try:
        request = Request(url, data=document, headers=headers, method="POST")  # noqa: S310  # checked
        with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310  # http or https: checked
            status = int(answer.status)
    except HTTPError as error:
        error.close()
        status = error.code
    except URLError as error:
        return str(getattr(error.reason, "strerror", None) or error.reason)
    except (OSError, HTTPException, ValueError) as error:
        return getattr(error, "strerror", None) or type(error).__name__
    return f"the server answered {status}" if status >= _REFUSED else ""
