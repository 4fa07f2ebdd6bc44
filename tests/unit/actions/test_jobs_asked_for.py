"""outlast.jobs.wait, .cancel and .info: which jobs they mean, what they give, when they fail."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace
from unit.actions.calls import a_call, actions, done
from unit.actions.scratch import UNKNOWN
from unit.actions.test_journal import Written

from outlast.errors import HostUnreachable
from outlast.job import JobIntent, RunJob
from outlast.jobs import MARGIN
from outlast.session import Standing

pytestmark = pytest.mark.looptime

RUNNING = {"started": True, "finished": False}
WELL = {"started": True, "finished": True, "rc": 0, "stdout": "well"}
BADLY = {"started": True, "finished": True, "failed": True, "rc": 3, "msg": "non-zero return code"}


def now():
    return asyncio.get_running_loop().time()


@dataclass
class Host:
    """A host of jobs that end at set times, reached over a connection that may be cut."""

    ends: dict = field(default_factory=dict)
    """Folder and id to the time of the end and the result."""
    asked: list = field(default_factory=list)
    cuts: list = field(default_factory=list)
    """Times at which the connection breaks."""
    back_at: float = 0.0
    address: dict = field(default_factory=lambda: {"kind": "ssh", "host": "h"})

    def job(self, jid, at, result=WELL, folder="/d"):
        self.ends[folder, jid] = (at, result)

    def standing(self, jid, folder):
        told = {"ansible_job_id": jid, "results_file": f"{folder}/{jid}"}
        if (folder, jid) not in self.ends:
            return Standing(jid=jid, status=told | UNKNOWN)
        at, result = self.ends[folder, jid]
        status = told | (result if now() >= at else RUNNING)
        return Standing(jid=jid, status=status, limit=100.0, age=40.0)

    async def session(self):
        if self.cuts and self.cuts[0] <= now() < self.back_at:
            raise HostUnreachable("no route to host")
        return self

    async def job_wait(self, jids, async_dir, *, until):
        self.asked.append((until, async_dir, list(jids)))
        times = [self.ends.get((async_dir, jid), (0.0,))[0] for jid in jids]
        when = {"all": max, "any": min, "now": lambda _times: 0.0}[until](times)
        cut = next((at for at in self.cuts if now() < at < when), None)
        if cut is not None:
            await asyncio.sleep(cut - now())
            raise HostUnreachable("the link broke")
        await asyncio.sleep(max(0.0, when - now()))
        return [self.standing(jid, async_dir) for jid in jids]

    async def job_cancel(self, jid, async_dir, *, grace):
        self.asked.append(("cancel", async_dir, jid, grace))
        standing = self.standing(jid, async_dir)
        if standing.status["finished"]:
            known = (async_dir, jid) in self.ends
            state = "ended" if known else "unknown"
            return {"state": state, "msg": "It was too late.", "status": standing.status}
        gone = {**BADLY, "msg": "The job was cancelled.", "outlast_cause": "cancelled"}
        return {"state": "cancelled", "msg": "The job was cancelled.", "status": gone}

    async def job_list(self, async_dir):
        self.asked.append(("list", async_dir))
        return [
            {
                "jid": jid,
                "name": "seen",
                "label": "here",
                "state": "ended" if now() >= at else "running",
            }
            for (folder, jid), (at, _) in self.ends.items()
            if folder == async_dir
        ]


@dataclass
class Run:
    """What a run knows of its jobs, all of this one host but for those that say otherwise."""

    host: Host
    known: list = field(default_factory=list)

    def add(self, jid, task="", **more):
        told = more.pop("told", False)
        limit = more.pop("limit", 60.0)
        intent = JobIntent(
            **{
                "jid": jid.partition(".")[0],
                "host": "localhost",
                "task": task,
                "limit": limit,
                "async_dir": "/d",
                "address": self.host.address,
                **more,
            }
        )
        self.known.append(RunJob(jid=jid, intent=intent, begun=now(), started=0.0, told=told))

    def of(self, host):
        return [job for job in self.known if job.intent.host == host]

    def find(self, jid):
        return next((job for job in self.known if job.jid == jid), None)

    async def session(self, job):
        self.host.asked.append(("as", job.intent.address["identity"]["user"]))
        return self.host


@pytest.fixture
def host():
    return Host()


@pytest.fixture
async def run(host):
    return Run(host)


@pytest.fixture
def ask(tmp_path, run):
    """Perform one of the actions; gives what it registers."""
    performing = actions(tmp_path)
    journal = Written()

    async def asked(name, args=None, **options):
        given = {"async_dir": "/d", "jobs": run, "journal": journal, **options}
        call = a_call("x", args or {}, **given)
        name = f"outlast.jobs.{name}"
        call = replace(call, action=name, written_as=name, session=run.host.session)
        seen, _ = await done(performing, call)
        return seen

    asked.journal = journal
    return asked


# -- waiting --------------------------------------------------------------------------------


async def test_all_jobs_of_the_run_that_nobody_was_told_of_are_waited_for_in_one_question(
    ask, run, host
):
    for number, at in enumerate((5.0, 9.0, 7.0)):
        host.job(f"j{number}.1", at)
        run.add(f"j{number}.1", "Build", told=number == 2)
    seen = await ask("wait")
    assert now() == 9
    assert host.asked == [("all", "/d", ["j0.1", "j1.1"])]
    assert [row["ansible_job_id"] for row in seen["jobs"]] == ["j0.1", "j1.1"]
    assert (seen["changed"], seen["failed"], seen["timed_out"]) == (False, False, False)
    assert (seen["ended_jobs"], seen["running_jobs"]) == (["j0.1", "j1.1"], [])
    assert ask.journal.lines == [(f"j{n}.1", "localhost", "joined", "exited") for n in (0, 1)]


async def test_a_job_is_told_with_what_async_status_would_register(ask, run, host):
    host.job("j0.1", 1.0)
    run.add("j0.1", "Build", name="build")
    (row,) = (await ask("wait"))["jobs"]
    result = row.pop("result")
    assert row == {
        "ansible_job_id": "j0.1",
        "name": "build",
        "task": "Build",
        "finished": True,
        "failed": False,
        "cause": "exited",
        "rc": 0,
    }
    assert result["stdout_lines"] == ["well"]
    assert (result["finished"], result["failed"], result["changed"]) == (True, False, False)


async def test_no_jobs_are_nothing_to_wait_for(ask, host):
    seen = await ask("wait")
    assert seen["jobs"] == []
    assert host.asked == []


async def test_any_is_told_with_the_first_end(ask, run, host):
    for number, at in enumerate((50.0, 4.0)):
        host.job(f"j{number}.1", at)
        run.add(f"j{number}.1")
    seen = await ask("wait", {"for": "any"})
    assert now() == 4
    assert (seen["ended_jobs"], seen["running_jobs"]) == (["j1.1"], ["j0.1"])
    assert not seen["failed"]


async def test_a_job_that_failed_fails_the_task_and_hides_no_other(ask, run, host):
    host.job("j0.1", 1.0, BADLY)
    host.job("j1.1", 2.0)
    run.add("j0.1", "Build")
    run.add("j1.1", "Test")
    seen = await ask("wait")
    assert seen["failed"]
    assert seen["msg"] == "1 of 2 jobs failed: j0.1 (Build): non-zero return code."
    assert [row["finished"] for row in seen["jobs"]] == [True, True]
    assert seen["failed_jobs"] == ["j0.1"]


async def test_a_failure_is_only_told_where_that_is_wished(ask, run, host):
    host.job("j0.1", 1.0, BADLY)
    run.add("j0.1", "Build")
    seen = await ask("wait", {"fail": False})
    assert not seen["failed"]
    assert seen["failed_jobs"] == ["j0.1"]
    assert seen["msg"] == "Job j0.1 (Build) failed: non-zero return code."


async def test_a_deadline_that_passes_is_a_failure_that_names_who_runs(ask, run, host):
    host.job("j0.1", 2.0)
    host.job("j1.1", 50.0)
    run.add("j0.1", "Build")
    run.add("j1.1", "Test")
    seen = await ask("wait", {"deadline": 10})
    assert now() == 10
    assert seen["failed"]
    assert seen["timed_out"]
    assert seen["msg"] == "1 of 2 jobs had not ended after 10 s: j1.1 (Test)."
    assert (seen["ended_jobs"], seen["running_jobs"]) == (["j0.1"], ["j1.1"])
    assert host.asked[-1][0] == "now"


async def test_nobody_waits_beyond_the_limits_of_the_jobs(ask, run, host):
    host.job("j0.1", 1000.0)
    run.add("j0.1", limit=60.0)
    seen = await ask("wait", {"fail": False})
    assert now() == 60 + MARGIN
    assert seen["timed_out"]
    assert not seen["failed"]


async def test_of_another_runs_job_the_host_knows_the_limit(ask, host):
    host.job("j0.1", 1000.0)
    seen = await ask("wait", {"jobs": "j0.1"})
    assert now() == 60 + MARGIN  # 40 of its 100 seconds are over
    assert seen["timed_out"]


async def test_a_job_that_is_not_there_fails_whoever_waits_for_it(ask, host):
    seen = await ask("wait", {"jobs": "j0.1"})
    assert seen["msg"] == "Job j0.1 failed: could not find job."
    assert seen["jobs"][0]["cause"] == "unknown"


@pytest.mark.parametrize(("cause", "failed"), [("exited", False), ("limit", True)])
async def test_a_job_whose_result_another_task_has_taken_is_told_as_it_ended(
    ask, run, cause, failed
):
    run.add("j0.1", "Build")
    run.known[0] = replace(run.known[0], told=True, cause=cause)
    seen = await ask("wait", {"jobs": "Build"})
    (row,) = seen["jobs"]
    assert (row["finished"], row["failed"], row["cause"]) == (True, failed, cause)
    assert seen["failed"] is failed
    assert ask.journal.lines == []


async def test_jobs_lie_in_folders_and_belong_to_users(ask, run, host):
    host.job("j0.1", 1.0)
    host.job("j1.1", 2.0, folder="/e")
    host.job("j2.1", 3.0, folder="~/f")
    run.add("j0.1")
    run.add("j1.1", async_dir="/e")
    other = {"kind": "ssh", "host": "h", "identity": {"user": "bob"}}
    run.add("j2.1", async_dir="~/f", address=other)
    seen = await ask("wait")
    assert [row["finished"] for row in seen["jobs"]] == [True] * 3
    assert ("as", "bob") in host.asked
    questions = [one for one in host.asked if one[0] == "all"]
    assert sorted(questions) == [
        ("all", "/d", ["j0.1"]),
        ("all", "/e", ["j1.1"]),
        ("all", "~/f", ["j2.1"]),
    ]


async def test_any_of_several_folders_is_told_with_how_the_others_stand(ask, run, host):
    host.job("j0.1", 30.0)
    host.job("j1.1", 2.0, folder="/e")
    run.add("j0.1")
    run.add("j1.1", async_dir="/e")
    seen = await ask("wait", {"for": "any"})
    assert now() == 2
    assert (seen["ended_jobs"], seen["running_jobs"]) == (["j1.1"], ["j0.1"])


async def test_waiting_survives_a_broken_connection_and_says_so_once(ask, run, host):
    host.job("j0.1", 30.0)
    host.job("j1.1", 30.0)
    run.add("j0.1")
    run.add("j1.1")
    host.cuts, host.back_at = [2.0, 20.0], 12.0
    said = []
    seen = await ask("wait", warn=said.append)
    assert now() == 30
    assert seen["ended_jobs"] == ["j0.1", "j1.1"]
    assert said == [
        "The connection to localhost was lost while 2 jobs run; they go on there, and are found "
        "again when the host is: the link broke"
    ]


async def test_a_host_that_stays_away_is_unreachable_when_the_time_is_over(ask, run, host):
    host.job("j0.1", 30.0)
    run.add("j0.1")
    host.cuts, host.back_at = [2.0], 10_000.0
    with pytest.raises(HostUnreachable, match="no route to host"):
        await ask("wait")
    assert now() == 60 + MARGIN
    assert ask.journal.lines == [("j0.1", "localhost", "unknown", "no route to host")]


async def test_whoever_waits_stands_aside(ask, run, host):
    host.job("j0.1", 30.0)
    run.add("j0.1")
    times = []

    @asynccontextmanager
    async def aside():
        times.append(now())
        yield
        times.append(now())

    await ask("wait", aside=aside)
    assert times == [0, 30]


# -- which jobs -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ("j1.1", [1]),
        ("build", [0, 1]),
        ("Test", [2]),
        (["Test", "j0.1", "j2.1"], [2, 0]),
        ({"ansible_job_id": "j2.1", "started": True}, [2]),
        ({"results": [{"ansible_job_id": "j1.1"}, {"skipped": True}]}, [1]),
        ({"jobs": [{"ansible_job_id": "j0.1"}]}, [0]),
        ({"skipped": True, "changed": False}, []),
        ([], []),
    ],
)
async def test_jobs_are_named_in_many_ways(ask, run, host, wanted, meant):
    for number in range(3):
        host.job(f"j{number}.1", 1.0)
        task = "role : Test" if number == 2 else "Compile"
        run.add(f"j{number}.1", task, name="" if number == 2 else "build", told=number == 1)
    seen = await ask("wait", {"jobs": wanted})
    assert [row["ansible_job_id"] for row in seen["jobs"]] == [f"j{n}.1" for n in meant]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("Biuld", "This run has started no job 'Biuld' for localhost. Did you mean 'Build'?"),
        ("other", "This run has started no job 'other' for localhost."),
        ({"rc": 0}, "What was registered holds no job: it has no ansible_job_id."),
        (7, "7 names no job: neither an id, a name, nor what a start gave."),
        ("j8.1", "Job j8.1 is on web2 (async_dir /d), not on localhost."),
    ],
)
async def test_what_names_no_job_here_is_refused(ask, run, wanted, said):
    run.add("j0.1", "Build")
    run.add("j8.1", "Build", host="web2")
    seen = await ask("wait", {"jobs": wanted})
    assert seen["failed"]
    assert seen["msg"] == said


@pytest.mark.parametrize(
    ("name", "args", "said"),
    [
        ("wait", {"for": "some"}, "value of for must be one of: all, any, got: some"),
        ("wait", {"deadline": -1}, "-1 is no number of seconds"),
        ("wait", {"until": 1}, "Unsupported parameters for (outlast.jobs.wait) module: until."),
        ("cancel", {}, "Say which jobs: one of 'jobs' and 'all: true' is needed."),
        ("cancel", {"jobs": [], "all": True}, "only one of 'jobs' and 'all: true' is needed."),
        ("cancel", {"all": True, "grace": 3601}, "it is more than 3600 seconds"),
        ("info", {"result": True}, "Unsupported parameters for (outlast.jobs.info) module"),
    ],
)
async def test_arguments_are_checked(ask, name, args, said):
    seen = await ask(name, args)
    assert seen["failed"]
    assert said in seen["msg"]


@pytest.mark.parametrize("name", ["wait", "cancel", "info"])
async def test_they_are_no_jobs_themselves(ask, name):
    seen = await ask(name, limit=5)
    assert seen["msg"] == f"This action (outlast.jobs.{name}) does not support async."


# -- cancelling -----------------------------------------------------------------------------


async def test_jobs_are_cancelled_and_their_ends_are_known(ask, run, host):
    host.job("j0.1", 50.0)
    host.job("j1.1", 0.0)
    run.add("j0.1", "Build")
    run.add("j1.1", "Test")
    seen = await ask("cancel", {"all": True, "grace": 5})
    assert seen["changed"]
    assert not seen["failed"]
    assert [row["state"] for row in seen["jobs"]] == ["cancelled", "ended"]
    assert seen["jobs"][0]["msg"] == "The job was cancelled."
    assert ("cancel", "/d", "j0.1", 5.0) in host.asked
    assert ("j0.1", "localhost", "joined", "cancelled") in ask.journal.lines


async def test_cancelling_what_has_ended_changes_nothing(ask, run, host):
    host.job("j0.1", 0.0)
    seen = await ask("cancel", {"jobs": "j0.1"})
    assert (seen["changed"], seen["failed"]) == (False, False)


async def test_a_job_that_cannot_be_found_cannot_be_cancelled(ask):
    seen = await ask("cancel", {"jobs": "j0.1"})
    assert seen["failed"]
    assert seen["msg"] == "j0.1: It was too late."
    assert seen["jobs"][0]["state"] == "unknown"


async def test_check_mode_cancels_nothing_and_tells_what_would_be(ask, run, host):
    host.job("j0.1", 50.0)
    host.job("j1.1", 0.0)
    seen = await ask("cancel", {"jobs": ["j0.1", "j1.1"]}, check_mode=True)
    assert seen["changed"]
    assert [row["state"] for row in seen["jobs"]] == ["to_be_cancelled", "ended"]
    assert [one[0] for one in host.asked] == ["now"]
    assert ask.journal.lines == []


# -- telling --------------------------------------------------------------------------------


async def test_without_a_choice_all_jobs_of_the_folder_are_told(ask, run, host):
    host.job("j0.1", 0.0)
    host.job("j1.1", 50.0)
    run.add("j1.1", "Test", name="test")
    seen = await ask("info")
    assert not seen["changed"]
    told = [(one["ansible_job_id"], one["task"], one["name"], one["state"]) for one in seen["jobs"]]
    assert told == [("j0.1", "seen", "here", "ended"), ("j1.1", "Test", "test", "running")]
    assert "jid" not in seen["jobs"][0]
    assert host.asked == [("list", "/d")]


async def test_results_are_told_where_they_are_asked_for(ask, host):
    host.job("j0.1", 0.0)
    host.job("j1.1", 50.0)
    seen = await ask("info", {"results": True, "jobs": ["j1.1", "j0.1", "j7.1"]})
    assert [row["ansible_job_id"] for row in seen["jobs"]] == ["j1.1", "j0.1", "j7.1"]
    assert seen["jobs"][1]["result"]["stdout"] == "well"
    assert "result" not in seen["jobs"][0]
    assert seen["jobs"][2]["state"] == "unknown"
    assert ("now", "/d", ["j0.1"]) in host.asked


async def test_of_no_jobs_nothing_is_told(ask, host):
    assert (await ask("info", {"jobs": []}))["jobs"] == []
    assert host.asked == []
