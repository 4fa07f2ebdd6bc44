"""A job's output on stdout: as it is, or as JSON for programs.

Knows that what is printed is seen at once, and that a line of JSON holds a whole line of output.
Leaves where the output comes from to `doing`.
"""

from __future__ import annotations

import json
import sys

from outlast.cli.jobs.asking import JSON_VERSION
from outlast.cli.jobs.seen import Seen, as_json


class Raw:
    """Prints every byte as it comes."""

    def write(self, data: bytes) -> None:
        """Print *data*."""
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def end(self, seen: Seen | None) -> None:
        """Say nothing of how the job stands."""


class Lines:
    """Prints an object for each line, and a last one for the job: `version` and `job`."""

    def __init__(self) -> None:
        self._begun = b""
        """The last line, while that has no end."""

    def write(self, data: bytes) -> None:
        """Print the lines that *data* ends."""
        *whole, self._begun = (self._begun + data).split(b"\n")
        for line in whole:
            self._print({"text": line.decode("utf-8", "replace")})
        sys.stdout.flush()

    def end(self, seen: Seen | None) -> None:
        """Print what is left, and how the job stands: null if its host does not have it."""
        if self._begun:
            self._print({"text": self._begun.decode("utf-8", "replace")})
        self._print({"version": JSON_VERSION, "job": as_json(seen) if seen else None})
        sys.stdout.flush()

    @staticmethod
    def _print(value: object) -> None:
        sys.stdout.write(json.dumps(value, default=str) + "\n")
