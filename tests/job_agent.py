"""A real agent at the end of a pipe, spoken to in whole requests; for tests of its job ops."""

from __future__ import annotations

import select
import subprocess
import sys
from collections import defaultdict

from job_host import bundle

from outlast_agent import bootstrap, wire


class AgentGone(AssertionError):
    """The agent has ended before it has answered."""


class AgentOnPipe:
    """Starts an agent as transport would, and asks it things."""

    def __init__(self, home, *, python=sys.executable, changed=()):
        """*changed* are modules whose text differs: a host that is made in no test."""
        self._bundle = bundle(changed)
        stub = bootstrap.stub("hello", self._bundle, {"remote_tmp": str(home / "tmp")})
        self.process = subprocess.Popen(
            [python, "-c", stub],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=home,
            env={"PATH": "/usr/bin:/bin", "HOME": str(home)},
            bufsize=0,
        )
        self.process.stdin.write(self._bundle)
        self._decoder = wire.Decoder()
        self._answers = {}
        self._streamed = defaultdict(bytearray)
        self.last = 0
        assert self._line() == b"hello ok \n"

    def _line(self):
        line = b""
        while not line.endswith(b"\n"):
            line += self.process.stdout.read(1)
        return line

    def ask(self, op, *blobs, **body):
        """Send a request; gives its id."""
        self.last += 1
        for piece in wire.message(self.last, wire.REQUEST, {"op": op, **body}, blobs):
            self.process.stdin.write(piece)
        return self.last

    def cancel(self, number):
        for piece in wire.frames(number, wire.CANCEL, b""):
            self.process.stdin.write(piece)

    def answer(self, number, *, seconds=20.0):
        """Give the answer to a request: its kind and body."""
        while number not in self._answers:
            ready, _, _ = select.select([self.process.stdout], [], [], seconds)
            assert ready, "the agent did not answer"
            data = self.process.stdout.read(65536)
            if not data:
                raise AgentGone
            self._take(data)
        message = self._answers.pop(number)
        return message.kind, message.body

    def has_answered(self, number):
        """Tell whether an answer has come by now."""
        self._read_what_is_there()
        return number in self._answers

    def heard(self, number):
        """Give what was streamed to a request by now."""
        self._read_what_is_there()
        return bytes(self._streamed[number])

    def tell(self, number, data):
        """Stream something to an open request."""
        for piece in wire.frames(number, wire.STREAM, data):
            self.process.stdin.write(piece)

    def _read_what_is_there(self):
        while select.select([self.process.stdout], [], [], 0)[0]:
            self._take(self.process.stdout.read(65536))

    def _take(self, data):
        for message in self._decoder.feed(data):
            if message.kind == wire.STREAM:
                self._streamed[message.id] += message.payload
            else:
                self._answers[message.id] = message

    def call(self, op, *blobs, **body):
        kind, answer = self.answer(self.ask(op, *blobs, **body))
        assert kind == wire.REPLY, answer
        return answer

    def start(self, line, *, jid="j1", limit=30.0, **more):
        run = {"command": {"shell": line, **more}, "environment": {}}
        return self.start_run(run, jid=jid, limit=limit)

    def start_run(self, run, **more):
        kind, answer = self.answer(self.ask_to_start(run, **more))
        assert kind == wire.REPLY, answer
        return answer

    def ask_to_start(
        self, run, *, jid="j1", limit=30.0, async_dir="~/.ansible_async", content="", **terms
    ):
        """Ask for the start of a job that is called `a test`; gives the request's number."""
        place = {"jid": jid, "limit": limit, "async_dir": async_dir, "name": "a test"}
        return self.ask("job.start", **place, run=run, terms=terms, content=content)

    def give(self, parcel):
        """Send a module; gives what a run says of it."""
        digests = sorted({digest for _, digest in parcel.files.values()})
        self.call(
            "parcel",
            *map(parcel.source, digests),
            id=parcel.name,
            name=parcel.name,
            main=parcel.main,
            files=parcel.files,
            on_disk=parcel.on_disk,
            digests=digests,
        )
        return {"parcel": parcel.name, "environment": {}, "files": {}}

    def store(self, key, content, *, name="src"):
        """Send a file that a module is to be given."""
        number = self.ask("file.store", key=key, name=name, size=len(content))
        self.tell(number, content)
        kind, answer = self.answer(number)
        assert kind == wire.REPLY, answer

    def about(self, op, job, *, async_dir="~/.ansible_async", **more):
        return self.ask(op, jid=job["ansible_job_id"], async_dir=async_dir, **more)

    def status(self, job):
        return self.answer(self.about("job.status", job))[1]

    def wait(self, job):
        self.answer(self.about("job.ended", job))
        return self.status(job)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=20)

    def kill(self):
        self.process.kill()
        self.close()
