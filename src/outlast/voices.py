"""What background jobs say, made whole lines that are fit for a terminal.

Knows how far each job was heard, so that nothing is told twice, whatever breaks in between and
whoever listens next; and that stdout and stderr may take turns in the middle of their lines.
Leaves where it comes from to `jobs`, and who is told to the engine.
"""

from __future__ import annotations

import re

from msgspec import Struct, field

_LONGEST = 64 * 1024
"""Bytes of a line that are held: one that goes on is told in pieces, or it would fill memory."""
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


class Voice(Struct):
    """One job's output, as far as it was heard."""

    offset: int = 0
    """Where in the job's output what was not heard yet begins."""
    _begun: dict[int, bytes] = field(default_factory=dict)
    """Number of a stream to its last line, while that has no end."""

    def take(self, stream: int, piece: bytes) -> list[str]:
        """Hear *piece* of a stream (1, 2); gives the lines that are whole by now."""
        self.offset += len(piece)
        *whole, rest = (self._begun.get(stream, b"") + piece).split(b"\n")
        # What overwrites its line (progress) is a line each time; a final \r may become \r\n.
        before, cr, last = rest.rpartition(b"\r")
        if cr and last:
            whole += [before] if before.strip(b"\r") else []
            rest = last
        if len(rest) > _LONGEST:
            whole.append(rest)
            rest = b""
        self._begun[stream] = rest
        return [shown for line in whole for shown in _parts(line)]

    def rest(self) -> list[str]:
        """Give the lines that have no end and will not get one: the job is over."""
        begun, self._begun = self._begun, {}
        return [shown for _, line in sorted(begun.items()) if line for shown in _parts(line)]


class Voices(Struct):
    """All the jobs that one run listens to."""

    _voices: dict[tuple[str, str], Voice] = field(default_factory=dict)

    def of(self, host: str, jid: str) -> Voice:
        """Give the voice of a job, heard as far as it was heard before."""
        return self._voices.setdefault((host, jid), Voice())


def _parts(line: bytes) -> list[str]:
    """Give a line as it may be shown: in parts where it overwrites itself."""
    return [harmless(part) for part in line.split(b"\r") if part] or [""]


def harmless(text: bytes) -> str:
    """Give *text* without what would move a terminal's cursor or change its colours."""
    plain = text.decode("utf-8", "replace")
    if plain.isprintable():
        return plain
    plain = _ESCAPE.sub("", plain).expandtabs()
    return "".join(sign if sign.isprintable() else " " for sign in plain).rstrip()
