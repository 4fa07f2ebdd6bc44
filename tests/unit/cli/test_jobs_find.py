"""Asking hosts for jobs: each once, whoever is away spoils nothing, no job is shown twice."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from outlast.cli.jobs import finding
from outlast.cli.jobs.finding import Choice, NoSuchJob, Wanted
from outlast.cli.jobs.hosts import Asked, Hosts
from outlast.cli.jobs.reach import Place
from outlast.errors import HostUnreachable, LedgerError, OutlastError
from outlast.job import JobIntent
from outlast.ledger.ledger import Ledger
from outlast.ledger.records import JobRecord
from outlast.ledger.statements import job_intended, job_started
from outlast.settings import Settings
from outlast.transport.endpoint import Endpoint, Identity
from outlast.transport.endpoint_record import described

ENDPOINT = Endpoint(kind="ssh", host="10.0.0.1")
ROOT = replace(ENDPOINT, identity=Identity(method="sudo", user="root", exe="sudo", flags=""))
PLACE = Place(host="db1", endpoint=ENDPOINT, async_dir="~/a")
RECORD = JobRecord(
    jid="j12.34",
    run="1abc",
    host="db1",
    task="Back up",
    state="running",
    cause="",
    started=1e12,
    ended=None,
    learnt=0.0,
    limit=60.0,
    async_dir="~/a",
    endpoint=described(ENDPOINT),
    payload={},
)


def job(jid, **more):
    return {"jid": jid, "state": "running", "started": 5.0, **more}


class Host:
    """A session to a host that has these jobs."""

    def __init__(self, jobs):
        self.jobs = jobs
        self.asked = 0

    async def job_list(self, async_dir):
        assert async_dir == "~/a"
        self.asked += 1
        return self.jobs


class Network:
    """Sessions: endpoint to host; what is not there cannot be reached."""

    def __init__(self, hosts):
        self.hosts = hosts

    async def open(self, endpoint):
        if endpoint not in self.hosts:
            raise HostUnreachable("no route")
        return self.hosts[endpoint]


async def test_a_host_that_is_away_is_named_and_spoils_nothing():
    away = Place(host="db2", endpoint=replace(ENDPOINT, host="10.0.0.2"), async_dir="~/a")
    seen = await finding.look(Network({ENDPOINT: Host([job("j12.34")])}), [away, PLACE], [RECORD])
    assert [(one.jid, one.run, one.asked) for one in seen.jobs] == [("j12.34", "1abc", True)]
    assert seen.silent == {"db2": "no route"}
    assert seen.places["j12.34"] is PLACE


async def test_a_place_is_asked_once_and_a_job_shown_once():
    host = Host([job("j12.34")])
    alias = replace(PLACE, host="10.0.0.1")
    seen = await finding.look(Network({ENDPOINT: host}), [alias, PLACE, PLACE], [RECORD])
    assert host.asked == 2  # under its two names
    assert [(one.jid, one.host) for one in seen.jobs] == [("j12.34", "db1")]


async def test_what_only_the_ledger_knows_is_asked_or_remembered_by_its_own_user():
    """The login's spool says nothing about the jobs of root."""
    roots = replace(RECORD, jid="j13.35", endpoint=described(ROOT))
    seen = await finding.look(Network({ENDPOINT: Host([])}), [PLACE], [RECORD, roots])
    by_jid = {one.jid: one for one in seen.jobs}
    assert (by_jid["j12.34"].state, by_jid["j12.34"].asked) == ("unknown", True)
    assert (by_jid["j13.35"].state, by_jid["j13.35"].asked) == ("running", False)


async def test_a_job_whose_start_was_never_answered_is_known_by_its_first_part():
    intended = replace(RECORD, jid="j12", state="intended")
    seen = await finding.look(Network({ENDPOINT: Host([job("j12.34")])}), [PLACE], [intended])
    assert [(one.jid, one.run) for one in seen.jobs] == [("j12.34", "1abc")]


async def test_only_what_runs_and_is_meant_is_chosen():
    jobs = [
        job("j1.1", name="Back up"),
        job("j2.2", name="Index"),
        job("j3.3", name="Back out", state="ended", cause="exited"),
    ]
    network = Network({ENDPOINT: Host(jobs)})
    found, _ = await finding.still_running(network, [PLACE], [], Choice(name="Back*"))
    assert [one.jid for one in found] == ["j1.1"]
    found, _ = await finding.still_running(network, [PLACE], [], Choice(run="1abc"))
    assert found == []


def looked_for(*prefixes, elsewhere=()):
    return Wanted(known=[], prefixes=list(prefixes), places=[PLACE], elsewhere=list(elsewhere))


async def test_a_prefix_finds_one_job_and_a_whole_id_that_very_one():
    network = Network({ENDPOINT: Host([job("j1.1"), job("j1.11"), job("j2.2")])})
    found = await finding.located(network, looked_for("j2", "j1.1"))
    assert [(one.jid, one.place) for one in found] == [("j2.2", PLACE), ("j1.1", PLACE)]
    with pytest.raises(OutlastError, match=r"There are 3 jobs for 'j': j1.1 on db1, "):
        await finding.located(network, looked_for("j"))


async def test_a_job_that_is_nowhere_may_be_on_a_host_that_is_away():
    with pytest.raises(NoSuchJob, match=r"nor on db1. db1 could not be asked: no route."):
        await finding.located(Network({}), looked_for("j1"))


async def test_the_right_host_is_named():
    other = Place(host="db2", endpoint=replace(ENDPOINT, host="10.0.0.2"), async_dir="~/a")
    network = Network({ENDPOINT: Host([]), other.endpoint: Host([job("j1.1")])})
    with pytest.raises(OutlastError, match=r"Job j1.1 is on db2.") as raised:
        await finding.located(network, looked_for("j1", elsewhere=[PLACE, other]))
    assert "--host db2" in raised.value.help_text


# -- with a ledger -----------------------------------------------------------------------------


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "ledger.db") as opened:
        yield opened


def keep(ledger, jid, host="db1", endpoint=ENDPOINT):
    ours = jid.partition(".")[0]
    intent = JobIntent(
        jid=ours, host=host, task="T", limit=1e9, async_dir="~/a", address=described(endpoint)
    )
    ledger._say(job_intended("1abc", intent, at=5.0))
    if "." in jid:
        ledger._say(job_started(intent, jid, at=6.0))


def hosts(**asked):
    return Hosts(Asked(**asked), Settings(inventory=()))


def test_a_job_is_reached_as_the_ledger_says_with_a_password_typed_anew(ledger):
    keep(ledger, "j1.1", endpoint=ROOT)
    found = finding.wanted(ledger, ["j1"], hosts(become_password="sesame")).known[0]
    assert (found.jid, found.place.host, found.place.async_dir) == ("j1.1", "db1", "~/a")
    assert found.place.endpoint.identity.password == "sesame"
    assert found.place.key == ("db1", "root", "~/a")


def test_a_job_whose_start_was_never_answered_is_looked_for_where_it_should_be(ledger):
    keep(ledger, "j1")
    sorted_out = finding.wanted(ledger, ["j1"], hosts())
    assert sorted_out.known == []
    assert (sorted_out.prefixes, [one.host for one in sorted_out.places]) == (["j1"], ["db1"])


def test_what_the_ledger_does_not_know_is_not_looked_for_unasked(ledger):
    with pytest.raises(LedgerError, match="There is no job 'j9'"):
        finding.wanted(ledger, ["j9"], hosts())


def test_a_job_that_a_later_run_found_there_is_known_once_by_its_first(ledger):
    for run, ours in (("1abc", "j1"), ("2abc", "j7")):
        known = {"host": "db1", "task": run, "limit": 1e9, "async_dir": "~/a"}
        intent = JobIntent(jid=ours, address=described(ENDPOINT), **known)
        ledger._say(job_intended(run, intent, at=5.0))
        ledger._say(job_started(intent, "j1.1", at=6.0 + (ours == "j7")))
    assert [(job.jid, job.run) for job in finding.in_ledger(ledger, hosts())] == [("j1.1", "1abc")]


def test_what_is_no_id_may_be_a_jobs_own_name(ledger):
    keep(ledger, "j1.1")
    sorted_out = finding.wanted(ledger, ["nightly"], hosts())
    assert (sorted_out.prefixes, [one.host for one in sorted_out.places]) == (["nightly"], ["db1"])


def test_hosts_are_named_by_globs_where_no_inventory_is(ledger):
    for number, host in enumerate(["db1", "db2", "web1"]):
        keep(ledger, f"j{number}.1", host=host)
    named = finding.in_ledger(ledger, hosts(host="db*,nobody"))
    assert {record.host for record in named} == {"db1", "db2"}
    assert len(finding.in_ledger(ledger, hosts())) == 3


def test_only_what_a_host_said_is_noted(ledger):
    keep(ledger, "j1.1")
    seen = finding.remembered(ledger.job("j1"))
    finding.note(ledger, [replace(seen, state="lost", cause="lost")])
    assert ledger.job("j1").state == "running"
    told = replace(seen, state="failed", cause="limit", asked=True, ended=9.0)
    finding.note(ledger, [told])
    noted = ledger.job("j1")
    assert (noted.state, noted.cause, noted.ended) == ("failed", "limit", 9.0)


async def test_a_job_is_found_by_its_own_name():
    network = Network({ENDPOINT: Host([job("j1.1", label="nightly"), job("j2.2", name="nightly")])})
    assert (await finding.found_on_hosts(network, "nightly", [PLACE])).jid == "j1.1"
    with pytest.raises(NoSuchJob):
        await finding.found_on_hosts(network, "night", [PLACE])


async def test_a_choice_by_name_means_the_tasks_and_the_jobs_own():
    jobs = [job("j1.1", name="Back up"), job("j2.2", label="backup"), job("j3.3", name="Index")]
    seen = await finding.look(Network({ENDPOINT: Host(jobs)}), [PLACE], [])
    assert {one.jid for one in seen.jobs if Choice(name="[Bb]ack*").means(one)} == {"j1.1", "j2.2"}
