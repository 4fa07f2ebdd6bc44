"""The real hosts that implementations are held against."""

from __future__ import annotations

from real_hosts import sshd, user
from real_loop import nothing_blocks_the_loop

__all__ = ["nothing_blocks_the_loop", "sshd", "user"]
