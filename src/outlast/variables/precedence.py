"""Who wins when a name is defined twice: one list, and scopes made of layers in its order.

Knows the order of precedence and how layers are looked through. Leaves what stands in a
layer to `variables`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from enum import IntEnum, auto
from typing import TypeAlias

from outlast.joining import Join, joined, replaced
from outlast.names import bare
from outlast.values import Scope


class Precedence(IntEnum):
    """Where a variable may come from; the later wins."""

    ROLE_DEFAULTS = auto()
    TASK_ROLE_DEFAULTS = auto()
    ALL_IN_INVENTORY = auto()
    GROUPS_IN_INVENTORY = auto()
    ALL_FILES_OF_INVENTORY = auto()
    ALL_FILES_OF_PLAYBOOK = auto()
    GROUP_FILES_OF_INVENTORY = auto()
    GROUP_FILES_OF_PLAYBOOK = auto()
    HOST_IN_INVENTORY = auto()
    HOST_IDENTITY = auto()
    """inventory_hostname and the like: weaker than host_vars, so in stock, too."""
    HOST_FILES_OF_INVENTORY = auto()
    HOST_FILES_OF_PLAYBOOK = auto()
    FACTS = auto()
    PLAY_VARS = auto()
    VARS_FILES = auto()
    ROLE_EXPORTS = auto()
    ROLE_VARS = auto()
    TASK_VARS = auto()
    INCLUDED_VARS = auto()
    REGISTERED = auto()
    """set_fact and register."""
    ROLE_PARAMS = auto()
    INCLUDE_PARAMS = auto()
    EXTRA_VARS = auto()
    MAGIC = auto()


_WRITTEN = frozenset(Precedence) - {
    # Facts, results and what set_fact evaluated are data. So are loop items, which an
    # include hands to its tasks among their vars.
    Precedence.FACTS,
    Precedence.TASK_VARS,
    Precedence.REGISTERED,
    Precedence.INCLUDE_PARAMS,
    Precedence.MAGIC,
}
"""Levels whose texts people wrote in files that are trusted."""

Layers: TypeAlias = Mapping[Precedence, Mapping[str, object]]


def folded(layers: Layers, join: Join = replaced) -> dict[str, object]:
    """Give one dict with what counts in *layers*."""
    return joined(join, *(layers[precedence] for precedence in sorted(layers)))


class LayeredScope(Scope):
    """A scope over layers, none of them copied: making one costs as much as there are layers.

    *data* are names that `add_host` gave a host: they stand among what files say, and are
    none of it. Where *join* is another than `replaced`, all layers are joined beforehand.
    """

    def __init__(self, layers: Layers, data: Collection[str] = (), join: Join = replaced) -> None:
        super().__init__()
        self._given = layers
        self._data = data
        self._join = join
        self._layers: tuple[Mapping[str, object], ...] = (
            tuple(layers[one] for one in sorted(layers, reverse=True) if layers[one])
            if join is replaced
            else (folded(layers, join),)
        )
        """The strongest first, the empty left out."""

    def from_file(self, name: str) -> bool:
        """Tell whether a person wrote *name*'s value; names in *data* are none of theirs."""
        levels = [level for level in self._given if name in self._given[level]]
        if not levels or max(levels) not in _WRITTEN:
            return False
        return name not in self._data or max(levels) > Precedence.HOST_FILES_OF_PLAYBOOK

    def __getitem__(self, name: str) -> object:
        for layer in self._layers:
            if name in layer:
                return layer[name]
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(name in layer for layer in self._layers)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(bare(name) for layer in self._layers for name in layer))

    def __len__(self) -> int:
        return len({name for layer in self._layers for name in layer})


class TaskScope(LayeredScope):
    """What a task sees: its layers, and under `vars` the same without `vars`."""

    def __init__(self, layers: Layers, data: Collection[str] = (), join: Join = replaced) -> None:
        super().__init__(layers, data, join)
        self._vars: LayeredScope | None = None

    def __getitem__(self, name: str) -> object:
        if name != "vars":
            return super().__getitem__(name)
        if self._vars is None:
            made = dict(self._given.get(Precedence.MAGIC, {}))
            made.pop("ansible_search_path", None)  # known a little later than `vars`
            layers = {**self._given, Precedence.MAGIC: made}
            self._vars = LayeredScope(layers, self._data, self._join)
        return self._vars

    def __contains__(self, name: object) -> bool:
        return name == "vars" or super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        yield from (name for name in super().__iter__() if name != "vars")
        yield "vars"

    def __len__(self) -> int:
        return sum(1 for _ in self)
