"""What a supervisor is told to do, and how what it did has ended: plain data in the lean process.

Knows what an order from the agent holds. Leaves acting on it to `supervisor`, and making a
result of the ending to `result`. It is part of every supervisor, so it imports nothing
that costs memory.
"""

from __future__ import annotations

from outlast_agent.supervision.admission import Wish
from outlast_agent.supervision.resources import Resources


class Order:
    """What a supervisor is told to do: plain data, as it came from the agent."""

    def __init__(self, fields: dict[str, object]) -> None:
        self.folder = str(fields["folder"])
        self.jid = str(fields["jid"])
        self.wish = Wish(fields)
        self.facts = str(fields["facts"])
        """The text of job.json, without its closing brace."""
        self._take_limits(fields)
        argv = fields["argv"]
        self.argv = [str(word) for word in argv] if isinstance(argv, (list, tuple)) else []
        """Empty: there is nothing to run, `finish` holds the result already."""
        # Descriptor of the program to number of the stream: a module's own stdout is its answer.
        self.streams = {1: 3, 2: 4, 3: 1, 4: 2} if fields.get("answers") else {1: 1, 2: 2}
        self.executable = str(fields["executable"])
        self.cwd = str(fields["cwd"])
        environment = fields["environment"]
        self.environment = environment if isinstance(environment, dict) else {}
        payload = fields.pop("payload")  # or it would stay in memory as long as the job lives
        self.payload = payload if isinstance(payload, bytes) else b""
        """What the job reads from its standard input."""
        self.patience = _seconds(fields["patience"])
        """Seconds without output after which a pipe that the ended job's children still hold is
        left alone."""
        self.finish = fields["finish"]
        """Given to `result`, which alone understands it."""
        files = fields.get("files")
        self.files = files if isinstance(files, list) else []
        """What it needs and the agent has: path, and the folder in the job's own that it gets."""

    def _take_limits(self, fields: dict[str, object]) -> None:
        self.limit = _seconds(fields["limit"])
        self.idle_limit = _seconds(fields["idle_limit"])
        """Seconds of silence after which it is ended; 0: it may be silent."""
        self.reboots = bool(fields["reboots"])
        """It restarts its host, and is over when that is up again."""
        self.grace = _seconds(fields["grace"])
        """Seconds it has between the request to end and its being killed."""
        nice, memory = int(_seconds(fields["nice"])), int(_seconds(fields["memory_limit"]))
        self.resources = Resources(nice, memory, _seconds(fields["cpu_limit"]))


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


class Ending:
    """How a job's process ended: what `result` makes a result of."""

    def __init__(self) -> None:
        self.cause = ""
        """One of `spool.CAUSES`, as far as it can be told from outside the result."""
        self.trouble = ""
        """What kept us from staying with it to its end; empty: nothing."""
        self.pid = 0
        self.pids: set[int] = set()
        """The job's processes that were seen, its own among them."""
        self.rc = 0
        """Exit code, or minus the signal's number."""
        self.error = 0
        """The errno because of which the program could not be started."""
        self.began = 0.0
        self.since = 0.0
        """When it began by the clock that nobody sets."""
        self.ended = 0.0
        self.survivors = 0
        """Processes that could not be ended."""
        self.memory_kills = 0
        """Processes that the kernel has killed for want of memory, as far as it counts them."""
        self.output_lost = False
        """Not all of the output was kept: the disk was full, or it was too much."""
