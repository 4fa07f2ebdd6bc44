"""What is sent arrives, however the bytes are cut; what may not be sent is refused."""

from __future__ import annotations

import itertools
import random
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast_agent import wire

bodies = st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers(), max_size=3)
messages = st.tuples(
    st.integers(0, 2**32 - 1),
    st.sampled_from([wire.REQUEST, wire.REPLY, wire.ERROR]),
    bodies,
    st.lists(st.binary(max_size=40), max_size=3).map(tuple),
)


def decode(data: bytes, cuts=()):
    decoder = wire.Decoder()
    edges = [0, *sorted(cuts), len(data)]
    return [
        message
        for start, end in itertools.pairwise(edges)
        for message in decoder.feed(data[start:end])
    ]


@given(st.lists(messages, max_size=4), st.booleans(), st.data())
def test_any_chunking_of_any_messages_gives_the_same_messages(sent, zipped, data):
    stream = b"".join(b"".join(wire.message(*one, zipped=zipped)) for one in sent)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    assert [(m.id, m.kind, m.body, m.blobs) for m in decode(stream, cuts)] == sent


def test_a_long_payload_travels_in_chunks_that_others_may_pass():
    long = list(wire.frames(1, wire.BLOB, b"x" * (wire.CHUNK * 2 + 1)))
    short = b"".join(wire.message(2, wire.REQUEST, {"op": "quick"}))
    end = b"".join(wire.message(1, wire.REQUEST, {"op": "slow"}))
    assert len(long) == 3
    quick, slow = decode(long[0] + short + long[1] + long[2] + end)
    assert quick.body == {"op": "quick"}
    assert slow.blobs == (b"x" * (wire.CHUNK * 2 + 1),)


def test_a_stream_is_delivered_as_it_comes():
    first, second = wire.frames(5, wire.STREAM, b"y" * (wire.CHUNK + 3))
    decoder = wire.Decoder()
    assert [len(m.payload) for m in decoder.feed(first)] == [wire.CHUNK]
    assert [m.payload for m in decoder.feed(second)] == [b"yyy"]


def test_an_empty_payload_is_a_message():
    (message,) = decode(b"".join(wire.frames(9, wire.CANCEL, b"")))
    assert (message.id, message.kind, message.payload) == (9, wire.CANCEL, b"")


@pytest.mark.parametrize(
    "data",
    [
        b"Welcome to this host\n",
        struct.pack(">IIB", wire.CHUNK + 1, 1, wire.REQUEST),
        struct.pack(">IIB", 0, 1, 0),
        struct.pack(">IIB", 0, 1, 99),
    ],
)
def test_what_is_not_a_frame_is_refused(data):
    with pytest.raises(wire.WireError, match="not a frame"):
        decode(data)


def test_unfinished_messages_may_not_grow_for_ever():
    decoder = wire.Decoder(limit=1000)
    blob = b"".join(wire.frames(1, wire.BLOB, b"z" * 300))
    assert list(decoder.feed(blob * 2)) == []
    with pytest.raises(wire.WireError, match="1000 bytes"):
        list(decoder.feed(blob * 2))


def test_what_was_delivered_counts_no_more():
    decoder = wire.Decoder(limit=2000)
    whole = b"".join(wire.message(1, wire.REQUEST, {}, (b"z" * 900,)))
    assert sum(1 for _ in range(10) for _ in decoder.feed(whole)) == 10


@pytest.mark.parametrize("payload", [b"{", b"[1]", b"\xff"])
def test_a_body_that_is_no_object_is_refused(payload):
    with pytest.raises(wire.WireError):
        _ = wire.Message(1, wire.REQUEST, payload).body


@pytest.mark.parametrize("kind", [wire.BLOB, wire.STREAM])
def test_what_gains_by_it_is_zipped(kind):
    text = b"all work and no play " * 40_000
    stream = b"".join(wire.frames(1, kind, text, zipped=True))
    assert len(stream) < len(text) / 50
    stream += b"".join(wire.message(1, wire.REQUEST, {}))
    found = decode(stream)
    pieces = found[-1].blobs if kind == wire.BLOB else [m.payload for m in found[:-1]]
    assert b"".join(pieces) == text


def test_what_is_zipped_already_or_cannot_gain_stays_as_it_is():
    once = zlib.compress(b"all work and no play " * 40_000, 1) * 20
    noise = random.Random(1).randbytes(5000)
    for payload in (once, noise, b"short"):
        frames = list(wire.frames(1, wire.BLOB, payload, zipped=True))
        assert frames == list(wire.frames(1, wire.BLOB, payload))


def test_a_bomb_is_refused_before_it_bursts():
    bomb = b"".join(wire.frames(1, wire.REQUEST, b"\0" * 10_000_000, zipped=True))
    with pytest.raises(wire.WireError, match="more than 1000000 bytes"):
        list(wire.Decoder(limit=1_000_000).feed(bomb))


def test_what_cannot_be_inflated_is_refused():
    broken = struct.pack(">IIB", 5, 1, wire.REQUEST | wire.ZIPPED) + b"12345"
    with pytest.raises(wire.WireError, match="inflated"):
        decode(broken)
