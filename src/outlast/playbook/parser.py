"""The door to this room: a file's text in, plays or steps out.

Knows what a playbook is made of. Everything it raises is an `OutlastError` with the place
that a person should look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from outlast.errors import OutlastError
from outlast.loader import Document, SeqNode, read_text
from outlast.outcome import Notice
from outlast.playbook.calls import CallReader
from outlast.playbook.defaults import ActionNames, DefaultsReader, no_groups
from outlast.playbook.loops import is_builtin_lookup
from outlast.playbook.model import Keywords, Play, Step
from outlast.playbook.playbooks import PlaybookReader
from outlast.playbook.plays import PlayReader
from outlast.playbook.steps import StepReader
from outlast.playbook.tasks import TaskReader

_NULL = "tag:yaml.org,2002:null"


class PlaybookParser:
    """Parses playbooks and files of tasks."""

    def __init__(
        self,
        names: ActionNames,
        notice: Callable[[Notice], None] = lambda _notice: None,
        *,
        known_actions: Callable[[], Iterable[str]] = tuple,
        is_lookup: Callable[[str], bool] = is_builtin_lookup,
        group: Callable[[str], frozenset[str] | None] = no_groups,
    ) -> None:
        """Take who knows the actions, and who wants to hear of odd but valid playbooks.

        *known_actions* gives names to suggest for a misspelt one; it is asked only then.
        *is_lookup* tells which `with_<name>` are loops. *group* gives the actions of a group.
        """
        self._calls = CallReader(names, notice, known_actions)
        self._defaults = DefaultsReader(names, group)
        self._notice = notice
        self._is_lookup = is_lookup

    def parse_playbook(self, path: str | Path) -> tuple[Play, ...]:
        """Give the plays in *path*; raises `PlaybookError` or `SourceMissing`."""
        document = Document(str(path), read_text(path), self._notice)
        reader = PlaybookReader(document, self._plays, self._notice)
        return tuple(reader.read(Keywords(), {}))

    def parse_tasks(
        self,
        path: str | Path,
        parent: Keywords,
        *,
        handlers: bool = False,
        folders: Sequence[str | Path] = (),
    ) -> tuple[Step, ...]:
        """Give the steps in *path*, a file of tasks that a play includes.

        *parent* is what the play and block around the include hand down; in *folders* (the
        playbook's) is looked for what the file imports and has not beside it. Raises
        `PlaybookError`, which ends a run, or another `OutlastError`, which fails the hosts.
        """
        document = Document(str(path), read_text(path), self._notice)
        root = document.root
        if root is None or root.tag == _NULL:
            return ()
        if not isinstance(root, SeqNode):
            raise OutlastError("included task files must contain a list of tasks")
        places = tuple(map(Path, folders))
        return self._steps(document, places, handlers=handlers).top(root, parent)

    def _steps(
        self, document: Document, folders: tuple[Path, ...], *, handlers: bool
    ) -> StepReader:
        tasks = TaskReader(document, self._calls, self._is_lookup, self._defaults)
        return StepReader(document, tasks, folders, handlers)

    def _plays(self, document: Document) -> PlayReader:
        folder = (Path(document.path).parent,)
        return PlayReader(
            document, lambda h: self._steps(document, folder, handlers=h), self._defaults
        )
