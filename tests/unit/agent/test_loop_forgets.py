"""The agent's loop forgets a descriptor before it is closed: its number comes again."""

from __future__ import annotations

import os

from outlast_agent.loop import Loop


def test_a_number_that_was_watched_for_writing_can_be_watched_again():
    loop = Loop()
    reader, writer = os.pipe()
    loop.watch_writable(writer, lambda: None)
    loop.unwatch_writable(writer)
    loop.watch_writable(writer, lambda: None)
    loop.unwatch(writer)
    loop.close()
    os.close(reader)
    os.close(writer)
