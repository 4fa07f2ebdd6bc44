"""Tables are plain in a pipe and fit a terminal; times are said shortly."""

from __future__ import annotations

import io

import pytest

from outlast.cli.tables import Cell, lapse, printable, write_table


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def test_columns_are_aligned_and_nothing_trails():
    stream = io.StringIO()
    write_table(stream, ["A", "LONGER"], [["x", Cell("y", "bad")], ["wide one", ""]])
    assert stream.getvalue().splitlines() == ["A         LONGER", "x         y", "wide one"]


def test_a_pipe_gets_all_of_a_long_line():
    stream = io.StringIO()
    write_table(stream, ["A"], [["x" * 500]])
    assert "x" * 500 in stream.getvalue()


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.usefixtures("narrow")
def test_a_terminal_has_colours_and_the_last_column_gives_way():
    stream = Terminal()
    write_table(stream, ["JOB", "LAST"], [[Cell("j1234567890.123"), Cell("z" * 99, "bad")]])
    said = stream.getvalue()
    assert "j1234567890.123" in said
    assert "\x1b[31m" in said
    assert "z" * 50 not in said


def test_colours_can_be_declined(narrow):
    narrow.setenv("NO_COLOR", "1")
    stream = Terminal()
    write_table(stream, ["JOB"], [[Cell("j1", "bad")]])
    assert "\x1b[31m" not in stream.getvalue()


def test_markup_in_a_text_is_text():
    stream = Terminal()
    write_table(stream, ["JOB"], [["[bold]x[/bold]"]])
    assert "[bold]x[/bold]" in stream.getvalue()


def test_what_cannot_be_shown_is_left_out():
    assert printable("a\x1b[31mb\u202ec\td\ne\ud800") == "a[31mbc d e"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0s"),
        (-3, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (185, "3m 5s"),
        (3605, "1h"),
        (7500, "2h 5m"),
        (97 * 3600, "4d 1h"),
    ],
)
def test_a_lapse_is_said_in_two_units_at_most(seconds, words):
    assert lapse(seconds) == words
