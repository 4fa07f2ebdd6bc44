"""One attempt, by the names under which another run of the same playbook knows it again.

Knows what tells apart all that a run does on a host. Leaves what a task's identity is made of
to the engine, which alone sees the tree, and keeping it to the ledger.
"""

from __future__ import annotations

from msgspec import Struct


class Attempt(Struct, frozen=True, kw_only=True):
    """Which time of which item of which task; the host stands beside it."""

    task: str = ""
    """The task's identity: its playbook, play, section, the way down through blocks, and the
    same again for each dynamic include around it. Empty for what belongs to no play."""
    turn: int = 0
    """How often the host has begun it before, in this run: a handler may be asked for again."""
    item: int | None = None
    """The item's place in the loop; None: the task has no loop."""
    number: int = 1
    """From 1: each retry is an attempt."""
