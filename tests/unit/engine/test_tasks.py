"""How one task is carried to its hosts: forks, waiting, retries, loops, sharing."""

from __future__ import annotations

import asyncio
import time

import pytest
from unit.engine.play_world import World, block, conditions, play, task

from outlast.events import (
    FilesIncluded,
    ItemEnded,
    JobEnded,
    JobPolled,
    JobSpoke,
    Retrying,
    TaskEnded,
    TaskStarted,
)
from outlast.outcome import CENSORED, AddHost, Detached, Failed, Ok, Performed, SetFacts
from outlast.playbook.model import Loop, LoopControl
from outlast.settings import Settings
from outlast.values import Template

pytestmark = pytest.mark.looptime


async def test_forks_bound_the_work_in_flight():
    world = World(settings=Settings(forks=2))
    world.actions.script = {("t", host): [1.0, Ok()] for host in world.hosts}
    await world.play(play(task("t")))
    assert world.actions.most_busy == 2


async def test_waiting_for_a_job_holds_no_fork():
    world = World(settings=Settings(forks=1))
    world.actions.settle_seconds = 60
    begun = asyncio.get_running_loop().time()
    await world.play(play(task("t", async_limit=100, poll=20)))
    assert asyncio.get_running_loop().time() - begun == pytest.approx(60)
    assert len(world.events.of(JobPolled)) == 3 * 2
    assert [event.failed for event in world.events.of(JobEnded)] == [False] * 3


@pytest.mark.parametrize(
    ("keywords", "heard"),
    [
        ({"async_limit": 100, "poll": 20}, True),
        ({"until": ["r.done"], "register": "r"}, True),
        ({"async_limit": 100, "poll": 20, "no_log": True}, False),
        ({"async_limit": 100, "poll": 0}, False),
        ({}, False),
    ],
)
async def test_a_job_is_heard_by_a_task_that_waits_for_it_and_may_show_it(keywords, heard):
    world = World(hosts=("a",))
    calls = []

    class Listening(type(world.actions)):
        async def perform(self, call):
            calls.append(call)
            await super().perform(call)
            outcome = Ok({"done": True})
            detached = call.limit and Detached(jid="j1.2", results_file="f", payload={})
            return Performed(detached or outcome)

    world.actions = Listening()
    await world.play(play(task("t", **keywords)))
    assert (calls[0].hear is not None) is heard
    if heard:
        calls[0].hear(["one", "two"])
        (event,) = world.events.of(JobSpoke)
        assert (event.task.name, event.host, event.lines) == ("t", "a", ("one", "two"))


async def test_waiting_for_a_retry_holds_no_fork():
    world = World(settings=Settings(forks=1))
    for host in world.hosts:
        world.actions.script["t", host] = [Failed(), Ok()]
    begun = asyncio.get_running_loop().time()
    await world.play(play(task("t", retries=3, delay=100)))
    assert asyncio.get_running_loop().time() - begun == pytest.approx(100)


async def test_a_job_nobody_waits_for_is_a_change_at_once():
    world = World(hosts=("a",))
    await world.play(play(task("t", async_limit=100, poll=0, register="r")))
    assert world.variables.hosts["a"]["r"] == {"finished": False, "changed": True, "failed": False}
    assert world.events.of(JobEnded) == []


async def test_retries_end_when_until_holds_and_attempts_are_counted():
    world = World(hosts=("a",))
    answers = [Ok({"done": False}), Ok({"done": False}), Ok({"done": True})]
    world.actions.script["t", "a"] = list(answers)
    await world.play(play(task("t", until=["r.done"], retries=5, delay=1, register="r")))
    assert world.variables.hosts["a"]["r"]["attempts"] == 3
    assert [event.retries_left for event in world.events.of(Retrying)] == [5, 4]


async def test_retries_that_run_out_fail_with_stocks_count():
    world = World(hosts=("a",))
    world.actions.script["t", "a"] = [Ok({"done": False})] * 9
    await world.play(play(task("t", until=["r.done"], retries=2, delay=1, register="r")))
    result = world.variables.hosts["a"]["r"]
    assert (result["attempts"], result["failed"]) == (2, True)
    assert result["msg"] == "Task failed: Action failed: Unknown error."
    assert len(world.actions.calls) == 3


def at(moment: float):
    """News that comes at *moment* of the loop's clock."""

    async def news() -> None:
        await asyncio.sleep(moment - asyncio.get_running_loop().time())

    return news


async def test_news_cuts_the_delay_short():
    world = World(hosts=("a",))
    begun = asyncio.get_running_loop().time()
    running = Performed(Ok({"done": False}), news=at(begun + 2))
    world.actions.script["t", "a"] = [running, Ok({"done": True})]
    await world.play(play(task("t", until=["r.done"], retries=5, delay=600, register="r")))
    assert asyncio.get_running_loop().time() - begun == pytest.approx(2)
    assert len(world.events.of(Retrying)) == 1


async def test_news_that_comes_at_once_is_no_retry():
    world = World(hosts=("a",))
    begun = asyncio.get_running_loop().time()
    running = Performed(Ok({"done": False}), news=at(begun + 0.1))
    world.actions.script["t", "a"] = [running, Ok({"done": True})]
    await world.play(play(task("t", until=["r.done"], retries=5, delay=600, register="r")))
    assert asyncio.get_running_loop().time() - begun == pytest.approx(0.1)
    assert world.events.of(Retrying) == []
    assert world.variables.hosts["a"]["r"]["attempts"] == 1


async def test_a_timeout_ends_the_attempt_as_stock_words_it():
    world = World(hosts=("a",))
    world.actions.script["t", "a"] = [100.0, Ok()]
    await world.play(play(task("t", timeout=8, register="r")))
    result = world.variables.hosts["a"]["r"]
    assert result["msg"] == "Task failed: Timed out after 8 second(s)."
    assert result["timedout"]["period"] == 8


async def test_a_foreign_timeout_is_a_bug_and_flies():
    world = World(hosts=("a",))
    world.actions.script["t", "a"] = [TimeoutError("not ours")]
    with pytest.raises(BaseExceptionGroup) as caught:
        await world.play(play(task("t", timeout=8)))
    error = caught.value
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert str(error) == "not ours"


async def test_throttle_lets_only_so_many_hosts_in():
    world = World()
    world.actions.settle_seconds = 10
    begun = asyncio.get_running_loop().time()
    await world.play(play(task("t", async_limit=50, poll=5, throttle=1)))
    assert asyncio.get_running_loop().time() - begun == pytest.approx(30)


async def test_cancelling_leaves_no_child_behind():
    world = World()
    world.actions.script = {("t", host): [1000.0] for host in world.hosts}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await world.play(play(task("t")))
    assert world.actions.busy == 0
    assert len(asyncio.all_tasks()) == 1


# -- conditions, loops ---------------------------------------------------------------------------


async def test_a_false_condition_skips_and_names_itself():
    world = World(hosts=("a",))
    await world.play(play(task("t", when=[True, False], register="r")))
    assert world.variables.hosts["a"]["r"] == {
        "changed": False,
        "skipped": True,
        "skip_reason": "Conditional result was False",
        "false_condition": False,
    }


async def test_a_false_condition_makes_an_undefined_loop_unnecessary():
    world = World(hosts=("a",))
    loop = Loop(Template("{{ nope }}"))
    assert await world.play(play(task("t", loop=loop, when=[False]))) == 0
    assert await World(hosts=("a",)).play(play(task("t", loop=loop))) == 2


async def test_a_loop_adds_its_items_up():
    world = World(hosts=("a",))
    world.actions.script["t", "a"] = [Ok({"n": 1}), Failed({"msg": "no"}, changed=True), Ok()]
    loop = Loop(["x", "y", "z"], control=LoopControl(index_var="i"))
    await world.play(play(task("t", loop=loop, register="r", ignore_errors=True)))
    result = world.variables.hosts["a"]["r"]
    assert result["msg"] == "One or more items failed"
    assert (result["failed"], result["changed"], result["skipped"]) == (True, True, False)
    assert [(one["item"], one["i"], one["failed"]) for one in result["results"]] == [
        ("x", 0, False),
        ("y", 1, True),
        ("z", 2, False),
    ]
    assert [event.label for event in world.events.of(ItemEnded)] == ["x", "y", "z"]


async def test_each_item_knows_what_the_one_before_came_to():
    world = World(hosts=("a",))
    facts = Performed(Ok(), effects=(SetFacts({"seen": "first"}),))
    world.actions.script["t", "a"] = [facts]
    loop = Loop([1, 2])
    args = {"known": Template("{{ seen }}")}
    world.variables.hosts["a"] = {"seen": "nothing"}
    await world.play(play(task("t", loop=loop, args=args, register="r")))
    assert world.variables.hosts["a"]["r"]["results"][1]["args"] == {"known": "first"}


async def test_break_when_ends_a_loop():
    world = World(hosts=("a",))
    control = LoopControl(break_when=conditions("r.stop"))
    world.actions.script["t", "a"] = [Ok({"stop": False}), Ok({"stop": True}), Ok()]
    await world.play(play(task("t", loop=Loop([1, 2, 3], control=control), register="r")))
    assert len(world.actions.calls) == 2


async def test_an_empty_loop_is_skipped():
    world = World(hosts=("a",))
    await world.play(play(task("t", loop=Loop([]), register="r")))
    assert world.variables.hosts["a"]["r"] == {
        "changed": False,
        "skipped": True,
        "skipped_reason": "No items in the list",
        "results": [],
    }


async def test_a_loop_over_no_list_says_what_it_got():
    world = World(hosts=("a",))
    await world.play(play(task("t", loop=Loop("text"), register="r")))
    assert "must resolve to a 'list', not 'str'" in world.variables.hosts["a"]["r"]["msg"]


# -- company -------------------------------------------------------------------------------------


async def test_run_once_shares_result_and_facts_with_the_batch():
    world = World()
    found = Ok({"ansible_facts": {"x": 1}})
    world.actions.script["t", "a"] = [found]
    await world.play(play(task("t", run_once=True, register="r")))
    assert [host for _, host in world.actions.calls] == ["a"]
    for host in world.hosts:
        assert world.variables.hosts[host]["ansible_facts"] == {"x": 1}
        assert "r" in world.variables.hosts[host]


async def test_run_once_that_fails_fails_all():
    world = World()
    world.fails("t", "a")
    assert await world.play(play(task("t", run_once=True), task("next"))) == 2
    assert [name for name, _ in world.actions.calls] == ["t"]
    assert world.run.standing.failed == {"a", "b", "c"}


async def test_free_lets_a_fast_host_run_ahead_and_shows_no_banner_first():
    world = World(hosts=("slow", "fast"))
    world.actions.script["one", "slow"] = [50, Ok()]
    await world.play(play(task("one"), task("two"), strategy="free"))
    assert world.events.ended() == [
        ("one", "fast", "Ok"),
        ("two", "fast", "Ok"),
        ("one", "slow", "Ok"),
        ("two", "slow", "Ok"),
    ]
    assert world.events.of(TaskStarted) == []


async def test_what_no_log_hides_is_in_no_event():
    world = World(hosts=("a",))
    secret = {"stdout": "s3cret", "msg": "s3cret"}
    world.actions.script["t", "a"] = [Failed(secret), Failed(secret), Failed(secret)]
    words = {"no_log": True, "retries": 1, "delay": 1, "ignore_errors": True}
    await world.play(play(task("t", **words), task("loop", loop=Loop(["s3cret"]), no_log=True)))
    assert "s3cret" not in repr(world.events.seen)
    assert world.events.of(TaskEnded)[0].outcome.payload["censored"] == CENSORED


async def test_an_included_file_runs_on_those_who_asked_for_it():
    world = World()
    world.files.files = {"inc.yml": (task("inner", "debug", args={"m": Template("{{ item }}")}),)}
    include = task(
        "inc", "include_tasks", args={"_raw_params": "inc.yml"}, loop=Loop([1, 2]), when=["wanted"]
    )
    world.variables.hosts = {"a": {"wanted": True}, "b": {"wanted": False}, "c": {"wanted": True}}
    await world.play(play(include))
    assert [event.hosts for event in world.events.of(FilesIncluded)] == [("a", "c"), ("a", "c")]
    assert [event.label for event in world.events.of(FilesIncluded)] == [1, 2]
    assert [host for name, host, _ in world.events.ended() if name == "inner"] == ["a", "c"] * 2
    assert [inherited.vars["item"] for _, inherited in world.files.asked] == [1, 2]
    assert world.tally("a") == {"ok": 4}


async def test_virtual_time_is_virtual():
    begun = time.monotonic()
    await asyncio.sleep(3600)
    assert time.monotonic() - begun < 5


async def test_a_lost_host_goes_on_where_that_is_ignored():
    world = World(hosts=("a", "b"))
    world.loses("t", "a")
    await world.play(play(task("t", ignore_unreachable=True, register="r"), task("next")))
    assert ("next", "a") in world.actions.calls
    assert world.variables.hosts["a"]["r"]["unreachable"] is True
    assert world.tally("a") == {"ok": 2, "ignored": 1}


async def test_facts_are_the_delegates_where_it_says_so():
    world = World(hosts=("a",))
    found = Performed(Ok({"ansible_facts": {"f": 1}}), effects=(SetFacts({"s": 2}),))
    for name in ("theirs", "ours"):
        world.actions.script[name, "a"] = [found]
    await world.play(play(task("theirs", delegate_to="d", delegate_facts=True)))
    assert "s" not in world.variables.hosts["a"]
    assert world.variables.hosts["d"] == {"ansible_facts": {"f": 1}, "s": 2}
    await world.play(play(task("ours", delegate_to="d")))
    assert world.variables.hosts["a"]["s"] == 2


async def test_failures_of_earlier_tasks_count_towards_the_percentage():
    world = World(hosts=("a", "b", "c"))
    world.fails("one", "a")
    world.fails("two", "b")
    await world.play(play(task("one"), task("two"), task("three"), max_fail_percentage=40))
    assert not [name for name, _ in world.actions.calls if name == "three"]


async def test_who_failed_with_another_counts_towards_the_percentage_though_rescued():
    world = World(hosts=("a", "b", "c"))
    world.fails("one", "a")
    saved = block(task("one", any_errors_fatal=True), rescue=[task("mend")])
    await world.play(play(saved, task("two"), task("three"), max_fail_percentage=50))
    assert not [name for name, _ in world.actions.calls if name == "three"]


async def test_a_new_host_is_a_change_the_first_time_only_and_comes_before_the_verdict():
    world = World(hosts=("a", "b"))
    new = Performed(Ok({"add_host": {}}), growth=AddHost("n", (), {}))
    world.actions.script = {(name, "a"): [new] for name in ("first", "again")}
    await world.play(
        play(task("first", "add_host", register="r1"), task("again", "add_host", register="r2"))
    )
    assert [world.variables.hosts["a"][name]["changed"] for name in ("r1", "r2")] == [True, False]
    assert world.variables.newcomers == ["n"]
    assert ("first", "b") not in world.actions.calls


async def test_a_host_whose_task_has_failed_does_not_come():
    world = World(hosts=("a",))
    new = Performed(Ok({"add_host": {}}), growth=AddHost("n", (), {}))
    world.actions.script = {("t", "a"): [new]}
    await world.play(play(task("t", "add_host", failed_when=[True])))
    assert world.variables.newcomers == []


async def test_pinned_hosts_finish_their_play_before_others_begin():
    world = World(hosts=("a", "b", "c", "d"), settings=Settings(forks=2))
    world.actions.script = {(t, host): [1.0, Ok()] for t in "xy" for host in world.hosts}
    world.actions.script["x", "a"] = [5.0, Ok()]
    await world.play(play(task("x"), task("y"), strategy="host_pinned"))
    assert [call[1] for call in world.actions.calls] == ["a", "b", "b", "c", "c", "d", "a", "d"]


async def test_a_reset_closes_the_connections_of_all_hosts():
    world = World(hosts=("a", "b"))
    reset = task("anew", "meta", args={"_raw_params": "reset_connection"})
    await world.play(play(reset))
    assert world.reach.closed == ["a", "b"]


async def test_an_attempt_that_was_cut_short_is_neither_judged_nor_made_again():
    world = World(hosts=("a",))
    refused = Performed(Failed({"msg": "no"}), cut_short=True)
    world.actions.script["t", "a"] = [refused, Ok()]
    judged = {"failed_when": [False], "changed_when": [True], "retries": 3}
    await world.play(play(task("t", **judged)))
    (ended,) = world.events.of(TaskEnded)
    assert isinstance(ended.outcome, Failed)
    assert not ended.outcome.changed
    assert "attempts" not in ended.outcome.payload
    assert world.actions.calls == [("t", "a")]


async def test_a_task_that_failed_and_is_ignored_leaves_no_facts():
    world = World(hosts=("a",))
    world.actions.script["t", "a"] = [Performed(Failed(), effects=(SetFacts({"x": 1}),))]
    await world.play(play(task("t", ignore_errors=True)))
    assert "x" not in world.variables.hosts["a"]


async def test_until_knows_the_variables_that_the_attempt_sets():
    world = World(hosts=("a",))
    world.actions.script["t", "a"] = [
        Performed(Ok(), effects=(SetFacts({"x": number}),)) for number in (0, 1, 2)
    ]
    await world.play(play(task("t", until=["x"], delay=1)))
    assert world.variables.hosts["a"]["x"] == 1
