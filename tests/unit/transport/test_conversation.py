"""Questions and answers over a pipe that is scripted."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field

import pytest

from outlast.errors import ActionFailed, HostUnreachable
from outlast.transport.conversation import AgentBroke, Conversation
from outlast_agent import wire


@dataclass
class ScriptedPipe:
    """Keeps what is asked; says what the test has it say."""

    said: list[wire.Message] = field(default_factory=list)
    room: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    decoder: wire.Decoder = field(default_factory=wire.Decoder)

    def __post_init__(self):
        self.room.set()

    def write(self, data):
        self.said += self.decoder.feed(data)
        self.news.set()

    async def drain(self):
        await self.room.wait()

    async def heard(self, count):
        """Give what was asked once *count* messages are there."""
        while len(self.said) < count:
            self.news.clear()
            await self.news.wait()
        return self.said


@pytest.fixture
async def pipe():
    return ScriptedPipe()


@pytest.fixture
async def talk(pipe):
    return Conversation(pipe)


def answer(talk, message, body, *blobs, kind=wire.REPLY):
    talk.feed(b"".join(wire.message(message.id, kind, body, blobs)))


async def test_answers_find_their_questions_in_any_order(talk, pipe):
    async with asyncio.TaskGroup() as group:
        first = group.create_task(talk.ask("one", {"x": 1}))
        second = group.create_task(talk.ask("two", {}, blobs=(b"blob",)))
        one, two = await pipe.heard(2)
        assert (one.body, two.body, two.blobs) == ({"op": "one", "x": 1}, {"op": "two"}, (b"blob",))
        answer(talk, two, {"answer": 2}, b"more")
        answer(talk, one, {"answer": 1})
    assert first.result().body == {"answer": 1}
    assert (second.result().body, second.result().blobs) == ({"answer": 2}, (b"more",))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("failed", ActionFailed),
        ("unreachable", HostUnreachable),
        ("cancelled", HostUnreachable),
        ("bug", AgentBroke),
    ],
)
async def test_a_no_becomes_the_exception_it_means(talk, pipe, kind, expected):
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(refusal(talk))
        (question,) = await pipe.heard(1)
        answer(talk, question, {"kind": kind, "message": "so"}, kind=wire.ERROR)
    assert type(asked.result()) is expected


async def refusal(talk):
    try:
        await talk.ask("x", {})
    except (ActionFailed, HostUnreachable, AgentBroke) as error:
        return error


async def test_a_lost_connection_is_told_to_all_and_to_all_who_come_later(talk, pipe):
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(refusal(talk)) for _ in range(3)]
        await pipe.heard(3)
        talk.lose("the line is dead")
    errors = [task.result() for task in asked]
    assert {str(error) for error in errors} == {"the line is dead"}
    assert len(set(map(id, errors))) == 3
    assert not talk.alive
    assert str(await refusal(talk)) == "the line is dead"
    assert len(pipe.said) == 3


async def test_the_first_reason_of_a_loss_stays(talk):
    talk.lose("first")
    talk.lose("second")
    assert str(await refusal(talk)) == "first"


async def test_cancelling_withdraws_the_question_and_its_answer_is_dropped(talk, pipe):
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(talk.ask("x", {}))
        await pipe.heard(1)
        asked.cancel()
        question, withdrawal = await pipe.heard(2)
    assert (withdrawal.kind, withdrawal.id) == (wire.CANCEL, question.id)
    answer(talk, question, {"kind": "cancelled", "message": ""}, kind=wire.ERROR)
    assert talk.alive


async def test_a_question_cancelled_before_it_was_sent_whole_is_withdrawn(talk, pipe):
    pipe.room.clear()
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(talk.ask("x", {}, blobs=(b"y" * wire.CHUNK * 3,)))
        await asyncio.sleep(0)
        asked.cancel()
        (withdrawal,) = await pipe.heard(1)
    assert withdrawal.kind == wire.CANCEL
    assert withdrawal.blobs == ()


async def test_nothing_more_is_written_until_there_is_room(talk, pipe):
    pipe.room.clear()
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(talk.ask("x", {}, blobs=(b"1", b"2")))
        await asyncio.sleep(0)
        assert pipe.said == []  # one frame was written, no message is whole
        pipe.room.set()
        (question,) = await pipe.heard(1)
        answer(talk, question, {})
    assert asked.done()


async def test_a_stream_reaches_who_opened_the_question(talk, pipe):
    heard = []
    question = talk.begin(heard.append)
    await talk.send(question, "x", {})
    for data in (b"one", b"two"):
        talk.feed(b"".join(wire.frames(question.id, wire.STREAM, data)))
    talk.stream(question, b"back")
    assert heard == [b"one", b"two"]
    assert pipe.said[-1].payload == b"back"
    answer(talk, pipe.said[0], {"done": True})
    assert (await question.answer).body == {"done": True}


def streamed(talk, message, data):
    talk.feed(b"".join(wire.frames(message.id, wire.STREAM, data)))


async def test_what_is_streamed_can_be_taken_piece_by_piece_until_the_answer(talk, pipe):
    async def take():
        return [piece async for piece in talk.listen("logs", {"x": 1})]

    async with asyncio.TaskGroup() as group:
        taken = group.create_task(take())
        (question,) = await pipe.heard(1)
        assert question.body == {"op": "logs", "x": 1}
        streamed(talk, question, b"one")
        streamed(talk, question, b"two")
        answer(talk, question, {"offset": 6})
    assert taken.result() == [b"one", b"two"]
    assert not talk.waiting


async def test_a_listener_says_how_much_he_has_taken_and_not_before(talk, pipe):
    listening = talk.listen("logs", {})
    async with asyncio.TaskGroup() as group:
        first = group.create_task(anext(listening))
        (question,) = await pipe.heard(1)
        for _ in range(4):
            streamed(talk, question, b"x" * (wire.WINDOW // 4))
    assert len(first.result()) == wire.WINDOW // 4
    await anext(listening)
    assert len(pipe.said) == 1, "the second piece is not done with"
    await anext(listening)
    assert pipe.said[1].payload == b"%d" % (wire.WINDOW // 2)
    await listening.aclose()
    assert [message.kind for message in pipe.said[2:]] == [wire.CANCEL], "who leaves says so"


@pytest.mark.parametrize(
    ("kind", "error"), [("failed", ActionFailed), ("unreachable", HostUnreachable)]
)
async def test_a_refusal_reaches_the_listener_after_what_was_said(talk, pipe, kind, error):
    listening = talk.listen("logs", {})
    async with asyncio.TaskGroup() as group:
        first = group.create_task(anext(listening))
        (question,) = await pipe.heard(1)
        streamed(talk, question, b"one")
        answer(talk, question, {"kind": kind, "message": "no"}, kind=wire.ERROR)
    assert first.result() == b"one"
    with pytest.raises(error, match="no"):
        await anext(listening)


async def test_a_listener_is_told_that_the_connection_is_lost(talk, pipe):
    listening = talk.listen("logs", {})
    async with asyncio.TaskGroup() as group:
        first = group.create_task(anext(listening))
        (question,) = await pipe.heard(1)
        streamed(talk, question, b"one")
    assert first.result() == b"one"
    talk.lose("gone")
    with pytest.raises(HostUnreachable, match="gone"):
        await anext(listening)
    with pytest.raises(HostUnreachable, match="gone"):
        await anext(talk.listen("logs", {}))


async def test_nonsense_ends_the_conversation(talk):
    talk.feed(b"Welcome to the machine!!")
    assert not talk.alive
    assert "nonsense" in str(await refusal(talk))


async def test_the_hello_is_kept(talk):
    answer(talk, wire.Message(0, wire.REPLY, b""), {"pid": 1})
    answer(talk, wire.Message(0, wire.REPLY, b""), {"pid": 2})
    assert (await talk.hello).body == {"pid": 1}


async def test_ids_are_never_used_twice(talk):
    ids = [talk.begin().id for _ in range(10)]
    assert all(one < two for one, two in itertools.pairwise(ids))
    assert 0 not in ids
    talk.lose("over")
