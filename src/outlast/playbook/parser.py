"""The door to this room: a file's text in, plays or steps out.

Knows what a playbook is made of. Everything it raises is an `OutlastError` with the place
that a person should look at.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from outlast.errors import NotSupportedYet, OutlastError, PlaybookError
from outlast.loader import Document, MapNode, Node, SeqNode, read_text
from outlast.outcome import Notice
from outlast.playbook.calls import ActionNames, CallReader, short_name
from outlast.playbook.keywords import type_shown
from outlast.playbook.loops import is_builtin_lookup
from outlast.playbook.model import Keywords, Play, Step
from outlast.playbook.plays import PlayReader
from outlast.playbook.steps import StepReader
from outlast.playbook.tasks import TaskReader

_NULL = "tag:yaml.org,2002:null"
_NO_PLAY = "playbook entries must be either valid plays or 'import_playbook' statements"


class PlaybookParser:
    """Parses playbooks and files of tasks."""

    def __init__(
        self,
        names: ActionNames,
        notice: Callable[[Notice], None] = lambda _notice: None,
        *,
        known_actions: Callable[[], Iterable[str]] = tuple,
        is_lookup: Callable[[str], bool] = is_builtin_lookup,
    ) -> None:
        """Take who knows the actions, and who wants to hear of odd but valid playbooks.

        *known_actions* gives names to suggest for a misspelt one; it is asked only then.
        *is_lookup* tells which `with_<name>` are loops.
        """
        self._calls = CallReader(names, notice, known_actions)
        self._notice = notice
        self._is_lookup = is_lookup

    def parse_playbook(self, path: str | Path) -> tuple[Play, ...]:
        """Give the plays in *path*; raises `PlaybookError` or `SourceMissing`."""
        document = Document(str(path), read_text(path), self._notice)
        entries = self._entries(document, path)
        folder = (Path(path).parent,)
        reader = PlayReader(document, lambda h: self._steps(document, folder, handlers=h))
        return tuple(reader.read(self._entry(document, entry)) for entry in entries)

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
        tasks = TaskReader(document, self._calls, self._is_lookup)
        return StepReader(document, tasks, folders, handlers)

    def _entries(self, document: Document, path: str | Path) -> list[Node]:
        shown = os.path.realpath(Path(path).expanduser())
        root = document.root
        if root is None or root.tag == _NULL:
            raise PlaybookError(f"Empty playbook, nothing to do: {shown}")
        if not isinstance(root, SeqNode):
            kind = type_shown(document.value(root))
            raise PlaybookError(
                f"A playbook must be a list of plays, got a {kind} instead: {shown}",
                document.origin(root),
            )
        if not root.value:
            raise PlaybookError(f"A playbook must contain at least one play: {shown}")
        entries: list[Node] = root.value
        return entries

    def _entry(self, document: Document, node: Node) -> MapNode:
        if not isinstance(node, MapNode):
            raise PlaybookError(_NO_PLAY, document.origin(node))
        for entry in document.entries(node):
            if isinstance(entry.key, str) and short_name(entry.key) == "import_playbook":
                raise NotSupportedYet(f"{entry.key!r} is not supported yet", entry.key_origin)
        return node
