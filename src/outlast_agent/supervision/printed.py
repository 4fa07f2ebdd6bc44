"""What a job has printed on its way into its result, piece by piece.

Knows how the text of a spool file becomes part of a JSON document without ever being in memory
as a whole, and where in a module's output its JSON lies. Leaves what a result says to
`result`, and getting it to the disk to `spool`.
"""

from __future__ import annotations

import codecs
import json
import os
import re
from collections.abc import Iterator, Mapping

from outlast_agent import spool

LARGEST_STREAM = 8 * 1024 * 1024
"""Bytes of stdout, and of stderr, that become part of a result."""
_BLOCK = 64 * 1024
_LAST_BRACE = re.compile(rb"\}[ \t\r\f\v]*(?=\n)")


class Stream:
    """What one spool file holds, up to a limit, with a mark where that is not all."""

    def __init__(self, path: str, *, strip: bool = False, errors: str = "surrogateescape") -> None:
        """*strip* leaves out empty lines at the end; *errors* is for what is no text."""
        self._path = path
        self._strip = strip
        self._errors = errors
        size = _size(path)
        self.left_out = max(0, size - LARGEST_STREAM)
        """Bytes that do not become part of the result."""
        self._end = size - self.left_out
        if strip and not self.left_out:
            self._end = _end_of_text(path, size)

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return self._end > 0

    def texts(self) -> Iterator[str]:
        """Give the text in pieces."""
        decoder = codecs.getincrementaldecoder("utf-8")(self._errors)
        for block in blocks(self._path, 0, self._end):
            yield decoder.decode(block)
        yield decoder.decode(b"", final=True)
        if self.left_out:
            yield "\n[outlast left out %d more bytes of output]" % self.left_out
            yield "" if self._strip else "\n"


def output_so_far(entry: spool.Entry) -> dict[str, Stream]:
    """Give what a job that did not end by itself has said; a stream that said nothing is not in it.

    What is no text is replaced: a result that holds it would be refused, and with it the reason
    for which the job was ended.
    """
    streams = {
        name: Stream(entry.path(name), strip=True, errors="replace")
        for name in ("stdout", "stderr")
    }
    return {name: stream for name, stream in streams.items() if stream}


class Printed:
    """The JSON object that a module printed, passed through as it is: it is too large to read."""

    def __init__(self, path: str) -> None:
        """Raise `ValueError` with stock's words when there is none."""
        self._path = path
        size = _size(path)
        self._start = _start(path)
        if self._start < 0:
            raise ValueError("No start of json char found")
        self._stop = _stop(path, self._start, size)
        if self._stop < 0:
            raise ValueError("No end of json char found")
        self.before: dict[str, object] = {}
        """Our own keys; the module's are stronger."""
        self.after: dict[str, object] = {}
        """Our own keys; they are stronger than the module's."""

    @property
    def junk(self) -> str:
        """What follows the object, without the empty lines."""
        found = b"".join(blocks(self._path, self._stop, self._stop + _BLOCK))
        return found.decode("utf-8", "surrogateescape").strip("\r\n")

    def pieces(self) -> Iterator[bytes]:
        """Give the JSON document."""
        yield b"{"
        for key, value in self.before.items():
            yield b"%s, " % b"".join(_member(key, value))
        yield from blocks(self._path, self._start + 1, self._stop - 1)
        for key, value in self.after.items():
            yield b", "
            yield from _member(key, value)
        yield b"}"


def pieces(result: Mapping[str, object]) -> Iterator[bytes]:
    """Give the JSON document of a result whose values may be of `Stream`."""
    separator = b"{"
    for key, value in result.items():
        yield separator
        yield from _member(key, value)
        separator = b", "
    yield b"}" if result else b"{}"


def _member(key: str, value: object) -> Iterator[bytes]:
    yield json.dumps(key).encode() + b": "
    if isinstance(value, Stream):
        yield b'"'
        for text in value.texts():
            yield json.dumps(text)[1:-1].encode()
        yield b'"'
    else:
        yield json.dumps(value).encode()


def blocks(path: str, start: int, stop: int) -> Iterator[bytes]:
    """Give a part of a file; less of it when there is no more, or it cannot be read."""
    try:
        with open(path, "rb") as file:
            file.seek(start)
            while start < stop:
                block = file.read(min(_BLOCK, stop - start))
                if not block:
                    return
                start += len(block)
                yield block
    except OSError:
        return


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _end_of_text(path: str, size: int) -> int:
    """Give where the empty lines at the end begin."""
    while size > 0:
        begin = max(0, size - _BLOCK)
        text = b"".join(blocks(path, begin, size)).rstrip(b"\r\n")
        if text:
            return begin + len(text)
        size = begin
    return 0


def _start(path: str) -> int:
    """Give where the first line begins that begins with a brace; -1: there is none."""
    where = 0
    fresh = True  # nothing but blanks was seen of this line
    with open(path, "rb") as file:
        while True:
            piece = file.readline(_BLOCK)
            if not piece:
                return -1
            text = piece.lstrip()
            if fresh and text.startswith(b"{"):
                return where + len(piece) - len(text)
            fresh = piece.endswith(b"\n") or (fresh and not text)
            where += len(piece)


def _stop(path: str, start: int, size: int) -> int:
    """Give the byte after the last brace that ends a line; -1: there is none."""
    following = b"\n"  # the end of the file ends its last line
    while size > start:
        begin = max(start, size - _BLOCK)
        text = b"".join(blocks(path, begin, size)) + following
        ends = [found.start() for found in _LAST_BRACE.finditer(text)]
        if ends:
            return begin + ends[-1] + 1
        following = text[:_BLOCK]
        size = begin
    return -1
