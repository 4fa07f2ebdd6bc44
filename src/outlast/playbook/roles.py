"""Roles: each place that uses one becomes blocks of tasks that know their role.

Knows what a role's files mean, how dependencies and parameters come together, and that a
role whose use leads back to itself never ends. Leaves where files lie to `role_files`, and
running a role once per host to the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from outlast.errors import Cause, OutlastError, PlaybookError
from outlast.joining import Join, joined, replaced
from outlast.loader import Document, Node, SeqNode
from outlast.playbook.early import Early
from outlast.playbook.inheritance import handed_down
from outlast.playbook.keywords import Place, type_shown
from outlast.playbook.model import Block, Keywords, Role, Step, Vars
from outlast.playbook.reading import Text, as_written
from outlast.playbook.role_entries import Use, entries, identity
from outlast.playbook.role_files import RoleFiles, RolePlaces
from outlast.playbook.role_meta import Meta, OpenFile, read_meta, validation
from outlast.playbook.role_options import RoleWanted
from outlast.playbook.searching import searched_for_dependencies, searched_in_role
from outlast.playbook.steps import StepReader
from outlast.values import Origin, Value

_NULL = "tag:yaml.org,2002:null"
_LOOP = (
    "A recursion loop was detected with the roles specified. Make sure child roles do not have"
    " dependencies on parent roles"
)


class Gathered(Struct):
    """What the roles of one play, or of one include, bring beside their tasks."""

    roles: list[Role] = field(default_factory=list)
    handlers: list[Step] = field(default_factory=list)


class Compiled(Struct, frozen=True):
    """A use of a role, read: its dependencies' steps and handlers come before its own."""

    role: Role
    steps: tuple[Step, ...]
    handlers: tuple[Step, ...]


class MakeSteps(Protocol):
    """Gives the reader of a file of steps."""

    def __call__(
        self,
        document: Document,
        roles: RoleReader,
        role: Role | None,
        *,
        handlers: bool,
    ) -> StepReader:
        """Give a reader for *document*, a file of *role*."""
        ...


class RoleReader(Struct, frozen=True, kw_only=True):
    """Reads the roles that one play, or one include, uses."""

    places: RolePlaces
    make_steps: MakeSteps
    open_file: OpenFile
    home: Path
    """The playbook's folder."""
    gathered: Gathered
    join: Join = replaced
    early: Early = field(default_factory=Early)
    """Evaluates names; it knows the roles that have been gathered."""
    loading: tuple[object, ...] = ()
    """The uses that lead here, from the play on."""

    def section(
        self, document: Document, node: Node | None, parent: Keywords, origin: Origin
    ) -> list[Compiled]:
        """Give the roles that a play's `roles` name; *origin* is the play's."""
        named = [
            self._needed(replace(use, collections=parent.collections), parent, None)
            for use in entries(document, node, origin, self.early)
        ]
        self.gathered.roles[:0] = [one.role for one in named]
        return named

    def imported(self, use: Use, keywords: Keywords, parent: Role | None) -> Compiled:
        """Give a role that a task asks for; the play gets it, and its handlers."""
        one = self.compiled(use, keywords, parent)
        self.gathered.roles.append(one.role)
        self.gathered.handlers += one.handlers
        return one

    def steps_of(
        self,
        wanted: RoleWanted,
        text: Text,
        keywords: Keywords,
        parent: Role | None,
        origin: Origin,
    ) -> tuple[Step, ...]:
        """Give the steps of a role that a task of *parent* imports; *text* is the task's."""
        own = text.value("vars")
        use = Use(
            wanted=wanted,
            origin=origin,
            text=text,
            vars=own if isinstance(own, dict) else {},
            imported=True,
            collections=keywords.collections,
        )
        return self.imported(use, keywords, parent).steps

    def compiled(self, use: Use, keywords: Keywords, parent: Role | None) -> Compiled:
        """Give what *use* comes to; *keywords* are all that stand on it.

        Raises `PlaybookError`, `SourceMissing` for a role that is not there, and
        `OutlastError` for one that leads back to itself.
        """
        folders = (self.home, use.beside) if use.beside else (self.home,)
        found = self.places.find(use.wanted.name, folders, use.collections, use.origin)
        key = (found.path, tuple(sorted(use.wanted.files.items())))
        if key in self.loading:
            raise OutlastError(_LOOP, use.origin)
        inner = replace(self, loading=(*self.loading, key))
        files = RoleFiles(found)
        meta = read_meta(files, self.open_file, self.early)
        role = inner.role(use, files, meta, keywords, parent)
        others = searched_for_dependencies(found.collection, keywords.home)
        needed = [
            inner._needed(replace(one, collections=others), keywords, role)  # noqa: SLF001  # itself
            for one in meta.uses
        ]
        own = searched_in_role(found.collection, meta.collections, keywords.home)
        keywords = replace(keywords, collections=own)  # inside, the list around it does not count
        role = _with_dependencies(role, needed, use, self.join)
        steps = inner.body(use, files, meta, role, keywords)
        handlers = inner.file("handlers", use, files, role, keywords)
        return Compiled(
            role,
            (*(step for one in needed for step in one.steps), *steps),
            (*(step for one in needed for step in one.handlers), *handlers),
        )

    def _needed(self, use: Use, parent: Keywords, by: Role | None) -> Compiled:
        """Give a role that a play, or another role, names in a list."""
        return self.compiled(use, handed_down(parent, use.text, Place.ROLE), by)

    def role(
        self, use: Use, files: RoleFiles, meta: Meta, keywords: Keywords, parent: Role | None
    ) -> Role:
        """Give the role as it is without its dependencies."""
        found = files.role
        own = self._vars("vars", use, files)
        defaults = self._vars("defaults", use, files)
        join = partial(joined, self.join)
        handed_defaults = join(parent.handed_defaults if parent else {}, defaults)
        handed_vars = join(parent.handed_vars if parent else {}, use.vars, own)
        words = [as_written(use.text.value(word)) for word in ("tags", "when")]
        path = str(found.path)
        return Role(
            name=found.name,
            path=path,
            collection=found.collection,
            defaults=join(handed_defaults, defaults),
            vars=join(handed_vars, own, use.vars),
            params=join(parent.params if parent else {}, use.params),
            include_params=_of_parents(use, parent),
            handed_defaults=handed_defaults,
            handed_vars=handed_vars,
            exported_defaults=defaults,
            exports=own,
            folders=(path, *(parent.folders if parent else ())),
            identity=identity(use, found.name, path, use.params, words),
            repeats=use.wanted.repeats if use.imported else meta.repeats,
            public=not use.dynamic if use.wanted.public is None else use.wanted.public,
        )

    def _vars(self, part: str, use: Use, files: RoleFiles) -> Vars:
        found: dict[str, Value] = {}
        for path in files.vars(part, use.wanted.files.get(part)):
            document = self.open_file(path)
            content = document.variables(document.root)
            if content and not isinstance(content, dict):
                raise PlaybookError(
                    f"The {part}/main.yml file for role '{files.role.name}' must contain a"
                    " dictionary of variables"
                )
            found = self.join(found, content if isinstance(content, dict) else {})
        return found

    def body(
        self, use: Use, files: RoleFiles, meta: Meta, role: Role, keywords: Keywords
    ) -> tuple[Step, ...]:
        """Give the role's own tasks as one block, the check of its arguments first."""
        steps = self.file("tasks", use, files, role, keywords)
        entry = use.wanted.files.get("tasks", "main")
        spec = meta.specs.get(entry) if use.wanted.validate else None
        if isinstance(spec, dict) and spec:
            at = meta.specs_origin or use.origin
            steps = (validation(spec, entry, role, keywords, at), *steps)
        return (Block(block=steps, origin=use.origin, keywords=keywords, role=role),)

    def file(
        self, part: str, use: Use, files: RoleFiles, role: Role, keywords: Keywords
    ) -> tuple[Step, ...]:
        """Give the steps of the role's `tasks` or `handlers`."""
        path = files.one(part, use.wanted.files.get(part))
        if path is None:
            return ()
        document = self.open_file(path)
        root = document.root
        if root is None or root.tag == _NULL or root.value == []:
            return ()
        if not isinstance(root, SeqNode):
            name = files.role.name
            told = f"The {part}/main.yml file for role {name!r} must contain a list of tasks."
            shown = document.value(root)
            why = f"{as_written(shown)} should be a list or None but is {type_shown(shown)}"
            raise PlaybookError(told, document.origin(root), causes=(Cause(why),))
        reader = self.make_steps(document, self, role, handlers=part == "handlers")
        return reader.top(root, keywords)


def _with_dependencies(role: Role, needed: Sequence[Compiled], use: Use, how: Join) -> Role:
    """Give *role* with what the roles it depends on hand it."""
    join = partial(joined, how)
    defaults = join(*(one.role.exported_defaults for one in needed))
    exports = join(*(one.role.exports for one in needed))
    names: list[str] = []
    for one in needed:
        names += [*one.role.dependencies, one.role.full_name]
    return replace(
        role,
        defaults=join(defaults, role.defaults),
        vars=join(role.handed_vars, exports, role.exports, use.vars),
        exported_defaults=join(defaults, role.exported_defaults),
        exports=join(exports, role.exports),
        dependencies=tuple(dict.fromkeys(names)),
    )


def _of_parents(use: Use, parent: Role | None) -> Vars:
    """Give what a role that another's task asks for knows of that one."""
    if parent is None or not use.imported:
        return parent.include_params if parent else {}
    before = parent.include_params

    def with_before(name: str, value: str) -> list[Value]:
        known = before.get(name)
        return [value, *(known if isinstance(known, list) else [])]

    return {
        **before,
        **parent.params,
        "ansible_parent_role_names": with_before("ansible_parent_role_names", parent.full_name),
        "ansible_parent_role_paths": with_before("ansible_parent_role_paths", parent.path),
    }
