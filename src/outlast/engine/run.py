"""A run: playbooks one after the other, one standing for all, one number at the end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from outlast.engine.identities import play_name
from outlast.engine.labels import Labels
from outlast.engine.plays import PlayRunner
from outlast.engine.ports import Wiring
from outlast.engine.preparation import Thinking
from outlast.engine.standing import Standing
from outlast.engine.terms import TermsReader
from outlast.errors import Cause, OutlastError, first_of
from outlast.events import Complained, PlaybookStarted, RunEnded
from outlast.playbook.model import Play

Parse: TypeAlias = Callable[[str], Sequence[Play]]
"""Reads a playbook when its turn has come: one before it may have written it."""


class Run(Struct, frozen=True, kw_only=True):
    """One invocation."""

    wiring: Wiring
    retry_file: Callable[[str, Sequence[str]], str | None] = lambda _path, _hosts: None
    """Writes the failed hosts down where the user wants that; gives the file's path."""
    standing: Standing = field(default_factory=Standing)

    async def run(self, files: Sequence[str], parse: Parse) -> int:
        """Run the playbooks in *files* until one fails; gives stock's exit code.

        Raises `OutlastError` for what is wrong outside of any task.
        """
        for number, file in enumerate(files):
            try:
                await self._playbook(file, parse(file), files[:number])
            except* OutlastError as group:
                raise first_of(group) from None
            if self.standing.exit_code:
                break
        if self.wiring.start_at is not None and not self.standing.begun:
            told = (
                f'No matching task "{self.wiring.start_at}" found.'
                " Note: --start-at-task can only follow static includes."
            )
            self.wiring.events.emit(Complained((Cause(told),)))
        return self.standing.exit_code

    async def _playbook(self, file: str, plays: Sequence[Play], before: Sequence[str]) -> None:
        wiring = self.wiring
        reader = TermsReader(
            wiring.evaluate, wiring.settings, wiring.check_mode, wiring.diff, wiring.events
        )
        runner = PlayRunner(
            wiring=wiring,
            standing=self.standing,
            forks=asyncio.Semaphore(wiring.settings.forks),
            floor=asyncio.Lock(),
            labels=Labels(wiring.evaluate, reader, wiring.events),
            reader=reader,
            thinking=Thinking(wiring.evaluate),
            stats={},
        )
        wiring.events.emit(PlaybookStarted(file, len(plays)))
        for number, play in enumerate(plays):
            runner.labels.identities.begin_play(play, play_name(file, before, number))
            wiring.variables.begin_playbook(play.origin.path)
            if not await replace(runner, wiring=_at_home(wiring, play)).run(play):
                break
        out = sorted(self.standing.barred | self.standing.unreachable)
        retry_file = self.retry_file(file, out) if out else None
        wiring.events.emit(RunEnded(self.standing.tallies, runner.stats, retry_file))


def _at_home(wiring: Wiring, play: Play) -> Wiring:
    """Give *wiring* that looks for files where *play* is written: it may have been imported."""
    home = os.path.dirname(play.origin.path)  # noqa: PTH120  # text in, text out
    return replace(wiring, search_path=(home,))
