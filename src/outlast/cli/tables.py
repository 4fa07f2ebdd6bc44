"""Tables for people, in a terminal's colours or as aligned text in a pipe.

Knows rows of cells and their titles. Leaves which rows to whoever asks. What hosts and
playbooks say is shown, never obeyed: control characters do not reach the terminal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final, TextIO

from msgspec import Struct

_GAP: Final = "  "
_LEAST: Final = 24
"""Columns that a cell keeps on a narrow terminal, if it needs them."""


class Cell(Struct, frozen=True):
    """A text and what it means (`good`, `bad`, `busy`, `dim`), shown as a colour if any."""

    text: str
    mood: str = ""


_COLOURS: Final = {"good": "green", "bad": "red", "busy": "yellow", "dim": "dim", "": ""}

Row = Sequence["Cell | str"]


def write_table(stream: TextIO, titles: Sequence[str], rows: Sequence[Row]) -> None:
    """Write *rows* under *titles*: coloured on a terminal, plain and whole elsewhere."""
    cells = [[_cell(cell) for cell in row] for row in rows]
    if stream.isatty():
        _write_for_eyes(stream, titles, cells)
    else:
        _write_plain(stream, titles, cells)


def printable(text: str) -> str:
    """Give *text* on one line, without what would move a cursor or change a colour."""
    shown = ("" if unicodedata.category(sign) in ("Cc", "Cf", "Cs") else sign for sign in text)
    return "".join(" " if sign in "\n\t" else seen for sign, seen in zip(text, shown, strict=True))


def _cell(cell: Cell | str) -> Cell:
    known = cell if isinstance(cell, Cell) else Cell(cell)
    return Cell(printable(known.text).strip(), known.mood)


def _write_plain(stream: TextIO, titles: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    lines = [list(titles), *([cell.text for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        stream.write(_GAP.join(padded).rstrip() + "\n")


def _write_for_eyes(stream: TextIO, titles: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    from rich.console import Console  # noqa: PLC0415  # a pipe does not pay for it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, title in enumerate(titles):
        natural = max([len(title), *(len(row[number].text) for row in rows)])
        # What is copied to the next command is never cut; what gives way is the last column.
        least = natural if number == 0 else min(natural, _LEAST)
        last = number == len(titles) - 1
        table.add_column(title, no_wrap=True, min_width=None if last else least)
    for row in rows:
        table.add_row(*(Text(cell.text, _COLOURS[cell.mood]) for cell in row))
    Console(file=stream, highlight=False).print(table)


def lapse(seconds: float) -> str:
    """Say a stretch of time as shortly as serves: `7s`, `3m 5s`, `2h 4m`, `5d 3h`."""
    whole = max(0, int(seconds))
    units = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
    parts: list[str] = []
    for unit, size in units:
        count, whole = divmod(whole, size)
        if count or parts:
            parts.append(f"{count}{unit}" if count else "")
    return " ".join(filter(None, parts[:2])) or "0s"
