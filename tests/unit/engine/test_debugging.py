"""The task debugger: whose result is looked at, and what becomes of a task that is changed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from unit.engine.play_world import World, block, play, task

from outlast.engine.debug_shell import Shell, Wish
from outlast.engine.debug_views import Altered, altered, restored, shown
from outlast.errors import RunLeft
from outlast.events import HostStarted, Said, TaskEnded
from outlast.outcome import Failed
from outlast.settings import Settings
from outlast.values import DictScope, Template, Vaulted

pytestmark = pytest.mark.looptime


@dataclass
class Typist:
    """Types its lines, each after *seconds*."""

    lines: list[str]
    seconds: float = 0
    asked: list[str] = field(default_factory=list)

    async def __call__(self, text, *, private):
        self.asked.append(text)
        await asyncio.sleep(self.seconds)
        return self.lines.pop(0) if self.lines else None


def world(*lines, hosts=("a",), seconds=0, **given):
    return World(hosts=hosts, ask_anybody=Typist(list(lines), seconds), **given)


def said(world):
    return [event.text for event in world.events.of(Said)]


async def test_what_failed_is_run_again_and_counts_as_if_it_had_not():
    here = world("r")
    here.fails("1", "a")
    assert await here.play(play(task("0"), task("1", debugger="on_failed"), task("2"))) == 0
    assert here.tally("a") == {"ok": 3}
    assert [(event.task.name, event.turn) for event in here.events.of(HostStarted)] == [
        *(("0", 0), ("1", 0), ("1", 1), ("2", 0))
    ]


async def test_a_host_that_could_not_be_reached_is_in_the_play_again():
    here = world("r")
    here.loses("1", "a")
    assert await here.play(play(task("1", debugger="on_unreachable"), task("2"))) == 0
    assert here.tally("a") == {"ok": 2}
    assert here.variables.active[-1] == ("a",)


async def test_what_was_rescued_once_is_not_rescued_twice():
    here = world("r", "c")
    here.fails("1", "a", times=2)
    steps = block(task("1", debugger="on_failed"), rescue=[task("2")])
    assert await here.play(play(steps)) == 0
    assert here.tally("a") == {"ok": 1, "rescued": 1}


async def test_what_was_set_is_what_runs():
    here = world("task.args['x'] = task_vars['v'] + 1", "del task.args['y']", "r")
    here.fails("1", "a")
    steps = task("1", args={"x": 1, "y": 2, "z": Template("{{ v }}")}, debugger="on_failed")
    await here.play(play(steps, vars={"v": 4}))
    assert here.events.of(TaskEnded)[-1].outcome.payload["args"] == {"x": 5, "z": 4}


async def test_what_was_typed_is_never_a_template():
    here = world("task.args['x'] = '{{ v }}'; task_vars['v'] = '{{ w }}'", "u", "r", "c", "c")
    here.fails("1", "a")
    steps = task("1", args={"x": Template("{{ v }}")}, debugger="always")
    await here.play(play(steps, vars={"v": 4, "w": 5}))
    assert here.events.of(TaskEnded)[-1].outcome.payload["args"] == {"x": "{{ w }}"}


async def test_an_update_that_fails_is_told_and_the_host_keeps_the_floor():
    here = world("u", "task_vars['v'] = 3", "u", "p task.args", "r")
    steps = task("1", args={"x": Template("{{ v }}")}, debugger="on_failed")
    assert await here.play(play(steps)) == 0
    assert "***EvaluationError:" in said(here)[0]
    assert "'v' is undefined" in said(here)[0]
    assert said(here)[1:] == ["{'x': 3}\n"]


async def test_the_task_of_one_host_is_changed_and_no_others():
    here = world("task.args['x'] = 2", "r", "c", hosts=("a", "b"))
    here.fails("1", "a", "b")
    await here.play(play(task("1", args={"x": 1}, debugger="on_failed"), strategy="free"))
    assert [call[1] for call in here.actions.calls] == ["a", "b", "a"]
    assert here.tally("b") == {"failed": 1}


async def test_one_host_has_the_floor_and_the_others_wait_to_be_told():
    here = world("c", "c", hosts=("a", "b", "c"), seconds=10)
    here.fails("1", "a", "b")
    here.actions.script["1", "c"] = [5]
    await here.play(play(task("1", debugger="on_failed"), strategy="free"))
    assert here.events.ended() == [("1", "a", "Failed"), ("1", "b", "Failed"), ("1", "c", "Ok")]
    assert here.ask_anybody.asked == ["[a] TASK: 1 (debug)> ", "[b] TASK: 1 (debug)> "]


@pytest.mark.parametrize("line", ["q", "quit", "EOF", "exit()"])
async def test_the_run_ends_when_a_person_says_so(line):
    here = world(line)
    with pytest.raises(RunLeft) as caught:
        await here.play(play(task("1", debugger="always"), task("2")))
    assert caught.value.exit_code == 99
    assert said(here) == ["User interrupted execution"]
    assert [call[0] for call in here.actions.calls] == ["1"]


async def test_the_end_of_the_input_ends_the_run():
    with pytest.raises(RunLeft):
        await world().play(play(task("1", debugger="always")))


async def test_a_wrong_word_fails_the_task_and_asks_nobody():
    here = world()
    assert await here.play(play(task("1", debugger="sometimes"))) == 2
    [ended] = here.events.of(TaskEnded)
    assert isinstance(ended.outcome, Failed)
    assert "'sometimes' is not a valid value for debugger" in str(ended.outcome.why)
    assert here.ask_anybody.asked == []


async def test_the_setting_asks_for_what_failed_and_was_not_ignored():
    here = world(*"ccc", settings=Settings(enable_task_debugger=True))
    here.fails("1", "a")
    here.fails("2", "a")
    steps = [task("1", ignore_errors=True), task("2", debugger="never", ignore_errors=True)]
    await here.play(play(*steps, task("3")))
    assert here.ask_anybody.asked == []
    heedless = Settings(enable_task_debugger=True, task_debugger_ignore_errors=False)
    here = world(*"ccc", settings=heedless)
    here.fails("1", "a")
    here.fails("2", "a")
    await here.play(play(*steps, task("3")))
    assert here.ask_anybody.asked == ["[a] TASK: 1 (debug)> "]


async def test_what_may_be_set_can_be_and_the_rest_says_that_it_cannot():
    here = world("task.name = 'x'", "task.check_mode = True", "task.ignore_errors = True", "r")
    here.fails("1", "a", times=2)
    assert await here.play(play(task("1", debugger="on_failed"), task("2"))) == 0
    assert said(here) == [
        "***AttributeError:AttributeError(\"'name' of a task cannot be set in the debugger\")\n"
    ]
    assert here.tally("a") == {"ok": 2, "ignored": 1}


def test_an_empty_line_repeats_the_last_one_and_statements_may_do_anything():
    shell = Shell({"n": 1})
    assert shell.obey("n = n + 1") == (None, "")
    assert shell.obey("p n") == (None, "2\n")
    assert shell.obey("") == (None, "2\n")
    assert shell.obey("print([k for k in range(n)])") == (None, "[0, 1]\n")
    assert shell.obey("p 1 / 0") == (
        None,
        "***ZeroDivisionError:ZeroDivisionError('division by zero')\n",
    )
    assert [shell.obey(line)[0] for line in ("c", "redo", "u", "EOF")] == [
        *(Wish.CONTINUE, Wish.REDO, Wish.UPDATE, Wish.QUIT)
    ]


def test_what_was_not_touched_stays_a_template():
    written = {"a": Template("{{ x }}"), "b": [Template("{{ y }}"), 1], Template("{{ k }}"): 2}
    seen = shown(written)
    assert seen == {"a": "{{ x }}", "b": ["{{ y }}", 1], "{{ k }}": 2}
    seen["b"][1] = 5
    seen["new"] = "{{ z }}"
    assert restored(seen, written) == {
        **written,
        "b": [Template("{{ y }}"), 5],
        "new": "{{ z }}",
    }


def test_what_is_encrypted_is_not_shown():
    secret = Vaulted("$ANSIBLE_VAULT;1.1;AES256")
    assert repr(shown({"a": secret})) == "{'a': <redacted>}"
    assert restored(shown([secret]), [secret])[0] is secret


def test_a_scope_that_nobody_changed_is_the_same_scope():
    scope = DictScope({"a": Template("{{ b }}"), "b": {"c": 1}})
    seen = {name: shown(scope[name]) for name in scope}
    assert altered(seen, scope) is scope
    seen["b"]["c"] = 2
    del seen["a"]
    changed = altered(seen, scope)
    assert isinstance(changed, Altered)
    assert dict(changed) == {"b": {"c": 2}}
    assert len(changed) == 1
    assert "a" not in changed
