"""One line from the person at the terminal, without holding anybody else up.

Knows when there is such a person, and how to keep what is typed off the screen. Leaves the
question itself to whoever asks it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TextIO


def interactive(stdin: TextIO | None) -> bool:
    """Tell whether a person sits there and this program has their attention."""
    try:
        return stdin is not None and stdin.isatty() and os.tcgetpgrp(stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


async def answer(stdin: TextIO, *, echo: bool, ready: Callable[[], object] = lambda: None) -> str:
    """Give the next line that is typed, without its end; see `line`."""
    return (await line(stdin, echo=echo, ready=ready)).rstrip("\r\n")


async def line(stdin: TextIO, *, echo: bool, ready: Callable[[], object] = lambda: None) -> str:
    """Give the next line that is typed, nothing if there is no more; the loop goes on meanwhile.

    *ready* is called when what is typed is no longer seen: the time to ask.
    """
    loop = asyncio.get_running_loop()
    typed: asyncio.Future[str] = loop.create_future()

    def take() -> None:
        # The terminal hands over whole lines, so this does not wait.
        if not typed.done():
            typed.set_result(stdin.readline())

    with contextlib.nullcontext() if echo else _unseen(stdin.fileno()):
        ready()
        loop.add_reader(stdin.fileno(), take)
        try:
            return await typed
        finally:
            loop.remove_reader(stdin.fileno())


@contextlib.contextmanager
def _unseen(terminal: int) -> Iterator[None]:
    import termios  # noqa: PLC0415  # only where there is a terminal

    before = termios.tcgetattr(terminal)
    hidden = list(before)
    hidden[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSADRAIN, hidden)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
