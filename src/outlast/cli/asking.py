"""Asking the person at the terminal, while a run goes on.

Knows what is written and when there is nobody to answer. Leaves reading a line without
holding up the loop to `actions.prompting`.
"""

from __future__ import annotations

import sys


async def ask(text: str, *, private: bool) -> str | None:
    """Implements `engine.ports.Ask`."""
    typed = await _typed(text, private=private)
    return None if typed is None else typed.rstrip("\r\n")


async def ask_anybody(text: str, *, private: bool) -> str | None:
    """Take a line from a person, or from whatever writes to our input; None: it has ended."""
    import asyncio  # noqa: PLC0415  # who gets here has it

    line = await _typed(text, private=private)
    if line is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        line = await asyncio.to_thread(sys.stdin.readline)
    return line.rstrip("\r\n") if line else None


async def _typed(text: str, *, private: bool) -> str | None:
    """Give the line a person types, with its end; None: there is nobody."""
    from outlast.actions.prompting import interactive, line  # noqa: PLC0415  # few plays ask

    if not interactive(sys.stdin):
        return None

    def show() -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    typed = await line(sys.stdin, echo=not private, ready=show)
    if private:  # the end of the line was not seen, either
        sys.stdout.write("\n")
    return typed
