"""What is said beside what was asked for: on stderr, for people.

Knows how our own commands word hints and errors, and whether a person is there. Leaves what
was asked for (stdout) to the commands.
"""

from __future__ import annotations

import sys

from outlast.errors import OutlastError


def say(text: str) -> None:
    """Say a line, or lines, on stderr; what is still in stdout's buffer comes first."""
    sys.stdout.flush()
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def tell(error: OutlastError) -> None:
    """Say what is wrong, and what to do about it."""
    say(f"error: {error}")
    for cause in error.chain:
        if cause.help_text:
            say(f"hint: {cause.help_text}")


def attended(*streams: object) -> bool:
    """Tell whether a person sits there: each of *streams* is a terminal."""
    return all(getattr(stream, "isatty", bool)() for stream in streams)
