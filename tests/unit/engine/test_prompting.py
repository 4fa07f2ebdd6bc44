"""What a person is asked before a play, and what becomes of the answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from unit.engine.play_world import World, play, task

from outlast.engine.ports import nobody
from outlast.errors import OutlastError
from outlast.events import Noticed, Said
from outlast.values import Template

pytestmark = pytest.mark.looptime


@dataclass
class Person:
    answers: list[str]
    asked: list[tuple[str, bool]] = field(default_factory=list)

    async def __call__(self, text, *, private):
        self.asked.append((text, private))
        return self.answers.pop(0)


async def backwards(secret, kind, *, salt, salt_size):
    """A hash that a reader can see through."""
    return f"{kind} {salt} {salt_size} {secret[::-1]}"


async def asked(*questions, answers=(), extra=(), person=None):
    world = World(hosts=("a",), ask=person or Person(list(answers)), hash_password=backwards)
    world.variables.extra = frozenset(extra)
    await world.play(play(task("t"), vars={"v": 1}, vars_prompt=questions))
    return world


async def test_questions_are_worded_as_stock_words_them():
    person = Person(["x"] * 3)
    await asked(
        {"name": "a"},
        {"name": "b", "prompt": "Which", "default": 5, "private": False},
        {"name": "c", "prompt": ""},
        person=person,
    )
    assert person.asked == [("a: ", True), ("Which [5]: ", False), ("input for c: ", True)]


async def test_an_answer_is_a_variable_of_the_play_and_may_be_a_template():
    world = await asked(
        {"name": "a"},
        {"name": "b"},
        {"name": "c", "unsafe": True},
        answers=["x", "{{ v }}", "{{ v }}"],
    )
    assert world.variables.play_vars == {"v": 1, "a": "x", "b": Template("{{ v }}"), "c": "{{ v }}"}


async def test_nothing_said_means_the_default():
    world = await asked({"name": "a", "default": 5}, answers=[""])
    assert world.variables.play_vars["a"] == "5"


async def test_what_the_command_line_gives_is_not_asked():
    person = Person([])
    world = await asked({"name": "a"}, extra=["a"], person=person)
    assert not person.asked
    assert "a" not in world.variables.play_vars


async def test_two_answers_that_differ_are_asked_again():
    person = Person(["x", "y", "z", "z"])
    world = await asked({"name": "a", "confirm": True}, person=person)
    assert [text for text, _ in person.asked] == ["a: ", "confirm a: "] * 2
    assert world.variables.play_vars["a"] == "z"
    assert len(world.events.of(Said)) == 1


async def test_where_nobody_is_there_it_is_said():
    world = await asked({"name": "a"}, person=nobody)
    assert world.variables.play_vars["a"] == "None"
    [noticed] = world.events.of(Noticed)
    assert noticed.notice.text == "Not prompting as we are not in interactive mode"


async def test_an_answer_is_hashed_when_the_question_says_how():
    world = await asked(
        {"name": "a", "encrypt": "k", "confirm": True},
        {"name": "b", "encrypt": "k", "salt": "s", "salt_size": 2, "default": 5},
        {"name": "c", "encrypt": ""},
        answers=["abc", "abc", "", "abc"],
    )
    asked_for = {name: world.variables.play_vars[name] for name in "abc"}
    assert asked_for == {"a": "k None None cba", "b": "k s 2 5", "c": "abc"}


async def test_what_nobody_has_typed_cannot_be_hashed():
    with pytest.raises(OutlastError, match="nothing to encrypt: nobody answers what 'a'"):
        await asked({"name": "a", "encrypt": "k"}, person=nobody)
