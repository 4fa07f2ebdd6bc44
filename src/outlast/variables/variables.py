"""All variables of a run: the face of this room, and the owner of what hosts have learnt.

Knows the layers a task's scope is made of and keeps what rarely changes. Leaves evaluating
to `templating`: values stay as they were loaded, but for the names of `vars_files`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from outlast.call import Evaluate
from outlast.errors import EvaluationError
from outlast.joining import Join, joined, replaced
from outlast.outcome import Warned
from outlast.values import Scope, Value
from outlast.variables import facts as fact_names
from outlast.variables import magic
from outlast.variables.files import Notify, VarsFolders
from outlast.variables.hosts import Knowledge, Stranger, said_by_inventory
from outlast.variables.ports import FactCache, Inventory, Place, Play, Role
from outlast.variables.precedence import LayeredScope, Layers, Precedence, TaskScope
from outlast.variables.reserved import ReservedNames
from outlast.variables.vars_files import VarsFiles
from outlast.vault import LOCKED, Vault

_Layer = Mapping[str, object]
_NOTHING: _Layer = {}
_GATHERED = "_ansible_facts_gathered"


class Variables:
    """Every variable of every host; one per run."""

    def __init__(  # noqa: PLR0913  # each is a neighbour that it asks
        self,
        *,
        inventory: Inventory,
        extra_vars: Mapping[str, Value],
        options: magic.Options,
        evaluate: Evaluate,
        notify: Notify,
        vault: Vault = LOCKED,
        join: Join = replaced,
    ) -> None:
        self._join = join
        self._inventory = inventory
        self._extra = extra_vars
        self._options = options
        self._notify = notify
        self._folders = VarsFolders(notify, vault, join)
        self._files = VarsFiles(evaluate, notify, vault, join)
        self._known: dict[str, Knowledge] = {}
        self._cache: FactCache | None = None
        self._playbook_dir = ""
        self._play: Play | None = None
        self._roles: Sequence[Role] = ()
        self._own_roles: Sequence[Role] = ()
        """Those that the play has without what its tasks bring in."""
        self._public: Layers = {}
        self._company = magic.Company()
        self._magic: dict[bool, _Layer] = {}
        """With and without what the play adds; empty when it must be made anew."""
        self._groups: dict[str, list[str]] = {}
        self._groups_version = -1
        self._hostvars = _HostVars(self, inventory)
        self._reserved = ReservedNames(notify)

    def remember(self, cache: FactCache) -> None:
        """Have facts outlive the run in *cache*; what it holds of a host is known from now on."""
        self._cache = cache

    # -- where the run is ----------------------------------------------------------------------

    def begin_playbook(self, path: str) -> None:
        """Say which playbook comes next: group_vars and host_vars beside it count."""
        self._playbook_dir = os.path.dirname(os.path.abspath(path))  # noqa: PTH100, PTH120  # `..` is to go, links are to stay
        self._play = None
        self._changed()

    def begin_play(self, play: Play, hosts: Sequence[str], roles: Sequence[Role] = ()) -> None:
        """Start a play: its vars and vars_files apply from now on, to all of its hosts."""
        self._play = play
        self._roles = self._own_roles = tuple(roles)
        self._public = _exported(self._roles, self._join)
        self._company = magic.Company(tuple(hosts), tuple(hosts))
        self._changed()
        self.tell_reserved(play, self._roles)

    def tell_reserved(self, play: Play, roles: Sequence[Role]) -> None:
        """Tell of reserved names among the variables that *play* begins with."""
        layers = {**_exported(roles, self._join), **self._of_play(play)}
        self._reserved.tell_of(self._with_files(play, None, layers))

    def add_roles(self, roles: Sequence[Role]) -> None:
        """Say that tasks of the play have brought in more roles."""
        self._roles = (*self._roles, *roles)
        self._public = _exported(self._roles, self._join)
        self._changed()

    def set_batch(self, batch: Sequence[str], active: Collection[str]) -> None:
        """Say which hosts the batch has and which are still in it (magic variables)."""
        if tuple(batch) != self._company.batch:
            # What tasks have brought in was the last batch's.
            self._roles = self._own_roles
            self._public = _exported(self._roles, self._join)
        if self._company.set_batch(batch, active):
            self._changed()

    def is_extra(self, name: str) -> bool:
        """Tell whether the command line gives the variable *name*."""
        return name in self._extra

    def welcome(self, host: str) -> None:
        """Say that a host has come that the play's list of hosts is to show from now on."""
        if self._company.welcome(host):
            self._changed()

    def _changed(self) -> None:
        self._magic = {}

    # -- scopes --------------------------------------------------------------------------------

    def header_scope(
        self,
        play: Play,
        *,
        role: Role | None = None,
        task_vars: Mapping[str, object] = _NOTHING,
    ) -> Scope:
        """Give what a play's own keywords are evaluated in: no host's variables.

        With *role* and *task_vars*: what the name of a handler of that role is evaluated in.
        """
        layers = {
            **(self._public if self._runs(play) else {}),
            **self._of_play(play),
            Precedence.TASK_VARS: task_vars,
            **(_of_role(role, _NOTHING) if role else {}),
        }
        return self._seen(self._with_files(play, None, layers))

    def _of_play(self, play: Play) -> dict[Precedence, _Layer]:
        return {
            Precedence.PLAY_VARS: play.vars,
            Precedence.EXTRA_VARS: self._extra,
            Precedence.MAGIC: self._magic_layer(in_play=self._runs(play)),
        }

    def _runs(self, play: Play) -> bool:
        """Tell whether *play* is the one that runs, or was made of it: each has its own vars."""
        return self._play is not None and self._play.vars is play.vars

    def early_scope(
        self, play: Play | None, roles: Sequence[Role], role: Role | None, task_vars: _Layer
    ) -> Scope:
        """Give what is known while a playbook is read: no host's variables.

        *play* is the one that is read, with *roles*; None means the one that runs. *role* and
        *task_vars* are those of the task that asks.
        """
        made = self._magic_layer(in_play=False)
        if play is None:
            play, roles = self._play, (*self._roles, *roles)
        else:
            made = {**made, "playbook_dir": os.path.dirname(play.origin.path)}  # noqa: PTH120  # text in, text out
        layers: dict[Precedence, _Layer] = {
            **_exported(roles, self._join),
            Precedence.TASK_VARS: task_vars,
            Precedence.EXTRA_VARS: self._extra,
            Precedence.MAGIC: {**made, **(magic.of_role(role) if role else {})},
        }
        if role is not None:
            layers |= _of_role(role, _NOTHING)
        if play is not None:
            layers = {**layers, Precedence.PLAY_VARS: play.vars}
            layers = dict(self._with_files(play, None, layers))
        self._reserved.tell_of(layers)
        return self._seen(layers)

    def scope(
        self,
        host: str,
        task_vars: Mapping[str, object] = _NOTHING,
        *,
        environment: Iterable[object] = (),
        params: Mapping[str, object] = _NOTHING,
        role: Role | None = None,
        search_path: Sequence[str] = (),
    ) -> Scope:
        """Give all variables of *host*, those of a task in their place among them.

        *params* are those of the includes around the task, *role* is the one it is a task of,
        and *search_path* where it looks for files.
        """
        known = self._knowledge(host)
        layers: dict[Precedence, _Layer] = {
            **known.layers(),
            Precedence.HOST_FILES_OF_PLAYBOOK: self._base(host, known),
            Precedence.TASK_VARS: task_vars,
            Precedence.EXTRA_VARS: self._extra,
            Precedence.MAGIC: {
                **self._magic_layer(in_play=self._play is not None),
                **(magic.of_role(role) if role else {}),
                "environment": list(environment),
                **({"ansible_search_path": list(search_path)} if search_path else {}),
            },
            Precedence.INCLUDE_PARAMS: params,
        }
        if role is not None:
            layers |= _of_role(role, params)
        if self._play is not None:
            layers |= self._public
            layers[Precedence.PLAY_VARS] = self._play.vars
            layers = dict(self._with_files(self._play, known, layers))
        self._reserved.tell_of(layers)
        return self._seen(layers, known)

    def host_scope(self, host: str) -> LayeredScope:
        """Give what other hosts see in `hostvars`: nothing of plays and tasks.

        The same scope until something is learnt of the host, so what was evaluated in it
        stays so.
        """
        known = self._knowledge(host)
        version = (known.version, self._inventory.version, self._playbook_dir)
        if known.seen_by_others is None or known.seen_version != version:
            layers = {
                **known.layers(),
                Precedence.HOST_FILES_OF_PLAYBOOK: self._base(host, known),
                Precedence.EXTRA_VARS: self._extra,
                Precedence.MAGIC: self._magic_layer(in_play=False),
            }
            self._reserved.tell_of(layers)
            known.seen_by_others = LayeredScope(layers, known.base_data, self._join)
            known.seen_version = version
        return known.seen_by_others

    def _seen(self, layers: Layers, known: Knowledge | None = None) -> TaskScope:
        return TaskScope(layers, known.base_data if known else (), self._join)

    def _with_files(
        self, play: Play, known: Knowledge | None, layers: Mapping[Precedence, _Layer]
    ) -> Layers:
        if not play.vars_files:
            return layers
        below = {one: layers[one] for one in layers if one < Precedence.VARS_FILES}
        below |= {one: layers[one] for one in (Precedence.EXTRA_VARS, Precedence.MAGIC)}

        def scope_with(found: _Layer) -> LayeredScope:
            return LayeredScope({**below, Precedence.VARS_FILES: found}, (), self._join)

        sure = known is not None and "module_setup" in known.facts
        folders = (os.path.dirname(play.origin.path), self._playbook_dir)  # noqa: PTH120  # text in, text out
        found = self._files.layer(
            tuple(zip(play.vars_files, play.vars_files_at, strict=True)),
            scope_with,
            folders,
            sure=sure,
        )
        return {**layers, Precedence.VARS_FILES: found}

    def _base(self, host: str, known: Knowledge) -> _Layer:
        version = (self._inventory.version, self._playbook_dir)
        if known.base_version != version:
            place: Place = self._inventory.host(host) or Stranger(host)
            known.base = said_by_inventory(
                place, self._inventory, self._folders, self._playbook_dir, self._join
            )
            known.base_data = frozenset(place.given)
            known.base_version = version
        return known.base

    def _magic_layer(self, *, in_play: bool) -> _Layer:
        if self._groups_version != self._inventory.version:
            self._groups_version = self._inventory.version
            self._groups = {
                name: [host.name for host in group.all_hosts()]
                for name, group in self._inventory.groups.items()
            }
            self._changed()
        if in_play not in self._magic:
            self._magic[in_play] = self._made_magic(in_play=in_play)
        return self._magic[in_play]

    def _made_magic(self, *, in_play: bool) -> _Layer:
        made = magic.of_run(self._options, self._playbook_dir)
        made["groups"] = self._groups
        if in_play and self._play is not None:
            made |= self._company.variables()
            made["ansible_play_name"] = magic.play_name(self._play.name, self._play.hosts)
            made |= magic.of_roles(self._roles)
            made["hostvars"] = self._hostvars
        return made

    # -- what hosts learn ----------------------------------------------------------------------

    def register(self, host: str, name: str, value: object) -> None:
        """Keep a task's result under *name*."""
        self.set_facts(host, {name: value})

    def set_facts(self, host: str, facts: Mapping[str, object], *, cacheable: bool = False) -> None:
        """Keep what set_fact said; what is cacheable is a fact as well."""
        self._reserved.tell(facts)
        self._knowledge(host).learn_set_facts(facts)
        if cacheable:
            self.add_ansible_facts(host, facts)

    def add_included_vars(self, host: str, variables: Mapping[str, object]) -> None:
        """Keep what include_vars read."""
        self._reserved.tell(variables)
        self._knowledge(host).include(variables, self._join)

    def add_ansible_facts(self, host: str, facts: Mapping[str, object]) -> None:
        """Keep what a facts module found."""
        self._reserved.tell(facts)
        known = self._knowledge(host)
        self._learn_facts(known, facts)
        if self._cache is not None:
            self._cache.write(host, known.facts)

    def _learn_facts(self, known: Knowledge, facts: Mapping[str, object]) -> None:
        if self._options.inject_facts:
            for name in filter(fact_names.forbidden, facts):
                self._notify(Warned(f"Removed restricted key from module data: {name}"))
        known.learn_facts(facts, inject=self._options.inject_facts)

    def clear_facts(self, host: str) -> None:
        """Forget what facts modules found, in this run or before."""
        self._knowledge(host).forget_facts(inject=self._options.inject_facts)
        if self._cache is not None:
            self._cache.forget(host)

    def has_facts(self, host: str) -> bool:
        """Tell whether facts have been gathered (gathering: smart)."""
        return bool(self._knowledge(host).facts.get(_GATHERED, False))

    def _knowledge(self, host: str) -> Knowledge:
        known = self._known.get(host)
        if known is None:
            known = Knowledge()
            if not self._options.inject_facts:
                known.forget_facts(inject=False)
            if self._cache is not None and (facts := self._cache.read(host)):
                self._learn_facts(known, facts)
            self._known[host] = known
        return known


def _of_role(role: Role, params: Mapping[str, object]) -> Layers:
    return {
        Precedence.TASK_ROLE_DEFAULTS: role.defaults,
        Precedence.ROLE_VARS: role.vars,
        Precedence.ROLE_PARAMS: role.params,
        Precedence.INCLUDE_PARAMS: {**params, **role.include_params},
    }


def _exported(roles: Sequence[Role], join: Join) -> Layers:
    """Give what all tasks of a play see of its roles, the later role winning."""
    public = [role for role in roles if role.public]
    if not public:
        return {}
    return {
        Precedence.ROLE_DEFAULTS: joined(join, *(role.exported_defaults for role in public)),
        Precedence.ROLE_EXPORTS: joined(join, *(role.exports for role in public)),
    }


class _HostVars(Mapping[str, Scope]):
    """`hostvars`: every host's variables, each a scope of its own."""

    def __init__(self, variables: Variables, inventory: Inventory) -> None:
        self._variables = variables
        self._inventory = inventory

    def __getitem__(self, name: str) -> Scope:
        if name not in self:
            raise KeyError(name)
        try:
            return self._variables.host_scope(name)
        except EvaluationError as error:  # what is cached of it is spoilt
            why = tuple(replace(cause, apart=True) for cause in error.chain)
            raise EvaluationError("Error rendering template.", causes=why) from error

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._inventory.host(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._inventory.hosts)

    def __len__(self) -> int:
        return len(self._inventory.hosts)
