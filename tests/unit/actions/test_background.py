"""Tasks with `async` start jobs; async_status and the waiting tell what became of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace
from unit.actions.calls import a_call, actions, done
from unit.actions.scratch import UNKNOWN

from outlast.errors import ActionFailed, HostUnreachable
from outlast.job import JobOrder, JobTerms
from outlast.outcome import Detached, Failed, Ok, SetFacts, Skipped
from outlast.work import CommandRun, ModuleRun

RUNNING = {"started": True, "finished": False}
EMPTY = {"stdout": "", "stdout_lines": [], "stderr": "", "stderr_lines": []}


@dataclass
class JobHost:
    """A host that only knows of jobs: what they are, by name, and what was ordered."""

    jobs: dict = field(default_factory=dict)
    orders: list[JobOrder] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    broken: int = 0
    """How many of the next questions find the connection broken."""
    address: dict = field(default_factory=lambda: {"kind": "ssh", "host": "db.example"})

    async def start_job(self, job):
        self.orders.append(job)
        jid = f"{job.jid}.77"
        return {**RUNNING, "ansible_job_id": jid, "results_file": f"{job.async_dir}/{jid}"}

    async def job_status(self, jid, async_dir):
        self.may_break()
        told = {"ansible_job_id": jid, "results_file": f"{async_dir}/{jid}"}
        return told | self.jobs.get(jid, UNKNOWN)

    async def job_cleanup(self, jid, async_dir):
        told = {"ansible_job_id": jid, "erased": f"{async_dir}/{jid}"}
        return told | ({} if self.jobs.pop(jid, None) else UNKNOWN)

    async def job_ended(self, jid, async_dir):
        self.may_break()
        await self.ended.wait()

    def may_break(self):
        if self.broken:
            self.broken -= 1
            raise HostUnreachable("the link broke")


@pytest.fixture
def performing(tmp_path):
    made = actions(tmp_path)
    for module in ("ping", "command"):
        made.modules.content.parcels.prepare(f"ansible.builtin.{module}")
    made.modules.content.core.read()
    return made


def job(jid="j1.2"):
    return Detached(jid=jid, results_file=f"/d/{jid}", payload={})


async def settled(performing, host, *, limit=10.0, poll=1.0, polls=None, warn=print):
    order = {"session": host, "limit": limit, "async_dir": "/d", "warn": warn}
    call = a_call("command", {"_raw_params": "x"}, **order)
    counted = polls if polls is not None else []
    end = await performing.settle(call, job(), poll=poll, on_poll=lambda: counted.append(1))
    return end.outcome


# -- starting -------------------------------------------------------------------------------


async def test_a_command_with_async_is_started_and_not_waited_for(performing):
    host = JobHost()
    call = a_call("shell", {"_raw_params": "make"}, session=host, limit=60, async_dir="/d")
    seen, performed = await done(performing, call)
    (order,) = host.orders
    assert order.run == CommandRun(argv=[], shell="make", written="make")
    assert (order.limit, order.async_dir, order.name) == (60, "/d", "shell")
    jid = f"{order.jid}.77"
    assert performed.outcome == Detached(jid=jid, results_file=f"/d/{jid}", payload=seen)
    assert seen == {**RUNNING, "ansible_job_id": jid, "results_file": f"/d/{jid}"}


async def test_a_module_with_async_travels_with_its_job(performing):
    host = JobHost()
    await performing.perform(a_call("ping", {}, session=host, limit=5))
    (order,) = host.orders
    assert isinstance(order.run, ModuleRun)
    assert order.run.parcel.main == "ansible.modules.ping"


async def test_what_the_host_warns_of_at_a_start_is_told_at_once_and_is_no_part_of_the_result(
    performing,
):
    class Worried(JobHost):
        async def start_job(self, job):
            return {**await super().start_job(job), "warnings": ["it ends with you"]}

    said = []
    call = a_call("ping", {}, session=Worried(), limit=5, warn=said.append)
    seen, _ = await done(performing, call)
    assert said == ["it ends with you"]
    assert "warnings" not in seen


async def test_under_no_log_a_job_has_no_name(performing):
    host = JobHost()
    await performing.perform(a_call("ping", {}, session=host, limit=5, no_log=True))
    assert host.orders[0].name == ""


# -- named ----------------------------------------------------------------------------------

NAMED = JobTerms(name="nightly")


async def content(performing, action="shell", args=None, *, host=None, **options):
    """Give the digest of what a named task orders."""
    host = host or JobHost()
    order = {"session": host, "limit": 60, "job": NAMED, **options}
    await performing.perform(a_call(action, args or {"_raw_params": "make"}, **order))
    return host.orders[-1].content


async def test_two_runs_of_one_task_order_the_same(performing):
    for action, args in (("shell", {"_raw_params": "make"}), ("ping", {"data": "x"})):
        first = await content(performing, action, args)
        assert len(first) == 64
        assert await content(performing, action, args, verbosity=3, diff=True) == first


@pytest.mark.parametrize(
    "other",
    [
        {"args": {"_raw_params": "make all"}},
        {"action": "command"},
        {"limit": 61},
        {"environment": {"CC": "clang"}},
        {"job": JobTerms(name="nightly", idle_limit=5.0)},
        {"host": JobHost(address={"identity": {"user": "postgres"}})},
        {"action": "ping", "args": {"data": "make"}},
    ],
)
async def test_what_runs_otherwise_is_another_order(performing, other):
    assert await content(performing, **other) != await content(performing)


async def test_how_many_may_run_beside_it_is_no_part_of_what_a_job_is(performing):
    limited = JobTerms(name="nightly", host_limit=2, run_limit=3)
    assert await content(performing, job=limited) == await content(performing)


async def test_a_command_line_that_is_no_text_has_a_digest(performing):
    assert await content(performing, args={"_raw_params": "echo \udcff"})


async def test_who_comes_too_late_for_a_shared_result_is_told_why(performing):
    host = JobHost()  # somebody else has cleaned up
    host.ended.set()
    order = {"session": host, "limit": 10.0, "async_dir": "/d", "job": NAMED}
    call = a_call("command", {"_raw_params": "x"}, **order)
    end = await performing.settle(call, job(), poll=1.0, on_poll=lambda: None)
    assert isinstance(end.outcome, Failed)
    assert end.outcome.payload["msg"].startswith("Job j1.2 is over, but its result is gone")


async def test_a_job_without_a_name_needs_no_digest(performing):
    assert await content(performing, job=JobTerms()) == ""


async def test_a_prediction_holds_no_name(performing):
    host = JobHost()
    host.ended.set()
    assert await content(performing, "ping", {"data": "x"}, host=host, check_mode=True) == ""
    assert host.orders[0].terms == JobTerms()


async def test_a_job_that_was_there_already_is_what_was_started(performing):
    class Busy(JobHost):
        async def start_job(self, job):
            there = {"ansible_job_id": "j8.9", "results_file": "/d/j8.9"}
            return {**RUNNING, **there, "attached": True, "age": 90.0}

    call = a_call("shell", {"_raw_params": "make"}, session=Busy(), limit=60, job=NAMED)
    seen, performed = await done(performing, call)
    assert isinstance(performed.outcome, Detached)
    assert performed.outcome.jid == "j8.9"
    there = {"ansible_job_id": "j8.9", "results_file": "/d/j8.9"}
    assert seen == {**RUNNING, **there, "outlast_attached": True}


@pytest.mark.parametrize("name", ["async_status", "include_tasks", "meta"])
async def test_what_cannot_run_in_the_background_says_so(performing, name):
    seen, _ = await done(performing, a_call(name, {}, session=JobHost(), limit=5))
    assert seen["msg"] == f"This action ({name}) does not support async."
    assert seen["failed"]


@pytest.mark.parametrize("name", ["include_tasks", "meta"])
async def test_what_is_not_built_is_refused_and_never_half_done(performing, name):
    seen, _ = await done(performing, a_call(name, {}, session=None))
    assert seen["msg"] == f"{name} is not supported yet"


# -- async_status ---------------------------------------------------------------------------


async def test_a_running_job_is_told_with_empty_output_and_wakes_who_waits_for_it(performing):
    host = JobHost(jobs={"j1.2": RUNNING})
    call = a_call("async_status", {"jid": "j1.2"}, session=host, async_dir="/d")
    seen, performed = await done(performing, call)
    assert seen == {
        "ansible_job_id": "j1.2",
        "results_file": "/d/j1.2",
        "changed": False,
        "failed": False,
        **RUNNING,
        **EMPTY,
    }
    assert performed.news is not None
    host.ended.set()
    await performed.news()


async def test_a_connection_that_breaks_ends_the_wait_for_news(performing):
    host = JobHost(jobs={"j1.2": RUNNING})
    performed = await performing.perform(a_call("async_status", {"jid": "j1.2"}, session=host))
    host.broken = 1
    assert performed.news is not None
    await performed.news()


async def test_a_finished_job_gives_its_own_result(performing):
    result = {"changed": True, "rc": 0, "stdout": "a\nb", "stderr": ""}
    host = JobHost(jobs={"j1.2": {**result, "started": True, "finished": True}})
    seen, performed = await done(performing, a_call("async_status", {"jid": "j1.2"}, session=host))
    assert performed.news is None
    assert seen["changed"]
    assert seen["finished"] is True
    assert seen["stdout_lines"] == ["a", "b"]


async def test_a_failed_job_fails_whoever_asks(performing):
    gone = {"failed": True, "msg": "Timeout exceeded", "child_pid": 5}
    host = JobHost(jobs={"j1.2": {**gone, "started": True, "finished": True}})
    seen, performed = await done(performing, a_call("async_status", {"jid": "j1.2"}, session=host))
    assert seen["failed"]
    assert seen["msg"] == "Timeout exceeded"
    assert [cause.message for cause in performed.outcome.why] == [
        "Module failed.",
        "Timeout exceeded",
    ]


async def test_a_job_skipped_by_check_mode_is_skipped(performing):
    host = JobHost(jobs={"j1.2": {"skipped": True, "rc": 0, "started": True, "finished": True}})
    performed = await performing.perform(a_call("async_status", {"jid": "j1.2"}, session=host))
    assert isinstance(performed.outcome, Skipped)


async def test_cleaning_up_tells_what_was_erased(performing):
    host = JobHost(jobs={"j1.2": RUNNING})
    call = a_call("async_status", {"jid": "j1.2", "mode": "cleanup"}, session=host, async_dir="/d")
    seen, _ = await done(performing, call)
    assert seen["erased"] == "/d/j1.2"
    assert (seen["started"], seen["finished"]) == (False, False)
    assert host.jobs == {}


# -- waiting for a polled job ---------------------------------------------------------------


async def test_a_polled_job_registers_its_result_with_stocks_keys(performing):
    result = {"changed": True, "ping": "pong", "started": True, "finished": True}
    host = JobHost(jobs={"j1.2": result})
    host.ended.set()
    outcome = await settled(performing, host)
    assert outcome == Ok(
        {
            "ping": "pong",
            "ansible_job_id": "j1.2",
            "results_file": "/d/j1.2",
            "started": True,
            "finished": True,
            **EMPTY,
        },
        changed=True,
    )
    assert host.jobs == {}, "its files are removed, as stock removes them"


@pytest.mark.looptime
async def test_a_job_that_outlives_its_limit_is_told_as_stock_tells_it(performing):
    host = JobHost(jobs={"j1.2": RUNNING})
    polls = []
    outcome = await settled(performing, host, limit=6.0, poll=2.0, polls=polls)
    assert isinstance(outcome, Failed)
    msg = "async task did not complete within the requested time - 6s"
    assert outcome.payload == {
        "msg": msg,
        "async_result": {
            "ansible_job_id": "j1.2",
            "results_file": "/d/j1.2",
            **RUNNING,
            **EMPTY,
        },
    }
    assert outcome.why[0].message == "Action failed."
    assert len(polls) >= 3
    assert host.jobs, "its files stay"


async def test_a_job_that_stock_would_have_seen_too_early_keeps_what_it_said(performing):
    gone = {"failed": True, "msg": "Timeout exceeded", "child_pid": 5, "stdout": "partial"}
    host = JobHost(jobs={"j1.2": {**gone, "started": True, "finished": True}})
    host.ended.set()
    outcome = await settled(performing, host, limit=6.0, poll=6.0)
    assert "requested time - 6s" in outcome.payload["msg"]
    assert outcome.payload["async_result"]["stdout_lines"] == ["partial"]


async def test_a_job_whose_result_was_cut_stays_on_its_host(performing):
    cut = {"rc": 0, "stdout": "x", "outlast_left_out": 3, "started": True, "finished": True}
    host = JobHost(jobs={"j1.2": cut})
    host.ended.set()
    warnings = []
    outcome = await settled(performing, host, warn=warnings.append)
    assert isinstance(outcome, Ok)
    assert host.jobs, "its output is all there is of the rest"
    (said,) = warnings
    assert said.endswith("outlast jobs logs j1.2")


@pytest.mark.looptime
async def test_a_link_that_breaks_is_told_once_and_the_job_still_ends_well(performing):
    host = JobHost(jobs={"j1.2": {"rc": 0, "started": True, "finished": True}}, broken=1)
    host.ended.set()
    warnings = []
    outcome = await settled(performing, host, warn=warnings.append)
    assert isinstance(outcome, Ok)
    (said,) = warnings
    assert "was lost while job j1.2 runs; it goes on there" in said
    assert said.endswith("the link broke")


@pytest.mark.looptime
async def test_the_connection_of_a_job_that_restarts_its_host_ends_without_a_warning(performing):
    host = JobHost(jobs={"j1.2": {"rc": 0, "started": True, "finished": True}}, broken=1)
    host.ended.set()
    said, warnings = [], []
    order = {"limit": 10.0, "async_dir": "/d", "say": said.append, "warn": warnings.append}
    job_of = JobTerms(reboots=True)
    call = a_call("command", {"_raw_params": "x"}, session=host, job=job_of, **order)
    end = await performing.settle(call, job(), poll=1.0, on_poll=lambda: None)
    assert isinstance(end.outcome, Ok)
    assert (said, warnings) == (
        ["ASYNC WAIT on localhost: its connection has ended, as a restart's does"],
        [],
    )


@pytest.mark.looptime
async def test_a_host_that_stays_away_is_unreachable(performing):
    opened = iter([JobHost(broken=1)])

    async def session():
        for host in opened:
            return host
        raise HostUnreachable("no route to host")

    call = replace(a_call("ping", {}, limit=3.0), session=session)
    with pytest.raises(HostUnreachable, match="no route to host"):
        await performing.settle(call, job(), poll=1.0, on_poll=lambda: None)


# -- effects --------------------------------------------------------------------------------


async def test_set_fact_gives_its_facts_as_an_effect(performing):
    performed = await performing.perform(a_call("set_fact", {"one": 1, "cacheable": True}))
    assert performed.effects == (SetFacts({"one": 1}, cacheable=True),)


async def test_a_name_that_came_as_data_is_never_evaluated(performing):
    call = a_call("set_fact", {"whole": "{{ 1 + 1 }}"})
    smuggled = replace(call, args={"{{ name_of }}": 1})
    seen, _ = await done(performing, smuggled)
    assert seen["msg"] == "Task failed: Invalid variable name '{{ name_of }}'."


async def test_a_start_that_is_refused_is_changed_all_the_same(performing):
    class Unwilling(JobHost):
        async def start_job(self, job):
            raise ActionFailed("could not create directory: /d")

    seen, performed = await done(performing, a_call("ping", {}, session=Unwilling(), limit=5))
    assert seen["changed"]
    assert seen["msg"] == "could not create directory: /d"
    assert performed.outcome.why[0].message == "Module failed."
