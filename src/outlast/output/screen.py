"""Where text goes: two streams, a width, colours, and nothing said twice.

Knows how stock colours and ends lines, how wide a banner is, and that an identical warning
or error is shown once per run. Leaves what is worth saying to `console`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, TextIO

from outlast.settings import Settings

OK: Final = "0;32"
CHANGED: Final = "0;33"
SKIPPED: Final = "0;36"
INCLUDED: Final = "0;36"
FAILED: Final = "0;31"
UNREACHABLE: Final = "1;31"
WARNING: Final = "1;35"
DEPRECATED: Final = "0;35"
DEBUG: Final = "1;30"
VERBOSE: Final = "0;34"
DIFF_ADDED: Final = "0;32"
DIFF_REMOVED: Final = "0;31"
DIFF_LINES: Final = "0;36"

_NARROWEST: Final = 79
_UNPRINTABLE: Final = (
    'Non UTF-8 encoded data replaced with "?" while displaying text to stdout/stderr.'
)


def wants_colour(settings: Settings, environ: Mapping[str, str], stream: TextIO) -> bool:
    """Tell whether to colour what goes to *stream*: forced, forbidden, or as the terminal can."""
    if settings.force_color:
        return True
    return not settings.nocolor and stream.isatty() and environ.get("TERM", "") not in ("", "dumb")


def columns_of(stream: TextIO) -> int:
    """Give the columns a banner fills: the terminal's but one, at least 79."""
    try:
        return max(_NARROWEST, os.get_terminal_size(stream.fileno()).columns - 1)
    except (OSError, ValueError):  # not a terminal, or no file at all
        return _NARROWEST


def cells(text: str) -> int:
    """Give the columns *text* takes on a terminal."""
    if text.isascii():
        return len(text)
    import unicodedata  # noqa: PLC0415  # 40 KB of tables, for names that are not ASCII only

    return sum(
        0
        if unicodedata.combining(sign) or unicodedata.category(sign) in ("Cf", "Me", "Mn")
        else 2
        if unicodedata.east_asian_width(sign) in "WF"
        else 1
        for sign in text
    )


class Screen:
    """Owns the two streams and the memory of what was said."""

    def __init__(self, stdout: TextIO, stderr: TextIO, *, colour: bool, columns: int) -> None:
        self.colour = colour
        self._streams = {False: stdout, True: stderr}
        self._columns = columns
        self._waiting: list[tuple[bool, str]] = []
        self._said: set[object] = set()
        self._gone: set[bool] = set()

    def paint(self, text: str, colour: str | None) -> str:
        """Give *text* in *colour*, each line by itself, where colours are wanted."""
        if not self.colour or colour is None:
            return text
        return "\n".join(f"\033[{colour}m{line}\033[0m" for line in text.split("\n"))

    def say(self, text: str, colour: str | None = None, *, stderr: bool = False) -> None:
        """Add a line, or lines; they appear with the next `show`."""
        text = text.replace("\r\n", "\n").removesuffix("\n")
        self._waiting.append((stderr, self.paint(text, colour) + "\n"))

    def banner(self, text: str) -> None:
        """Add a heading with its stars."""
        text = text.strip()
        self.say(f"\n{text} {'*' * max(3, self._columns - cells(text))}")

    def first_time(self, what: object) -> bool:
        """Tell whether *what* was never asked about before."""
        if what in self._said:
            return False
        self._said.add(what)
        return True

    def show(self) -> None:
        """Write what was added, in order, and see it out of the program."""
        waiting, self._waiting = self._waiting, []
        while waiting:
            stderr = waiting[0][0]
            count = next((n for n, entry in enumerate(waiting) if entry[0] != stderr), len(waiting))
            self._write(stderr, "".join(text for _, text in waiting[:count]))
            del waiting[:count]

    def _write(self, stderr: bool, text: str) -> None:  # noqa: FBT001  # which of the two
        if stderr in self._gone:
            return
        stream = self._streams[stderr]
        try:
            stream.write(text)
            stream.flush()
        except UnicodeEncodeError:
            self._write(stderr, text.encode("utf-8", "replace").decode())
            if self.first_time(_UNPRINTABLE):
                self._write(True, self.paint(f"[WARNING]: {_UNPRINTABLE}", WARNING) + "\n")  # noqa: FBT003
        except BrokenPipeError:
            # The reader left (`| head`). The run goes on: its hosts need it, its reader does not.
            self._gone.add(stderr)
            _forget(stream)


def _forget(stream: TextIO) -> None:
    """Send what *stream* still holds nowhere: at exit, Python would try to write it again."""
    try:
        descriptor = stream.fileno()
    except OSError:  # a stream in memory
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
