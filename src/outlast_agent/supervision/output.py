"""What a job prints, kept as it comes.

Knows the pipes a job writes to, the files that hold what came, and whose turn it was: two
files alone would not tell in which order stdout and stderr spoke. A module speaks itself as
well: what it prints is its answer, which nobody watches. Leaves reading that again to
`jobs.reading`, and what wakes us to `supervisor`, of which this is a part: it imports
nothing that costs a waiting job memory.

    ASYNC_DIR/.outlast/JID/turns    one record for each time the other stream begins to speak:
                                    bytes of stdout so far, doubled, plus one if it is stderr
                                    that begins; bytes of stderr so far (8 bytes each, little
                                    endian). Until the first of them stdout speaks.
"""

from __future__ import annotations

import os
import select
import time

from outlast_agent import spool

NAMES = {1: "stdout", 2: "stderr", 3: "answer", 4: "complaints"}
"""Number of a stream to its spool file; the last two are a module's own stdout and stderr."""
RESERVE = 256 << 20
"""Bytes that stay free: a job that never stops talking must not fill the disk for all others."""
_SHARE = 20
"""That part of a small filesystem stays free instead."""
_LOOK = 4 << 20
"""Bytes of output between two looks at how much is free."""
TURN = 16
"""Bytes of one record in `turns`."""
_LAST_WITH_TURNS = 2
_BLOCK = 65536
_FULLEST_PIPE = 1 << 20
_READABLE = select.POLLIN | select.POLLHUP | select.POLLERR


class Output:
    """All streams of one job."""

    def __init__(self, entry: spool.Entry, poll: select.poll) -> None:
        self.last = time.monotonic()
        """When something was last said."""
        self.lost = False
        """Not all of it was kept: the disk was full, or it was too much."""
        self._entry = entry
        self._poll = poll
        self._streams: dict[int, int] = {}
        """Pipe to the number of its stream."""
        self._files: dict[int, int] = {}
        """Number of the stream to its spool file; open until all have ended."""
        self._unlooked = 0
        """Bytes that have come since the last look at what is free."""
        self._full = False
        self._speaker = 1
        self._turns = -1

    @property
    def open(self) -> bool:
        """Tell whether more may come."""
        return bool(self._streams)

    def adopt(self, number: int, fd: int) -> None:
        """Listen to the pipe *fd*, which carries stream *number*."""
        self._streams[fd] = number
        self._files[number] = spool.open_output(self._entry, NAMES[number])
        self._poll.register(fd, _READABLE)

    def keep(self, fd: int) -> bool:
        """Keep a block of what came through *fd*; tells whether there was one."""
        try:
            block = os.read(fd, _BLOCK)
        except BlockingIOError:
            return False
        number = self._streams[fd]
        if not block:
            self._poll.unregister(fd)
            os.close(fd)
            del self._streams[fd]
            return False
        self.last = time.monotonic()
        self._unlooked += len(block)
        if self._unlooked >= _LOOK:
            self._unlooked = 0
            self._full = _is_full(self._files[number])
        if self._full:
            self.lost = True  # it is read all the same, so that the job can go on
        else:
            self._write(number, block)
        return True

    def _write(self, number: int, block: bytes) -> None:
        try:
            if number != self._speaker and number <= _LAST_WITH_TURNS:
                self._take_turn(number)
            spool.write_all(self._files[number], block)
        except OSError:
            # A full disk is no reason to stop the job: it is read, so that it can go on.
            self.lost = True

    def _take_turn(self, number: int) -> None:
        """Record that the other stream begins to speak, before it does."""
        if self._turns < 0:
            self._turns = spool.open_new(self._entry.path("turns"))
        out, err = (os.fstat(self._files[each]).st_size for each in (1, 2))
        record = (out * 2 + (number == 2)).to_bytes(8, "little") + err.to_bytes(8, "little")  # noqa: PLR2004  # stderr
        before = os.fstat(self._turns).st_size
        if os.write(self._turns, record) < TURN:
            os.ftruncate(self._turns, before)  # half a record would spoil all that follow
            self.lost = True
            return
        self._speaker = number

    def drain(self) -> None:
        """Keep all that the program has said itself, and little of who goes on after it."""
        for fd in list(self._streams):
            for _ in range(_FULLEST_PIPE // _BLOCK):
                if not self.keep(fd):
                    break


def _is_full(fd: int) -> bool:
    """Tell whether what is free of a file's filesystem is to be left to others."""
    try:
        disk = os.fstatvfs(fd)
    except OSError:
        return False  # writing will tell
    reserve = min(RESERVE, disk.f_blocks * disk.f_frsize // _SHARE)
    return disk.f_bavail * disk.f_frsize < reserve
