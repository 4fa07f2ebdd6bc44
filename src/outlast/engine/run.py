"""A run: playbooks one after the other, one standing for all, one number at the end."""

from __future__ import annotations

import asyncio
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


class PlaybookFile(Struct, frozen=True):
    """A playbook that was named, and the folder relative files are looked for in."""

    path: str
    folder: str


Parse: TypeAlias = Callable[[str], Sequence[Play]]
"""Reads a playbook when its turn has come: one before it may have written it."""


class Run(Struct, frozen=True, kw_only=True):
    """One invocation."""

    wiring: Wiring
    retry_file: Callable[[str, Sequence[str]], str | None] = lambda _path, _hosts: None
    """Writes the failed hosts down where the user wants that; gives the file's path."""
    standing: Standing = field(default_factory=Standing)

    async def run(self, files: Sequence[PlaybookFile], parse: Parse) -> int:
        """Run the playbooks in *files* until one fails; gives stock's exit code.

        Raises `OutlastError` for what is wrong outside of any task.
        """
        for number, file in enumerate(files):
            before = [one.path for one in files[:number]]
            try:
                await self._playbook(file, parse(file.path), before)
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

    async def _playbook(
        self, file: PlaybookFile, plays: Sequence[Play], before: Sequence[str]
    ) -> None:
        wiring = replace(self.wiring, search_path=(file.folder,))
        wiring.variables.begin_playbook(file.path)
        reader = TermsReader(wiring.evaluate, wiring.settings, wiring.check_mode, wiring.diff)
        runner = PlayRunner(
            wiring=wiring,
            standing=self.standing,
            forks=asyncio.Semaphore(wiring.settings.forks),
            labels=Labels(wiring.evaluate, reader, wiring.events),
            reader=reader,
            thinking=Thinking(wiring.evaluate),
            stats={},
        )
        wiring.events.emit(PlaybookStarted(file.path, len(plays)))
        for number, play in enumerate(plays):
            runner.labels.identities.begin_play(play, play_name(file.path, before, number))
            if not await runner.run(play):
                break
        out = sorted(self.standing.failed | self.standing.unreachable)
        retry_file = self.retry_file(file.path, out) if out else None
        wiring.events.emit(RunEnded(self.standing.tallies, runner.stats, retry_file))
