"""What is killed in these tests: a host of jobs, and agents in one home."""

from __future__ import annotations

import pytest
from job_agent import AgentOnPipe
from job_host import host
from small_disk import small_disk

__all__ = ["host", "small_disk"]


@pytest.fixture
def agents(tmp_path):
    """Makes agents in one home; the test may kill them, and none is left behind."""
    started = []

    def start():
        started.append(AgentOnPipe(tmp_path))
        return started[-1]

    yield start
    for agent in started:
        if agent.process.poll() is None:
            agent.close()
