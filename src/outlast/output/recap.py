"""The last words of a run: a line per host, and what set_stats left.

Knows the layout of both. Leaves counting to the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from outlast.events import HostTally, RunEnded
from outlast.output.results import as_json, as_yaml
from outlast.output.screen import (
    CHANGED,
    FAILED,
    OK,
    SKIPPED,
    UNREACHABLE,
    WARNING,
    Screen,
)

_PLAIN_WIDTH: Final = 26
_COLOURED_WIDTH: Final = 37  # the name and its eleven invisible signs
_COLUMNS: Final = (
    ("ok", OK),
    ("changed", CHANGED),
    ("unreachable", UNREACHABLE),
    ("failed", FAILED),
    ("skipped", SKIPPED),
    ("rescued", OK),
    ("ignored", WARNING),
)


def show_recap(screen: Screen, ended: RunEnded) -> None:
    """Add the recap: hosts by name, counts that are not zero in colour."""
    if ended.retry_file is not None:
        screen.say(f"\tto retry, use: --limit @{ended.retry_file}")
    screen.banner("PLAY RECAP")
    for host in sorted(ended.tallies):
        screen.say(_line(screen, host, ended.tallies[host]))
    screen.say("")


def _line(screen: Screen, host: str, tally: HostTally) -> str:
    counts = ((name, getattr(tally, name), colour) for name, colour in _COLUMNS)
    cells = (
        screen.paint(f"{name}={count:<4}", colour if count else None)
        for name, count, colour in counts
    )
    return f"{_name(screen, host, tally)} : {' '.join(cells)}"


def _name(screen: Screen, host: str, tally: HostTally) -> str:
    if not screen.colour:
        return f"{host:<{_PLAIN_WIDTH}}"
    colour = FAILED if tally.failed or tally.unreachable else CHANGED if tally.changed else OK
    return f"{screen.paint(host, colour):<{_COLOURED_WIDTH}}"


def show_custom_stats(
    screen: Screen, stats: Mapping[str, Mapping[str, object]], *, form: str
) -> None:
    """Add what set_stats left: a line per host, then the run's own."""
    screen.banner("CUSTOM STATS: ")
    for host in sorted(stats):
        if host != "_run":
            screen.say(f"\t{host}: {_stats(stats[host], form)}")
    if "_run" in stats:
        screen.say("")
        screen.say(f"\tRUN: {_stats(stats['_run'], form)}")
    screen.say("")


def _stats(stats: Mapping[str, object], form: str) -> str:
    text = as_yaml(stats) if form == "yaml" else as_json(stats, 1)
    return text.replace("\n", "")
