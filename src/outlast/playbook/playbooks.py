"""A playbook: its plays, and those of the playbooks it imports, as one row.

Knows what a playbook file may hold, and what `import_playbook` lays on the plays it brings
in. Leaves a play to `plays`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from outlast.errors import EvaluationError, PlaybookError
from outlast.loader import Document, MapNode, Node, SeqNode
from outlast.outcome import Warned
from outlast.playbook.calls import short_name
from outlast.playbook.early import Early
from outlast.playbook.includes import find_import
from outlast.playbook.inheritance import handed_down
from outlast.playbook.keywords import Place, check_allowed, check_text, type_shown
from outlast.playbook.model import Keywords, Play, Vars
from outlast.playbook.plays import PlayReader
from outlast.playbook.reading import Text, read
from outlast.playbook.searching import AtHome, Collections, NoCollections, at_home
from outlast.values import Value

_NULL = "tag:yaml.org,2002:null"
_NO_PLAY = "playbook entries must be either valid plays or 'import_playbook' statements"
_LAID_ON = ("vars", "tags", "when")
"""What an import lays on its plays; stock takes its other keywords and does nothing with them."""
_MAX_IMPORTS = 50


class PlaybookReader(Struct, frozen=True):
    """Reads one file's plays, those of its imports in their places."""

    document: Document
    plays: Callable[[Document], PlayReader]
    notice: Callable[[Warned], None]
    arrive: Callable[[Path], None]
    """Is told of the folder of each playbook that is imported."""
    collections: Collections = field(default_factory=NoCollections)
    home: AtHome = field(default_factory=AtHome)
    early: Early = field(default_factory=Early)
    depth: int = 0

    def read(self, parent: Keywords, variables: Vars) -> Iterator[Play]:
        """Yield the plays with what an import lays on them; raises `PlaybookError`."""
        reader = self.plays(self.document)
        for node in _entries(self.document):
            if not isinstance(node, MapNode):
                raise PlaybookError(_NO_PLAY, self.document.origin(node))
            if any(_is_import(entry.key) for entry in self.document.entries(node)):
                yield from self._imported(read(self.document, node), parent, variables)
            else:
                yield reader.read(node, at_home(parent, self.home), variables)

    def _imported(self, text: Text, parent: Keywords, variables: Vars) -> Iterator[Play]:
        path, collection = self._path(text)
        if self.depth > _MAX_IMPORTS:
            raise PlaybookError("This playbook is imported by what it imports.", text.origin)
        laid_on = Text(
            {key: text.entries[key] for key in _LAID_ON if key in text.entries}, text.origin
        )
        keywords = handed_down(replace(parent, vars={}), laid_on, Place.IMPORT_PLAYBOOK)
        self.arrive(path.parent)
        self.home.collection = collection or self.home.collection
        document = self.document.another_file(path)
        reader = replace(self, document=document, depth=self.depth + 1)
        yield from reader.read(replace(keywords, vars={}), {**keywords.vars, **variables})

    def _path(self, text: Text) -> tuple[Path, str | None]:
        """Check what is said of an import, and give the file it names, and its collection."""
        file = None
        for key, given in text.entries.items():
            word = "import_playbook" if _is_import(key) else key
            row = check_allowed(word, Place.IMPORT_PLAYBOOK, given.key_origin)
            check_text(row.name, row, given.value, text.origin)
            if word == "import_playbook":
                file = given.value
            elif word not in (*_LAID_ON, "name"):
                told = f"'{word}' on an import_playbook does nothing."
                self.notice(Warned(told, given.key_origin, "Say it on the plays of that playbook."))
        if file is None:
            told = "The field 'import_playbook' is required but was not set."
            raise PlaybookError(told, text.origin)
        name = self._name(file, text)
        found = self.collections.playbook(str(name))
        if found is not None:
            return found
        here = Path(self.document.path).parent
        # `..` goes, links stay: its plays say that they are in this folder.
        path = Path(os.path.normpath(find_import(name, text, (here,))))
        return path, self.collections.holding(path)

    def _name(self, file: Value, text: Text) -> object:
        """Evaluate the name of an imported playbook; its own variables count there."""
        own = text.value("vars")
        try:
            return self.early.at(None, own if isinstance(own, dict) else {}).value(file)
        except EvaluationError as error:
            told = "Error processing keyword 'import_playbook'"
            raise PlaybookError(told, error.origin, causes=error.chain) from error


def _is_import(key: object) -> bool:
    return isinstance(key, str) and short_name(key) == "import_playbook"


def _entries(document: Document) -> list[Node]:
    shown = os.path.realpath(Path(document.path).expanduser())
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
