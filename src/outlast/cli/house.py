"""The rooms of one run, furnished; and the few questions that more than one of them answers."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from outlast.cli.evaluating import EvaluateUponNeed
from outlast.cli.jobs.account import Account
from outlast.cli.listing import Listed, listing
from outlast.cli.options import RunOptions
from outlast.cli.telling import Telling
from outlast.content.places import Content
from outlast.engine.ports import Intents, NoIntents, Tags
from outlast.events import Said
from outlast.inventory.inventory import Inventory
from outlast.ledger.recording import Recording
from outlast.outcome import AddHost, AddToGroup, Growth
from outlast.playbook.model import Play
from outlast.playbook.parser import PlaybookParser
from outlast.playbook.tagging import tagged_play
from outlast.settings import Settings
from outlast.values import is_list
from outlast.variables.ports import FactCache
from outlast.variables.variables import Variables
from outlast.vault import Vault


class House(Struct, frozen=True, kw_only=True):
    """What a run is made of before it begins."""

    options: RunOptions
    settings: Settings
    telling: Telling
    inventory: Inventory
    content: Content
    parser: PlaybookParser
    evaluate: EvaluateUponNeed
    variables: Variables
    cache: FactCache | None
    """Facts that outlive the run."""
    vault: Vault
    recording: Recording
    """Ended by who began the run; `recording.run` is its id in the ledger, once it has one."""
    account: Account
    """Where actions write jobs down: passed on to the recording."""
    intents: Intents = NoIntents()
    """Where the engine writes down what it is about to do."""

    @property
    def tags(self) -> Tags:
        """Which tasks are wanted."""
        return Tags(frozenset(self.options.tags), frozenset(self.options.skip_tags))

    def match(self, pattern: object) -> list[str]:
        """Give the names of the hosts *pattern* means, within the run's limit."""
        words = [str(one) for one in pattern] if is_list(pattern) else str(pattern)
        return [host.name for host in self.inventory.match(words, self.options.limit)]

    def refresh(self) -> None:
        """Read the inventory's sources again; what the run has added stays."""
        self.inventory.refresh()

    def grow(self, growth: Growth) -> bool:
        """Add what a task names to the inventory; tells whether that was news."""
        match growth:
            case AddHost(name, groups, variables):
                return self.inventory.add_host(name, groups, dict(variables))  # type: ignore[arg-type]  # data is a value, too
            case AddToGroup(host, group, parents):
                return self.inventory.add_to_group(host, group, parents)
            case _:
                assert_never(growth)

    def parse(self, path: str) -> tuple[Play, ...]:
        """Read the playbook at *path*; its places are told by whole paths, as in stock."""
        place = Path(path).absolute()
        collection = self.content.collections.holding(place)
        if collection is not None:
            told = f"running playbook inside collection {collection}"
            self.telling.emit(Said(told, verbosity=1))
        return self.parser.parse_playbook(place)

    def listing(self, path: str) -> str:
        """Give what `--list-hosts` and kin show of the playbook at *path*."""
        plays = [self._listed(play) for play in self.parse(path)]
        return listing(path, plays, self.options)

    def _listed(self, play: Play) -> Listed:
        unasked = {str(one["name"]): one.get("default") for one in play.vars_prompt}
        play = replace(play, vars={**play.vars, **unasked}) if unasked else play
        self.variables.begin_playbook(play.origin.path)
        self.variables.tell_reserved(play, play.roles)
        scope = self.variables.header_scope(play)
        name = self.evaluate.render(play.name, scope)
        play = replace(play, name="" if name is None else str(name))
        pattern = self.evaluate.render(play.hosts, scope)
        words = tuple(map(str, pattern)) if is_list(pattern) else (str(pattern),)
        known = self.variables.early_scope(play, play.roles, None, {})
        tagged = tagged_play(play, lambda tag: self.evaluate.render(tag, known))
        play = replace(tagged, keywords=play.keywords)  # its own tags are shown as written: stock
        return Listed(play, words, tuple(self.match(list(words))))
