"""What a task's variables ask of its job: what they may be, and how a wrong one is told."""

from __future__ import annotations

import pytest

from outlast.engine.job_terms import JobTermsReader, size
from outlast.errors import EvaluationError
from outlast.job import JobTerms


class _Plain:
    def render(self, value, _scope):
        return value


def read(**variables):
    return JobTermsReader(_Plain(), variables)


def test_nothing_is_asked_unless_a_variable_asks_it():
    assert read().job() == JobTerms()


def test_a_job_may_be_silent_for_as_long_as_its_variable_says():
    assert read(outlast_idle_limit="2.5").job().idle_limit == 2.5


def test_a_job_may_be_limited():
    asked = read(
        outlast_grace="10", outlast_nice=-3, outlast_memory_limit="1G", outlast_cpu_limit="150%"
    )
    assert asked.job() == JobTerms(grace=10, nice=-3, memory_limit=1 << 30, cpu_limit=1.5)


@pytest.mark.parametrize("value", [3601, "inf", "nan", -1])
def test_a_job_is_not_given_for_ever_to_end_itself(value):
    with pytest.raises(EvaluationError, match="'outlast_grace' is a number of seconds"):
        read(outlast_grace=value).job()


@pytest.mark.parametrize("value", ["soon", -1, [3]])
def test_what_is_no_time_is_refused_with_its_name(value):
    with pytest.raises(EvaluationError, match="'outlast_idle_limit' is a number of seconds"):
        read(outlast_idle_limit=value).job()


@pytest.mark.parametrize(
    ("written", "bytes_"),
    [(4096, 4096), ("512M", 512 << 20), ("1.5GiB", 3 << 29), ("2 kb", 2048)],
)
def test_a_size_is_a_number_or_has_a_unit(written, bytes_):
    assert size(written) == bytes_


@pytest.mark.parametrize("written", ["much", 0, True, "-1M", None])
def test_what_is_no_size_is_refused(written):
    with pytest.raises(ValueError, match="number of bytes"):
        size(written)


@pytest.mark.parametrize(
    ("written", "limits"),
    [(2, (2, 0)), ("3", (3, 0)), ({"host": 1}, (1, 0)), ({"host": 2, "run": 5}, (2, 5))],
)
def test_how_many_may_run_is_said_of_a_host_or_of_a_run(written, limits):
    terms = read(outlast_job_limit=written).job()
    assert (terms.host_limit, terms.run_limit) == limits


@pytest.mark.parametrize("written", [0, "few", {"host": 0}, {"hosts": 2}])
def test_what_is_no_number_of_jobs_is_refused(written):
    with pytest.raises(EvaluationError, match="'outlast_job_limit' is a"):
        read(outlast_job_limit=written).job()


def test_a_job_may_have_a_name_and_restart_its_host():
    terms = read(outlast_job="nightly@db", outlast_reboots="yes").job()
    assert (terms.name, terms.reboots) == ("nightly@db", True)


@pytest.mark.parametrize("written", ["../x", "a b", ".x", 7, "x" * 101])
def test_what_is_no_name_is_refused(written):
    with pytest.raises(EvaluationError, match="'outlast_job' names a job"):
        read(outlast_job=written).job()
