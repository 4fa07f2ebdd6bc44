"""What the controller alone can do is done at once under `async`, and kept as an ended job."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from unit.actions.calls import a_call, actions, done
from unit.actions.test_background import JobHost

from outlast.errors import HostUnreachable
from outlast.job import JobTerms
from outlast.outcome import AddHost, Detached, Failed, Ok, SetFacts
from outlast.vault import Vault
from outlast.work import Given


class Keeper(JobHost):
    """Knows at once what became of a job that is given."""

    async def start_job(self, job):
        start = await super().start_job(job)
        if isinstance(job.run, Given):
            result = {**job.run.result, "started": True, "finished": True}
            self.jobs[str(start["ansible_job_id"])] = result
            self.ended.set()
        return start


@pytest.fixture
def performing(tmp_path):
    return actions(tmp_path)


async def given(performing, name, args, host=None, **options):
    """Perform under `async`; gives what was performed and the result that the host keeps."""
    host = host or Keeper()
    _, performed = await done(performing, a_call(name, args, session=host, limit=5, **options))
    (order,) = host.orders
    assert isinstance(order.run, Given)
    assert isinstance(performed.outcome, Detached)
    return performed, order.run.result


async def test_a_fact_is_set_at_once_and_kept_as_a_job(performing):
    performed, result = await given(performing, "set_fact", {"x": [1]})
    assert performed.effects == (SetFacts({"x": [1]}),)
    assert result == {"ansible_facts": {"x": [1]}, "changed": False, "failed": False}


async def test_a_polled_task_gets_the_outcome_itself_with_the_keys_of_its_job(performing):
    host = Keeper()
    call = a_call("fail", {"msg": "no more"}, session=host, limit=5, async_dir="/d")
    job = (await performing.perform(call)).outcome
    settled = (await performing.settle(call, job, poll=1, on_poll=lambda: None)).outcome
    assert isinstance(settled, Failed)
    assert [cause.message for cause in settled.why] == ["Action failed.", "no more"]
    assert settled.payload["finished"] is True
    assert settled.payload["ansible_job_id"] == job.jid
    assert settled.payload["results_file"] == f"/d/{job.jid}"
    assert host.jobs == {}, "its files are removed"


async def test_a_new_host_is_in_before_its_job_says_so(performing):
    grown = []

    def grow(growth):
        grown.append(growth)
        return True

    performed, result = await given(performing, "add_host", {"name": "new"}, grow=grow)
    assert grown == [AddHost("new", (), {})]
    assert performed.growth is None, "or it would be done twice"
    assert result["changed"] is True


@pytest.mark.looptime
async def test_what_takes_longer_than_the_limit_is_ended(performing):
    before = asyncio.get_running_loop().time()
    _, result = await given(performing, "pause", {"seconds": 3600})
    assert asyncio.get_running_loop().time() - before == pytest.approx(5)
    assert result["msg"] == "Timeout exceeded"
    assert result["failed"] is True


class Away(JobHost):
    async def start_job(self, job):
        raise AssertionError("it cannot be asked")


async def test_nothing_is_done_for_a_host_that_could_not_keep_it(performing):
    async def away():
        raise HostUnreachable("no route")

    call = a_call("add_host", {"name": "new"}, session=Away(), limit=5, grow=pytest.fail)
    with pytest.raises(HostUnreachable):
        await performing.perform(replace(call, session=away))


async def test_a_name_is_refused_before_anything_is_done(performing):
    host = Keeper()
    call = a_call("set_fact", {"x": 1}, session=host, limit=5, job=JobTerms(name="once"))
    seen, performed = await done(performing, call)
    assert seen["msg"].startswith("outlast_job is of no use to set_fact")
    assert performed.effects == ()
    assert host.orders == []


async def test_what_was_encrypted_here_does_not_lie_on_the_host(performing, tmp_path):
    locked = tmp_path / "locked.yml"
    await asyncio.to_thread(locked.write_text, "$ANSIBLE_VAULT;1.1;AES256\n31\n")

    class Open(Vault):
        def decrypted(self, data, origin):
            return b"word: hush\n"

    args = {"file": "locked.yml"}
    performed, result = await given(performing, "include_vars", args, folder=tmp_path, vault=Open())
    assert "hush" not in str(result)
    assert performed.secret
    job = performed.outcome
    assert isinstance(job.known, Ok)
    assert job.known.payload["ansible_facts"] == {"word": "hush"}
