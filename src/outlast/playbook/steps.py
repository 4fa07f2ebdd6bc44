"""Lists of tasks and blocks, at the top of a play, inside each other, and imported.

Knows what makes a block, where one may stand, and what stock calls a malformed one; that an
import is its file's steps in its place. Leaves single tasks to `tasks`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from outlast.errors import Cause, PlaybookError
from outlast.loader import Document, MapNode, Node, SeqNode
from outlast.outcome import Warned
from outlast.playbook.calls import Found, short_name
from outlast.playbook.early import Early
from outlast.playbook.includes import check_import_words, find_import, read_options
from outlast.playbook.inheritance import handed_down
from outlast.playbook.keywords import Place, check_allowed, check_text, type_shown, without_block
from outlast.playbook.model import Block, Keywords, Role, Step
from outlast.playbook.reading import Text, as_written, read
from outlast.playbook.role_options import RoleWanted, check_role_options, name_place, static_role
from outlast.playbook.tasks import TaskReader
from outlast.values import Origin

ImportRole: TypeAlias = Callable[
    [RoleWanted, Text, Keywords, Role | None, Origin], tuple[Step, ...]
]
"""Gives the steps of a role that a task asks for: a task of which role, and where it names it."""

_PARTS = ("block", "rescue", "always")
_MAX_IMPORTS = 50
_MAX_BLOCKS = 100
_LOADING = {  # stock's words, full stops and all
    "block": "loading a block",
    "rescue": "loading rescue.",
    "always": "loading always",
}


class StepReader(Struct, frozen=True):
    """Reads the lists of steps in one file."""

    document: Document
    tasks: TaskReader
    folders: tuple[Path, ...]
    """Where imported files are looked for, after the folder of the file that names them."""
    import_role: ImportRole
    early: Early = Early()  # it is frozen
    handlers: bool = False
    """Whether the steps are handlers: flat, and asked for by name."""
    depth: int = 0
    """How many imports lead here."""
    blocks: int = 0
    """How many blocks are around."""

    def section(
        self, node: Node | None, parent: Keywords, name: str, origin: Origin
    ) -> tuple[Step, ...]:
        """Give the steps of a play's section *name*; *origin* is the play's."""
        if node is None or self._is_null(node):
            return ()
        if not isinstance(node, SeqNode):
            raise self._malformed(f"loading {name}.", node, "a list or None but is", origin)
        return self.top(node, parent)

    def top(self, node: SeqNode, parent: Keywords) -> tuple[Step, ...]:
        """Give the steps of a list that no block encloses; empty places in it say nothing."""
        self.document.check_tag(node)
        steps: list[Step] = []
        for member in node.value:
            if self._is_null(member):
                continue
            if not isinstance(member, MapNode):
                # Stock knows no place here; the list it names is the one it made up itself.
                told = f"The ds ({[self._shown(member)]}) should be a dict but was a <class 'list'>"
                raise _malformed_block("loading a block", self.document.origin(member), told)
            if any(entry.key in _PARTS for entry in self.document.entries(member)):
                steps += self._block(member, parent)
            else:
                steps += self._task(member, parent)
        return tuple(steps)

    def _task(self, node: MapNode, parent: Keywords) -> tuple[Step, ...]:
        """Give the steps that one task comes to: itself, or those of a file it imports."""
        text, found = self.tasks.look(node)
        if short_name(found.name) == "import_tasks":
            return self._imported(text, found, parent)
        if short_name(found.name) == "import_role" and not self.handlers:
            return self._role(text, found, parent)
        task = self.tasks.read(text, found, parent, handler=self.handlers)
        if task.action.resolved == "ansible.builtin.include_tasks":
            self.early.at(self.tasks.role, task.keywords.vars).look_around()
        return (task,)

    def _role(self, text: Text, found: Found, parent: Keywords) -> tuple[Step, ...]:
        check_role_options(found, text)
        check_import_words(found, text, Place.INCLUDE, self.tasks.is_lookup)
        keywords = handed_down(parent, text, Place.INCLUDE)
        wanted = static_role(found, text, self.early.at(self.tasks.role, keywords.vars))
        return self.import_role(
            wanted, text, keywords, self.tasks.role, name_place(found.name, text)
        )

    def _imported(self, text: Text, found: Found, parent: Keywords) -> tuple[Step, ...]:
        place = Place.HANDLER_INCLUDE if self.handlers else Place.INCLUDE
        check_import_words(found, text, place, self.tasks.is_lookup)
        if self.depth > _MAX_IMPORTS:
            raise PlaybookError("This file is imported by what it imports itself.", text.origin)
        keywords = handed_down(parent, text, place)
        early = self.early.at(self.tasks.role, keywords.vars)
        file = early.path(read_options(found, text).file, text.origin)
        here = Path(self.document.path).parent
        path = find_import(file, text, (here, *self._of_role(), *self.folders))
        document = self.document.another_file(path)
        root = document.root
        if root is None or self._is_null(root) or root.value == []:
            told = f"file {path.absolute()} is empty and had no tasks to include"
            self.tasks.calls.notice(Warned(told))
            return ()
        if not isinstance(root, SeqNode):
            told = "included task files must contain a list of tasks"
            raise PlaybookError(told, document.origin(root))
        tasks = replace(self.tasks, document=document)
        reader = replace(self, document=document, tasks=tasks, depth=self.depth + 1)
        return reader.top(root, keywords)

    def _of_role(self) -> tuple[Path, ...]:
        """Give where a role's files import from, whatever folder the file that says so is in."""
        role = self.tasks.role
        part = "handlers" if self.handlers else "tasks"
        return (Path(role.path, part), Path(role.path)) if role else ()

    def _block(self, node: MapNode, parent: Keywords) -> tuple[Step, ...]:
        text = read(self.document, node, _PARTS)
        for key, given in text.entries.items():
            row = check_allowed(key, Place.BLOCK, given.key_origin)
            check_text(row.name, row, given.value, text.origin)
        if self.blocks >= _MAX_BLOCKS:
            raise PlaybookError("These blocks are too deeply nested.", text.origin)
        keywords = handed_down(parent, text, Place.BLOCK)
        inside = replace(self, blocks=self.blocks + 1)
        parts = {part: inside._part(part, text, keywords) for part in _PARTS}  # noqa: SLF001  # itself
        for part in ("rescue", "always"):
            if parts[part] and not parts["block"]:
                raise without_block(part, text.origin)
        if self.handlers:
            return self._flattened(parts, text)
        name = text.value("name")
        return (
            Block(
                block=parts["block"],
                rescue=parts["rescue"],
                always=parts["always"],
                name="" if name is None else name,
                origin=text.origin,
                keywords=keywords,
            ),
        )

    def _flattened(self, parts: dict[str, tuple[Step, ...]], text: Text) -> tuple[Step, ...]:
        """Give the handlers of a block; stock runs nothing else of it, and says nothing."""
        if parts["rescue"] or parts["always"]:
            told = "The rescue and always of a block among handlers never run."
            self.tasks.calls.notice(Warned(told, text.origin))
        return parts["block"]

    def _part(self, part: str, text: Text, parent: Keywords) -> tuple[Step, ...]:
        given = text.entries.get(part)
        if given is None or given.node is None:
            return ()
        loading, node = _LOADING[part], given.node
        if not isinstance(node, SeqNode):
            raise self._malformed(loading, node, "a list but was a", text.origin)
        self.document.check_tag(node)
        steps: list[Step] = []
        for member in node.value:
            if not isinstance(member, MapNode):
                told = f"The ds ({self._shown(node)}) should be a dict but was a {type_shown([])}"
                raise _malformed_block(loading, text.origin, told)
            if all(entry.key != "block" for entry in self.document.entries(member)):
                steps += self._task(member, parent)
            elif self.handlers:
                raise PlaybookError(
                    "Using a block as a handler is not supported.", self.document.origin(member)
                )
            else:
                steps += self._block(member, parent)
        return tuple(steps)

    def _malformed(self, loading: str, node: Node, wanted: str, origin: Origin) -> PlaybookError:
        value = self.document.value(node)
        shown = as_written(value)
        subject = f"The ds ({shown})" if wanted.startswith("a list but") else str(shown)
        return _malformed_block(
            loading, origin, f"{subject} should be {wanted} {type_shown(value)}"
        )

    def _shown(self, node: Node) -> object:
        return as_written(self.document.value(node))

    def _is_null(self, node: Node) -> bool:
        return node.tag == "tag:yaml.org,2002:null"


def _malformed_block(loading: str, origin: Origin, told: str) -> PlaybookError:
    return PlaybookError(
        f"A malformed block was encountered while {loading}", origin, causes=(Cause(told),)
    )
