"""Stands in for ssh: runs the command here, and cuts the talk before a given frame.

Run as ssh is. `relay.json` beside the inventory says which frame of both directions together
is the last that is not let through (`at`), whom to kill then (`whom`: `controller` or `ssh`,
which is this process), and where to say so (`told`). Once that is said, everything goes
through: whoever connects again, or looks later, is not disturbed.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import struct
import subprocess
import sys
from pathlib import Path

HEADER = struct.Struct(">IIB")
NAMES = {1: "REQUEST", 2: "REPLY", 3: "ERROR", 4: "BLOB", 5: "CANCEL", 6: "STREAM"}


class Direction:
    """What comes from one end: something before the first frame, then frames."""

    def __init__(self, write: int, raw: int, meet) -> None:
        self.write = write
        self._raw = raw
        """Bytes still to come before the frames; -1: up to the end of a line."""
        self._meet = meet
        self._buffer = b""

    def take(self, data: bytes) -> None:
        self._buffer += data
        while self._buffer:
            size = self._size()
            if size > len(self._buffer):
                return
            piece, self._buffer = self._buffer[:size], self._buffer[size:]
            while piece:
                piece = piece[os.write(self.write, piece) :]

    def _size(self) -> int:
        """Give how much to let through next."""
        if self._raw < 0:
            end = self._buffer.find(b"\n") + 1
            self._raw = min(self._raw + 1, 0) if end else self._raw
            return end or len(self._buffer) + 1
        if self._raw:
            size = min(self._raw, len(self._buffer))
            self._raw -= size
            return size
        if len(self._buffer) < HEADER.size:
            return HEADER.size
        length, _, kind = HEADER.unpack(self._buffer[: HEADER.size])
        if len(self._buffer) >= HEADER.size + length:
            self._meet(NAMES.get(kind & 0x0F), self._buffer[HEADER.size : HEADER.size + length])
        return HEADER.size + length


class Relay:
    """Both directions, and the count of their frames."""

    def __init__(self, order: dict[str, object], command: str) -> None:
        self._order, self._met = order, 0
        self._child = subprocess.Popen(
            ["/bin/sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        bundle = re.search(r"len\(data\) < (\d+)", command)
        size = int(bundle[1]) if bundle else 1 << 40
        self._ways = {
            0: Direction(self._child.stdin.fileno(), size, self._meet),
            self._child.stdout.fileno(): Direction(1, -1, self._meet),
        }

    def _meet(self, name: str, payload: bytes) -> None:
        self._met += 1
        told = Path(str(self._order["told"]))
        if self._met != self._order["at"] or told.exists():
            return
        op = json.loads(payload).get("op", "") if name == "REQUEST" else ""
        told.with_suffix(".tmp").write_text(f"{self._met} {name} {op}")
        told.with_suffix(".tmp").rename(told)
        if self._order["whom"] == "controller":
            os.kill(os.getppid(), signal.SIGKILL)
        os._exit(255)

    def run(self) -> int:
        with selectors.DefaultSelector() as selector:
            for fd in self._ways:
                selector.register(fd, selectors.EVENT_READ)
            while self._child.stdout.fileno() in selector.get_map():
                for key, _ in selector.select():
                    data = os.read(key.fd, 65536)
                    if data:
                        self._ways[key.fd].take(data)
                        continue
                    selector.unregister(key.fd)
                    if key.fd == 0:
                        self._child.stdin.close()
        return self._child.wait()


if __name__ == "__main__":
    place = Path(os.environ["OUTLAST_TEST_RELAY"])
    sys.exit(Relay(json.loads(place.read_text()), sys.argv[-1]).run())
