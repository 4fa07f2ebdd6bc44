"""A parser that knows a handful of actions, and text for it to read."""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import dedent

import pytest

from outlast.call import ResolvedAction
from outlast.playbook.model import Keywords
from outlast.playbook.parser import PlaybookParser

_ACTIONS = frozenset({"add_host", "assert", "command", "copy", "debug", "include_vars", "ping"}) | {
    "raw",
    "script",
    "service",
    "set_fact",
    "shell",
    "template",
}


class FewActions:
    """Knows the builtin actions these tests use, by short and by full name."""

    def resolve(self, name, _collections=()):
        short = name.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
        return ResolvedAction(f"ansible.builtin.{short}") if short in _ACTIONS else None


@dataclass
class Room:
    """Writes text to a file and parses it; keeps what was noticed on the way."""

    folder: object
    notices: list = field(default_factory=list)

    @property
    def parser(self):
        return PlaybookParser(FewActions(), self.notices.append, known_actions=lambda: _ACTIONS)

    def plays(self, text):
        path = self.folder / "play.yml"
        path.write_text(dedent(text), encoding="utf-8")
        return self.parser.parse_playbook(path)

    def play(self, text):
        (play,) = self.plays(text)
        return play

    def steps(self, text, parent=None, **options):
        path = self.folder / "tasks.yml"
        path.write_text(dedent(text), encoding="utf-8")
        return self.parser.parse_tasks(path, parent or Keywords(), **options)

    def task(self, text, parent=None, **options):
        (task,) = self.steps(text, parent, **options)
        return task


@pytest.fixture
def room(tmp_path):
    return Room(tmp_path)
