"""Runs as the engine tells them, and a ledger of one's own to record them in."""

from __future__ import annotations

from contextlib import contextmanager

from outlast.events import HostStarted, ItemEnded, PlayStarted, TaskEnded, TaskLabel, TaskStarted
from outlast.job import JobIntent
from outlast.ledger.keep import Keep
from outlast.ledger.ledger import Ledger
from outlast.ledger.recording import Recording
from outlast.ledger.sink import LedgerSink
from outlast.ledger.statements import Beginning
from outlast.outcome import Ok
from outlast.values import Origin

BEGINNING = Beginning(
    command=["outlast", "playbook", "site.yml"],
    folder="/home/me/site",
    user="me",
    playbooks=["site.yml"],
    version="0.1.0",
)


def intent(jid="j1", **other) -> JobIntent:
    usual = {"host": "web1", "task": "build", "limit": 60.0, "async_dir": "/d", "address": {}}
    return JobIntent(jid=jid, **usual | other)


def label(key=1, name="say hello", **other) -> TaskLabel:
    usual = {"action": "debug", "origin": Origin("/home/me/site/site.yml", 4, 7)}
    return TaskLabel(key=key, name=name, **usual | other)


class Told:
    """A recording and the sink that fills it."""

    def __init__(self, path, **keep) -> None:
        self.recording = Recording(lambda: BEGINNING, path, Keep(**keep))
        self.sink = LedgerSink(self.recording)

    def task(self, outcome=None, *, task=None, host="web1", **other) -> None:
        """Tell of a task from its beginning to its end."""
        task = task or label()
        self.sink.emit(TaskStarted(task))
        self.sink.emit(HostStarted(task, host))
        self.sink.emit(TaskEnded(task=task, host=host, outcome=outcome or Ok({}), **other))

    def item(self, outcome, *, task, host="web1", item=None, index=None) -> None:
        told = ItemEnded(task=task, host=host, outcome=outcome, label=item, index=index)
        self.sink.emit(told)

    def play(self, name="all") -> None:
        self.sink.emit(PlayStarted(name))

    def end(self, code=0) -> None:
        self.recording.end(code)


@contextmanager
def told(path, code=0, **keep):
    """Give a run to tell, which ends with *code* and then keeps so much history."""
    run = Told(path, **keep)
    run.play()
    try:
        yield run
    finally:
        run.end(code)


def one_run(path, *outcomes, **keep) -> str:
    """Record a whole run; give its id."""
    with told(path, **keep) as run:
        for key, outcome in enumerate(outcomes or [Ok({})]):
            run.task(outcome, task=label(key))
    assert run.recording.problems == []
    assert run.recording.run is not None
    return run.recording.run


def read(path) -> Ledger:
    """Open the ledger, which must be sound."""
    return Ledger.open(path, complain=_fail)


def _fail(text):
    raise AssertionError(text)
