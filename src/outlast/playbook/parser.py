"""The door to this room: a file's text in, plays or steps out.

Knows what a playbook is made of. Everything it raises is an `OutlastError` with the place
that a person should look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from msgspec.structs import replace

from outlast.errors import OutlastError
from outlast.joining import Join, replaced
from outlast.loader import Document, SeqNode, read_text
from outlast.outcome import Notice
from outlast.playbook.calls import CallReader
from outlast.playbook.defaults import ActionNames, DefaultsReader, no_groups
from outlast.playbook.early import Early, Evaluate, Look, Moment, nobody_looks, nothing_is_known
from outlast.playbook.loops import is_builtin_lookup
from outlast.playbook.model import Keywords, Play, Role, Step
from outlast.playbook.playbooks import PlaybookReader
from outlast.playbook.plays import PlayReader
from outlast.playbook.role_entries import Use
from outlast.playbook.role_files import RolePlaces
from outlast.playbook.roles import Gathered, RoleReader
from outlast.playbook.searching import AtHome, at_home
from outlast.playbook.steps import StepReader
from outlast.playbook.tasks import TaskReader
from outlast.vault import LOCKED, Vault

_NULL = "tag:yaml.org,2002:null"


class PlaybookParser:
    """Parses playbooks and files of tasks."""

    def __init__(  # noqa: PLR0913  # each is a neighbour that it asks
        self,
        names: ActionNames,
        notice: Callable[[Notice], None] = lambda _notice: None,
        *,
        known_actions: Callable[[], Iterable[str]] = tuple,
        vault: Vault = LOCKED,
        places: RolePlaces | None = None,
        group: Callable[[str], frozenset[str] | None] = no_groups,
        early: Evaluate = nothing_is_known,
        look: Look = nobody_looks,
        join: Join = replaced,
    ) -> None:
        """Take who knows the actions, and who wants to hear of odd but valid playbooks.

        *known_actions* gives names to suggest for a misspelt one; it is asked only then.
        *vault* opens encrypted files.
        *places* tells where roles are looked for. *group* gives the actions of a group. *early*
        evaluates the names in imports, and *look* sees what is known there. *join* tells what
        becomes of variables that several define.
        """
        self._calls = CallReader(names, notice, known_actions)
        self._defaults = DefaultsReader(names, group)
        self._notice = notice
        self._vault = vault
        self._places = places or RolePlaces()
        self._early = Early(early, look=look)
        self._join = join
        self._home = AtHome()

    def parse_playbook(self, path: str | Path) -> tuple[Play, ...]:
        """Give the plays in *path*; raises `PlaybookError` or `SourceMissing`."""
        document = Document(str(path), read_text(path, self._vault), self._notice, self._vault)
        collections = self._places.collections
        self._home.collection = collections.holding(Path(path))
        reader = PlaybookReader(
            document=document,
            plays=self._plays,
            notice=self._notice,
            arrive=self._places.found,
            collections=collections,
            home=self._home,
            early=self._early,
        )
        return tuple(reader.read(Keywords(), {}))

    def parse_tasks(
        self,
        path: str | Path,
        parent: Keywords,
        *,
        handlers: bool = False,
        folders: Sequence[str | Path] = (),
        role: Role | None = None,
        gathered: Gathered | None = None,
    ) -> tuple[Step, ...]:
        """Give the steps in *path*, a file of tasks that a play (or its *role*) includes.

        The roles that the file imports, and their handlers, go to *gathered*. *parent* is what
        the play and block around the include hand down; in *folders* (the playbook's comes
        last) is looked for what the file imports and has not beside it. Raises
        `PlaybookError`, which ends a run, or another `OutlastError`, which fails the hosts.
        """
        document = Document(str(path), read_text(path, self._vault), self._notice, self._vault)
        root = document.root
        if root is None or root.tag == _NULL:
            return ()
        if not isinstance(root, SeqNode):
            raise OutlastError("included task files must contain a list of tasks")
        home = Path(folders[-1]) if folders else Path(path).parent
        roles = self._roles(home, Gathered() if gathered is None else gathered)
        reader = self._steps(document, roles, role, handlers=handlers)
        words = parent if role else at_home(parent, self._home)
        return replace(reader, folders=tuple(map(Path, folders))).top(root, words)

    def parse_role(
        self, use: Use, parent: Keywords, role: Role | None, *, home: str | Path, gathered: Gathered
    ) -> tuple[Step, ...]:
        """Give the steps of a role that a task (of *role*) includes.

        *home* is the playbook's folder. The role and its handlers go to *gathered*. Raises
        `SourceMissing` for a role that is not there, and what `parse_tasks` does.
        """
        words = replace(parent if role else at_home(parent, self._home), home=self._home.collection)
        use = replace(use, collections=words.collections)
        return self._roles(Path(home), gathered).imported(use, words, role).steps

    def _roles(self, home: Path, gathered: Gathered, play: Play | None = None) -> RoleReader:
        moment = Moment(play=play, roles=gathered.roles)
        return RoleReader(
            places=self._places,
            make_steps=self._steps,
            open_file=self._document,
            home=home,
            gathered=gathered,
            join=self._join,
            early=replace(self._early, moment=moment),
        )

    def _steps(
        self,
        document: Document,
        roles: RoleReader,
        role: Role | None,
        *,
        handlers: bool,
    ) -> StepReader:
        tasks = TaskReader(document, self._calls, self._is_loop_over, self._defaults, role)
        return StepReader(document, tasks, (roles.home,), roles.steps_of, roles.early, handlers)

    def _plays(self, document: Document) -> PlayReader:
        home = Path(document.path).parent
        return PlayReader(
            document,
            lambda roles, h: self._steps(document, roles, None, handlers=h),
            lambda play: self._roles(home, Gathered(), play),
            self._defaults,
        )

    def _is_loop_over(self, lookup: str) -> bool:
        return is_builtin_lookup(lookup) or self._places.collections.has_lookup(lookup)

    def _document(self, path: Path) -> Document:
        return Document(str(path), read_text(path, self._vault), self._notice, self._vault)
