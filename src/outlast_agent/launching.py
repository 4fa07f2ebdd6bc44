"""The agent's end of the spawner: orders go out, answers come back, in the same order.

Knows how the spawner is brought to life from the agent's own sources, and that it is started
when the first job comes. Leaves what an order says to `job_ops`, and carrying it out to
`spawner`, which outlives neither its work nor the agent.
"""

from __future__ import annotations

import json
import marshal
import os
import subprocess
import sys
import zlib
from collections import deque
from collections.abc import Callable

from outlast_agent.channel import Inbox, Outbox
from outlast_agent.loop import Loop
from outlast_agent.request import Refused

EARLY = ("spool", "process_tree", "supervisor", "spawner")
"""What a waiting supervisor needs, each after what it imports."""
LATE = ("loop", "channel", "processes", "surroundings", "commands", "job_result")
"""What it needs when the job is over."""

# What `ps` shows of a waiting supervisor; the rest comes through the pipe.
_COMMAND = "import os,sys;exec(os.read(0,int(sys.argv[1])))"

_BOOT = b"""\
import gc, marshal, os, sys
def read(size):
    data = b''
    while len(data) < size:
        data += os.read(0, size - len(data)) or os._exit(1)
    return data
def define(name, code):
    module = sys.modules[name] = type(sys)(name)
    package, _, leaf = name.rpartition('.')
    if package:
        setattr(sys.modules[package], leaf, module)
    exec(code, module.__dict__)
def finish(order, entry, ending):
    for name, code in late:
        define(name, code)
    sys.modules['outlast_agent.job_result'].record(order, entry, ending)
early, late = marshal.loads(read(int(sys.argv[2])))
for name, code in early:
    define(name, code)
gc.disable()
gc.freeze()
sys.modules['outlast_agent.spawner'].Spawner(finish).serve(0, 1)
"""

Answer = Callable[[str, str, str], None]


def spawner_program(sources: dict[str, str]) -> tuple[list[str], bytes]:
    """Give the argv that starts a spawner, and what it is to read first.

    It is given code, not text: compiling would leave its traces in the memory of every
    supervisor; so it must run under the Python that runs here.
    """
    late = compiled(sources, LATE)[1:]
    modules = marshal.dumps((compiled(sources, EARLY), late))
    sizes = [str(len(_BOOT)), str(len(modules))]
    argv = [sys.executable, "-S", "-E", "-I", "-c", _COMMAND, *sizes, "outlast-jobs"]
    return argv, _BOOT + modules


def unpacked(bundle: bytes) -> dict[str, str]:
    """Give our own sources, by the name of the module without the package's."""
    sources: dict[str, str] = json.loads(zlib.decompress(bundle))
    return sources


def compiled(sources: dict[str, str], names: tuple[str, ...]) -> list[tuple[str, object]]:
    """Give the code of our package and of these modules, with their full names."""
    codes = [("outlast_agent", _compiled("__init__", ""))]
    codes += [("outlast_agent." + name, _compiled(name, sources[name])) for name in names]
    return codes


def _compiled(name: str, text: str) -> object:
    return compile(text, "<outlast>/%s" % name, "exec", dont_inherit=True, optimize=2)


class Launcher:
    """Has jobs started, one after another; keeps the one spawner of this agent."""

    def __init__(self, loop: Loop, bundle: bytes) -> None:
        self._loop = loop
        self._bundle = bundle
        self._spawner: subprocess.Popen[bytes] | None = None
        self._orders: Outbox | None = None
        self._answers: Inbox | None = None
        self._buffer = b""
        self._waiting: deque[Answer] = deque()

    def launch(self, order: dict[str, object], answer: Answer) -> None:
        """Have a job started; *answer* is called with (refusal, jid, results file)."""
        if self._orders is None:
            self._start()
        self._waiting.append(answer)
        body = marshal.dumps(order)
        if self._orders is not None:
            self._orders.send((len(body).to_bytes(4, "big"), body))

    def _start(self) -> None:
        argv, program = spawner_program(unpacked(self._bundle))
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
            self._waiting.popleft()("the process that starts jobs has ended", "", "")

    def close(self) -> None:
        """Let the spawner go; the jobs stay."""
        if self._orders is not None:
            self._orders.close()
        if self._answers is not None:
            self._answers.close()
        if self._spawner is not None:
            self._spawner.wait()  # it ends as soon as its input does
        self._orders = self._answers = self._spawner = None
        self._buffer = b""


def _nothing() -> None:
    """Do nothing when there is room again: orders are few."""
