"""What this room needs from its neighbours, as it sees them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from outlast.values import Origin, Value


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...


class Group(Named, Protocol):
    """A group of hosts."""

    @property
    def vars(self) -> Mapping[str, Value]:
        """What the inventory says about it."""
        ...

    def all_hosts(self) -> Sequence[Named]:
        """Every host in it or below it."""
        ...


class Place(Named, Protocol):
    """A host."""

    @property
    def vars(self) -> Mapping[str, Value]:
        """What the inventory says about it."""
        ...

    @property
    def given(self) -> Collection[str]:
        """Those of its variables that `add_host` gave it: data, in no file."""
        ...

    @property
    def groups(self) -> Sequence[Group]:
        """All its groups but `all`, what counts more coming later."""
        ...


class Inventory(Protocol):
    """Hosts and groups; they may become more while the run goes on."""

    @property
    def version(self) -> int:
        """A number that grows with every change."""
        ...

    @property
    def hosts(self) -> Mapping[str, Place]:
        """Every host but the implicit one."""
        ...

    @property
    def groups(self) -> Mapping[str, Group]:
        """Every group, `all` among them."""
        ...

    @property
    def folders(self) -> Sequence[str]:
        """Where its group_vars and host_vars stand."""
        ...

    def host(self, name: str) -> Place | None:
        """Give a host by its exact name, localhost always."""
        ...


class Role(Protocol):
    """A role as one place uses it."""

    @property
    def name(self) -> str:
        """Without its collection's."""
        ...

    @property
    def full_name(self) -> str:
        """With its collection's."""
        ...

    @property
    def path(self) -> str:
        """Its folder."""
        ...

    @property
    def collection(self) -> str | None:
        """The collection it is in."""
        ...

    @property
    def defaults(self) -> Mapping[str, Value]:
        """What its tasks see at the lowest level."""
        ...

    @property
    def vars(self) -> Mapping[str, Value]:
        """What its tasks see above the play's variables."""
        ...

    @property
    def params(self) -> Mapping[str, Value]:
        """What those who use it say."""
        ...

    @property
    def include_params(self) -> Mapping[str, Value]:
        """What a task that asks for it says."""
        ...

    @property
    def exported_defaults(self) -> Mapping[str, Value]:
        """What the play sees of its defaults."""
        ...

    @property
    def exports(self) -> Mapping[str, Value]:
        """What the play sees of its vars."""
        ...

    @property
    def dependencies(self) -> Sequence[str]:
        """Names of the roles it depends on."""
        ...

    @property
    def identity(self) -> str:
        """The same for uses that count as one."""
        ...

    @property
    def public(self) -> bool:
        """Whether the play sees anything of it."""
        ...


class FactCache(Protocol):
    """Keeps facts from run to run."""

    def read(self, host: str) -> Mapping[str, object]:
        """Give what is known of *host*; raises `EvaluationError` where that is spoilt."""
        ...

    def write(self, host: str, facts: Mapping[str, object]) -> None:
        """Keep all that is known of *host*; must not block, and *facts* do not change."""
        ...

    def forget(self, host: str) -> None:
        """Keep nothing of *host* any more; must not block."""
        ...

    def close(self) -> None:
        """Return when all that was said is so."""
        ...


class Play(Protocol):
    """A play, as far as variables go."""

    @property
    def name(self) -> Value:
        """Empty when it has none."""
        ...

    @property
    def hosts(self) -> Value:
        """Its pattern."""
        ...

    @property
    def vars(self) -> Mapping[str, Value]:
        """Its own variables."""
        ...

    @property
    def vars_files(self) -> Sequence[Value]:
        """Names of files, or lists of names of which the first found counts."""
        ...

    @property
    def vars_files_at(self) -> Sequence[Origin]:
        """Where each of them is written."""
        ...

    @property
    def origin(self) -> Origin:
        """Where it is written."""
        ...
