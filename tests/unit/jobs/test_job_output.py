"""A job's output is read again byte for byte, in the order in which it came."""

from __future__ import annotations

import os
import select
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outlast_agent import spool
from outlast_agent.jobs.reading import Reader
from outlast_agent.supervision import output
from outlast_agent.supervision.output import Output


class Talker:
    """A job's two streams, written to by the test and kept as a supervisor keeps them."""

    def __init__(self, folder, jid="j1.7"):
        spool.open_folder(str(folder))
        self.entry = spool.Entry(str(folder), jid)
        spool.record_start(self.entry, "{}")
        self.output = Output(self.entry, select.poll())
        self.pipes = {}
        for number in (1, 2):
            ours, theirs = os.pipe()
            os.set_blocking(ours, False)
            self.pipes[number] = (ours, theirs)
            self.output.adopt(number, ours)

    def say(self, number, words):
        ours, theirs = self.pipes[number]
        os.write(theirs, words)
        self.output.keep(ours)

    def close(self):
        for ours, theirs in self.pipes.values():
            os.close(theirs)
            self.output.keep(ours)
        for fd in (*self.output._files.values(), self.output._turns):
            if fd >= 0:
                os.close(fd)


@pytest.fixture
def talker(tmp_path):
    talker = Talker(tmp_path / "spool")
    yield talker
    talker.close()


def everything(entry, stream="both", *, offset=0, most=65536, ended=True):
    reader = Reader(entry, stream, offset)
    pieces = []
    while piece := reader.read(most, ended=ended):
        pieces.append(piece)
    reader.close()
    return b"".join(pieces)


def test_both_streams_come_as_they_were_spoken(talker):
    for number, words in ((2, b"e1 "), (1, b"o1 "), (1, b"o2 "), (2, b"e2 "), (1, b"o3")):
        talker.say(number, words)
    assert everything(talker.entry) == b"e1 o1 o2 e2 o3"
    assert everything(talker.entry, "stdout") == b"o1 o2 o3"
    assert everything(talker.entry, "stderr") == b"e1 e2 "


def test_who_only_uses_stdout_leaves_no_record_of_turns(talker):
    talker.say(1, b"words")
    assert not Path(talker.entry.path("turns")).exists()


def test_a_reader_sees_what_comes_after_he_has_seen_all(talker):
    reader = Reader(talker.entry, "both", 0)
    assert reader.read(100, ended=False) == b""
    for number, words in ((1, b"one"), (2, b"two"), (2, b"three"), (1, b"four")):
        talker.say(number, words)
        assert reader.read(100, ended=False) == words
    reader.close()


def test_beyond_the_end_there_is_nothing(talker):
    talker.say(2, b"words")
    assert everything(talker.entry, offset=1000) == b""


def test_output_from_before_turns_were_recorded_is_given_whole(talker):
    Path(talker.entry.path("stdout")).write_bytes(b"out")
    Path(talker.entry.path("stderr")).write_bytes(b"err")
    assert everything(talker.entry) == b"outerr"
    assert everything(talker.entry, ended=False) == b"out", "stderr's place is not known yet"


def test_a_turn_that_finds_no_room_costs_a_little_order_and_no_byte(talker, monkeypatch):
    talker.say(1, b"out ")
    full = pytest.MonkeyPatch()
    full.setattr(output.Output, "_take_turn", lambda _self, _number: None)
    talker.say(2, b"err ")
    full.undo()
    talker.say(1, b"out2 ")
    talker.say(2, b"err2 ")
    assert everything(talker.entry) == b"out out2 err err2 "


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return iter(tmp_path_factory.mktemp("spool") / str(n) for n in range(10_000))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    spoken=st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=9))),
    offset=st.integers(0, 60),
    most=st.integers(1, 7),
)
def test_from_any_byte_on_the_rest_is_the_rest(folders, spoken, offset, most):
    talker = Talker(next(folders))
    for number, words in spoken:
        talker.say(number, words)
    whole = b"".join(words for _, words in spoken)
    assert everything(talker.entry, offset=offset, most=most) == whole[offset:]
    assert everything(talker.entry, offset=offset, ended=False) == whole[offset:]
    talker.close()
