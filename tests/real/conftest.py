"""The real hosts that implementations are held against, and a home with an agent in it."""

from __future__ import annotations

import os

import pytest
from job_agent import AgentOnPipe
from real_hosts import sshd, user
from real_loop import nothing_blocks_the_loop

__all__ = ["nothing_blocks_the_loop", "sshd", "user"]


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def agent(home):
    """An agent at work in *home*, ended with the test."""
    agent = AgentOnPipe(home)
    yield agent
    if agent.process.poll() is None:
        agent.close()


@pytest.fixture
def gate(home):
    """What a job can wait at until the test lets it go on."""
    path = home / "gate"
    os.mkfifo(path)
    return path
