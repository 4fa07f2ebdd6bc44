"""What a job has printed, read again from any byte on.

Knows the files `supervision.output` has written, and how stdout and stderr become one sequence
in which each byte has one place for ever. Leaves waiting for more to `logs`.
"""

from __future__ import annotations

import os

from outlast_agent import spool
from outlast_agent.supervision.output import TURN

STREAMS = ("stdout", "stderr", "both")


class Reader:
    """Gives one job's output piece by piece; to be closed."""

    def __init__(self, entry: spool.Entry, stream: str, offset: int) -> None:
        """Raise `OSError` when there is no output."""
        self.offset = offset
        """Where the next piece begins."""
        self._entry = entry
        self._stream = stream
        self.speaker = int(stream == "stderr")
        """Whose the piece is that was read last: 0 is stdout, 1 is stderr."""
        self._turns = -1
        self._turn = 0
        """The turn in which `offset` lies, or an earlier one."""
        self._files: list[int] = []
        for name in ("stdout", "stderr") if stream == "both" else (stream,):
            try:
                self._files.append(_open(entry.path(name)))
            except OSError:
                self.close()
                raise

    def read(self, most: int, *, ended: bool) -> bytes:
        """Give at most *most* bytes; nothing when there are no more yet.

        *ended*: nothing will be added, known before this is asked.
        """
        piece = self._both(most, ended) if self._stream == "both" else self._one(most)
        self.offset += len(piece)
        return piece

    def _one(self, most: int) -> bytes:
        return os.pread(self._files[0], most, self.offset)

    def _both(self, most: int, ended: bool) -> bytes:  # noqa: FBT001  # passed on
        while True:
            # The sizes before the turns: what grew before the next turn was taken belongs here.
            sizes = [os.fstat(fd).st_size for fd in self._files]
            begun, following = self._record(self._turn), self._record(self._turn + 1)
            assert begun is not None  # noqa: S101  # the first is always there, others were seen
            until = following[:2] if following else tuple(sizes)
            into = self.offset - begun[0] - begun[1]
            speaker = begun[2]
            spoken = until[speaker] - begun[speaker]
            self.speaker = speaker
            if into < spoken:
                start = begun[speaker] + into
                return os.pread(self._files[speaker], min(most, spoken - into), start)
            # Bytes of the other in this turn: only where its own turn could not be recorded.
            self.speaker = other = 1 - speaker
            start = begun[other] + into - spoken
            if (following or ended) and start < until[other]:
                return os.pread(self._files[other], min(most, until[other] - start), start)
            if following is None:
                return b""
            self._turn += 1

    def _record(self, number: int) -> tuple[int, int, int] | None:
        """Give a turn: bytes of stdout and of stderr before it, and whose it is."""
        if number == 0:
            return (0, 0, 0)
        if self._turns < 0:
            try:
                self._turns = _open(self._entry.path("turns"))
            except OSError:
                return None
        record = os.pread(self._turns, TURN, (number - 1) * TURN)
        if len(record) < TURN:
            return None
        out, err = int.from_bytes(record[:8], "little"), int.from_bytes(record[8:], "little")
        return (out // 2, err, out % 2)

    def close(self) -> None:
        """Give the descriptors back."""
        for fd in (*self._files, *([self._turns] if self._turns >= 0 else [])):
            os.close(fd)
        self._files, self._turns = [], -1


def _open(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
