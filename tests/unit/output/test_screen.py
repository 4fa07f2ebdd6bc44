"""What goes to which stream, how wide and in which colour."""

from __future__ import annotations

import io
import os
import pty

import pytest

from outlast.output.screen import Screen, cells, columns_of, wants_colour
from outlast.settings import Settings


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("settings", "environ", "stream", "wanted"),
    [
        ({}, {"TERM": "xterm"}, Terminal(), True),
        ({}, {"TERM": "dumb"}, Terminal(), False),
        ({}, {}, Terminal(), False),
        ({}, {"TERM": "xterm"}, io.StringIO(), False),
        ({"nocolor": True}, {"TERM": "xterm"}, Terminal(), False),
        ({"nocolor": True, "force_color": True}, {}, io.StringIO(), True),
    ],
)
def test_colours_are_for_terminals_unless_forced(settings, environ, stream, wanted):
    assert wants_colour(Settings(**settings), environ, stream) is wanted


def test_a_banner_is_as_wide_as_the_terminal_but_one():
    assert columns_of(io.StringIO()) == 79
    ours, theirs = pty.openpty()
    try:
        with os.fdopen(theirs, "w") as terminal:
            import fcntl  # noqa: PLC0415  # this test alone needs terminals
            import struct  # noqa: PLC0415
            import termios  # noqa: PLC0415

            for columns, filled in ((132, 131), (40, 79)):
                size = struct.pack("HHHH", 24, columns, 0, 0)
                fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
                assert columns_of(terminal) == filled
    finally:
        os.close(ours)


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("ü", 1), ("a\u200bb", 2)]
)
def test_signs_take_the_cells_a_terminal_gives_them(text, width):
    assert cells(text) == width


def test_the_order_between_the_streams_is_kept():
    said = []

    class Noting(io.StringIO):
        def __init__(self, name):
            super().__init__()
            self.name = name

        def write(self, text):
            said.append((self.name, text))
            return len(text)

    screen = Screen(Noting("out"), Noting("err"), colour=False, columns=79)
    screen.say("a")
    screen.say("b")
    screen.say("c", stderr=True)
    screen.say("d\n\n")
    screen.show()
    screen.show()
    assert said == [("out", "a\nb\n"), ("err", "c\n"), ("out", "d\n\n")]


def test_line_ends_of_windows_become_ours():
    out = io.StringIO()
    screen = Screen(out, out, colour=False, columns=79)
    screen.say("a\r\nb\r\n")
    screen.show()
    assert out.getvalue() == "a\nb\n"
