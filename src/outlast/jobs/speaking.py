"""Listening to a job while its end is waited for.

Knows how what a host sends becomes lines of one voice, and that who was interrupted goes on
where he was. Leaves making lines to `voices`, and the waiting to whoever listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing

from msgspec import Struct

from outlast.errors import ActionFailed
from outlast.session import Session
from outlast.voices import Voice

Tell = Callable[[Sequence[str]], None]


class Hearing(Struct, frozen=True):
    """Who listens to one job."""

    jid: str
    async_dir: str
    voice: Voice
    tell: Tell
    """Told the lines as they come, in order."""

    async def listen(self, session: Session, *, follow: bool = True) -> None:
        """Tell what the job has said and was not told yet; *follow*: until it has ended.

        Without *follow* the job must have ended. A job that keeps no output, or whose output is
        nobody's business, says nothing. Raises `HostUnreachable`; who calls again with another
        session goes on at the byte where this one was.
        """
        pieces = session.job_logs(
            self.jid, self.async_dir, stream="tagged", offset=self.voice.offset, follow=follow
        )
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    self._told(self.voice.take(piece[0], piece[1:]))
                    await asyncio.sleep(0)  # a flood is no reason to keep all others waiting
        except ActionFailed:
            return
        self._told(self.voice.rest())

    def _told(self, lines: Sequence[str]) -> None:
        if lines:
            self.tell(lines)
