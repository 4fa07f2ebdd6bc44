"""The agent's end of the spawner: orders go out, answers come back, in the same order.

Knows how the spawner is brought to life from the agent's own sources, that it is started when
the first job comes, and that it is given no order before it is where its jobs are to live.
Leaves where that is to `shelter`, what an order says to `orders`, and carrying it out to
`supervision.spawner`, which outlives neither its work nor the agent.
"""

from __future__ import annotations

import marshal
import os
import subprocess
from collections import deque
from collections.abc import Callable

from outlast_agent.carrying import Carrier
from outlast_agent.channel import Inbox, Outbox
from outlast_agent.jobs.shelter import Shelter
from outlast_agent.loop import Loop
from outlast_agent.request import Refused

_EARLY = (
    "spool",
    *("supervision." + name for name in ("admission", "process_tree", "output", "cgroups")),
    *("supervision." + name for name in ("scopes", "resources", "order", "program")),
    *("supervision." + name for name in ("supervisor", "restart", "supervising", "spawner")),
)
"""What a waiting supervisor needs, each module after those that it imports."""
_LATE = (
    *("loop", "channel", "marks", "processes", "surroundings", "commands"),
    *("supervision." + name for name in ("out_of_memory", "printed", "finish", "result")),
)
"""What it needs when the job is over."""

GONE = "the process that starts jobs has ended"
"""The refusal when nobody is left who could tell whether the job was started."""
_PARTING = 2.0
"""Seconds for the spawner to go."""

_BEGIN = """\
def finish(order, entry, ending):
    define(late)
    sys.modules['outlast_agent.supervision.result'].record(order, entry, ending)
import gc
gc.disable()
gc.freeze()
sys.modules['outlast_agent.supervision.spawner'].Spawner(finish).serve(0, 1)
"""


def spawner_program(carrier: Carrier) -> tuple[list[str], bytes]:
    """Give the argv that starts a spawner, and what it is to read first."""
    argv, program = carrier.program(_BEGIN, _EARLY, _LATE, flags=("-S", "-E", "-I"))
    return [*argv, "outlast-jobs"], program


class Launcher:
    """Has jobs started, one after another; keeps the one spawner of this agent."""

    def __init__(self, loop: Loop, carrier: Carrier) -> None:
        self._loop = loop
        self._carrier = carrier
        self._spawner: subprocess.Popen[bytes] | None = None
        self._orders: Outbox | None = None
        self._answers: Inbox | None = None
        self._buffer = b""
        self._held: list[tuple[bytes, bytes]] | None = None
        """Orders that wait for the spawner to be where it belongs; None: it is."""
        self.warning = ""
        """What there is to say of the place where the jobs live."""
        self._waiting: deque[Callable[[str, str, str], None]] = deque()

    def launch(self, order: dict[str, object], answer: Callable[[str, str, str], None]) -> None:
        """Have a job started; *answer* is called with (refusal, jid, results file)."""
        if self._orders is None:
            self._start()
        self._waiting.append(answer)
        body = marshal.dumps(order)
        pieces = (len(body).to_bytes(4, "big"), body)
        if self._held is not None:
            self._held.append(pieces)
        elif self._orders is not None:
            self._orders.send(pieces)

    def _start(self) -> None:
        argv, program = spawner_program(self._carrier)
        try:
            spawner = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise Refused("could not start a process for the jobs: %s" % error) from error
        assert spawner.stdin is not None and spawner.stdout is not None  # noqa: S101, PT018  # they are pipes
        self._spawner = spawner
        self._orders = Outbox(self._loop, os.dup(spawner.stdin.fileno()), _nothing)
        self._answers = Inbox(self._loop, os.dup(spawner.stdout.fileno()), self._take, self._lost)
        spawner.stdin.close()
        spawner.stdout.close()
        self._orders.send((program,))
        self._held = []

        def settled(said: str) -> None:
            if self._spawner is spawner:  # it may have ended meanwhile
                self._settled(said)

        Shelter(self._loop, spawner.pid, settled).begin()

    def _settled(self, said: str) -> None:
        """Let the orders go that have waited."""
        self.warning = said
        held, self._held = self._held or [], None
        for pieces in held:
            if self._orders is not None:
                self._orders.send(pieces)

    def _take(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 4:  # noqa: PLR2004  # the length of a length
            end = 4 + int.from_bytes(self._buffer[:4], "big")
            if len(self._buffer) < end:
                return
            body, self._buffer = self._buffer[4:end], self._buffer[end:]
            self._waiting.popleft()(*marshal.loads(body))  # noqa: S302  # our own child wrote it

    def _lost(self) -> None:
        """Tell everybody who waits; the next job gets a new spawner."""
        self.close()
        while self._waiting:
            self._waiting.popleft()(GONE, "", "")

    def close(self) -> None:
        """Let the spawner go; the jobs stay."""
        if self._orders is not None:
            self._orders.close()
        if self._answers is not None:
            self._answers.close()
        if self._spawner is not None:
            try:
                self._spawner.wait(_PARTING)  # it ends as soon as its input does
            except subprocess.TimeoutExpired:  # the disk it writes to does not answer
                self._spawner.kill()
        self._orders = self._answers = self._spawner = None
        self._buffer = b""
        self._held = None


def _nothing() -> None:
    """Do nothing when there is room again: orders are few."""
