"""Plays, blocks and tasks as the engine sees them once parsing is over.

Everything here is frozen and complete: inheritance has been applied, so a task can be
understood without its parents. Values may still hold templates. When anything happens is
the engine's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias

from msgspec import Struct, field

from outlast.values import Origin, Template, Value

Vars: TypeAlias = Mapping[str, Value]


class Condition(Struct, frozen=True):
    """One member of a `when`-like list, as written: text, bool or template."""

    source: Value
    origin: Origin | None = None


class Keywords(Struct, frozen=True, kw_only=True):
    """The keywords that parents hand down, as they apply to one play, block or task.

    None: not given anywhere. Lists are merged, parents first; the others are the nearest
    object's.
    """

    become: Value = None
    become_user: Value = None
    become_method: Value = None
    become_flags: Value = None
    become_exe: Value = None
    remote_user: Value = None
    port: Value = None
    connection: Value = None
    environment: tuple[Value, ...] = ()
    collections: tuple[str, ...] = ()
    """Where short names of actions and roles are looked for; those of a role are its own."""
    home: str | None = None
    """The collection that is looked into before all that are listed (`searching.AtHome`)."""
    module_defaults: tuple[Mapping[str, Value], ...] = ()
    """Action or `group/name` to its arguments; the outermost level first."""
    any_errors_fatal: Value = None
    ignore_errors: Value = None
    ignore_unreachable: Value = None
    check_mode: Value = None
    diff: Value = None
    no_log: Value = None
    run_once: Value = None
    throttle: Value = None
    debugger: Value = None
    timeout: Value = None
    delegate_to: Value = None
    delegate_facts: Value = None
    tags: frozenset[str] = frozenset()
    late_tags: tuple[Template, ...] = ()
    """Those that are templates; evaluated before a play begins, or what is included in it."""
    when: tuple[Condition, ...] = ()
    vars: Vars = field(default_factory=dict)
    """Of blocks and the task, merged; a play's own vars stand in `Play.vars`."""
    notify: tuple[Value, ...] = ()
    params: Vars = field(default_factory=dict)
    """What the dynamic includes around it say in their `vars`: stronger than facts and results."""
    places: Mapping[str, Origin] = field(default_factory=dict)
    """Where each of those that one object alone decides is written."""
    outer: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    """What applies instead of a template that omits itself: what the objects around it say, the
    nearest first."""


class Role(Struct, frozen=True, eq=False, kw_only=True):
    """A role as one place uses it: what its tasks see and where they look for files.

    A role that two places use is two of these; `identity` tells whether they count as one.
    """

    name: str
    path: str
    collection: str | None = None
    defaults: Vars
    """The role's own, over those of the roles that use it and of its dependencies."""
    vars: Vars
    """`vars/` and what the entry says, over what the roles that use it and its dependencies say."""
    params: Vars
    """What entries say that is no keyword, the users' first."""
    include_params: Vars
    """`ansible_parent_role_names` and kin, when a role's task includes this one."""
    handed_defaults: Vars
    """What reaches the defaults of the roles that this one uses."""
    handed_vars: Vars
    """The same for `vars`."""
    exported_defaults: Vars
    """What the whole play sees of it when it is public."""
    exports: Vars
    """The same of `vars/`."""
    folders: tuple[str, ...]
    """Where its files are looked for: its own folder, then those of the roles that use it."""
    dependencies: tuple[str, ...] = ()
    """Names of all it depends on, also by others."""
    identity: str
    repeats: bool
    """Whether a host may run it more than once in a play."""
    public: bool

    @property
    def full_name(self) -> str:
        """Its name with the collection's before it."""
        return f"{self.collection}.{self.name}" if self.collection else self.name


class LoopControl(Struct, frozen=True):
    """How a loop names and shows its items, as written."""

    loop_var: Value = "item"
    index_var: Value = None
    label: Value = None
    pause: Value = None
    extended: Value = False
    extended_allitems: Value = True
    break_when: tuple[Condition, ...] = ()
    places: Mapping[str, Origin] = field(default_factory=dict)
    """Where each of them is written that is."""


class Loop(Struct, frozen=True):
    """What a task is repeated over."""

    items: Value
    lookup: str | None = None
    """The lookup of `with_<lookup>`; None for `loop`."""
    control: LoopControl = field(default_factory=LoopControl)
    origin: Origin | None = None


class LateName(Protocol):
    """An action's name that is a template: what it comes to is known when the task runs."""

    @property
    def template(self) -> Template:
        """Give the name, unevaluated."""
        ...

    def called(self, call: ActionCall, name: object) -> ActionCall:
        """Give *call* under the *name* that came of the template; raises `EvaluationError`."""
        ...


class ActionCall(Struct, frozen=True):
    """What a task does, and with which arguments."""

    name: str
    """As the playbook spells it."""
    resolved: str
    """Fully qualified; `ansible.builtin.` names for short ones. Empty as long as it is `late`."""
    args: Mapping[str, Value]
    """`_raw_params` holds free-form text, `_variable_params` a template in place of `args`."""
    origin: Origin
    """Where the action's key stands."""
    defaults: tuple[Value, ...] = ()
    """Arguments that apply where the task gives none, the weakest first: mappings, or templates
    that give one."""
    handed: Mapping[str, tuple[Value, ...]] = {}
    """The same of the modules that the action may hand its arguments on to, by full names."""
    late: LateName | None = None
    """What gives the name, if it is a template."""


class Task(Struct, frozen=True, kw_only=True):
    """One step of a play."""

    name: Value
    """Empty when the playbook gives none; the action's name stands in for it then."""
    action: ActionCall
    origin: Origin
    keywords: Keywords = field(default_factory=Keywords)
    register: str | None = None
    loop: Loop | None = None
    until: tuple[Condition, ...] = ()
    retries: Value = None
    delay: Value = None
    changed_when: tuple[Condition, ...] | None = None
    failed_when: tuple[Condition, ...] | None = None
    async_limit: Value = 0
    poll: Value = None
    """Seconds; None: the setting (15)."""
    listen: tuple[str, ...] = ()
    """Handlers only: topics."""
    places: Mapping[str, Origin] = field(default_factory=dict)
    """Where each keyword's value stands, for errors; `async` stands as `async_val`, as stock
    calls it. Filled by the parser for every keyword the task itself gives; `role` is the name
    of a role it includes."""
    inherited: Keywords | None = None
    """Dynamic includes only: what the enclosing block and play hand down and `apply` says; of
    the task's own keywords `vars` alone. What is included inherits from there (the include's
    `when` and `tags` are its own)."""
    implicit: bool = False
    """Made by us (fact gathering), not written in the playbook."""
    role: Role | None = None
    """The role it is a task or handler of."""


class Block(Struct, frozen=True, kw_only=True):
    """Steps with what to do when one fails, and what to do in any case."""

    block: tuple[Step, ...]
    rescue: tuple[Step, ...] = ()
    always: tuple[Step, ...] = ()
    name: Value = ""
    origin: Origin
    keywords: Keywords = field(default_factory=Keywords)
    """Already applied to everything inside."""
    role: Role | None = None
    """The role whose tasks these are, all of them; its dependencies stand before it."""


Step: TypeAlias = Task | Block


class Play(Struct, frozen=True, kw_only=True):
    """Which hosts do what, in which order and company.

    What it says of itself alone may hold templates until its turn has come.
    """

    name: Value
    """Empty when the playbook gives none; the pattern stands in for it then."""
    hosts: Value
    origin: Origin
    keywords: Keywords = field(default_factory=Keywords)
    places: Mapping[str, Origin] = field(default_factory=dict)
    """Where each keyword's value stands, for errors."""
    vars: Vars = field(default_factory=dict)
    vars_files: tuple[Value, ...] = ()
    vars_files_at: tuple[Origin, ...] = ()
    """Where each of them is written."""
    vars_prompt: tuple[Mapping[str, Value], ...] = ()
    """Questions for a person, each with a `name`."""
    gather_facts: Value = None
    gather_subset: Value = None
    gather_timeout: Value = None
    fact_path: Value = None
    gather: ActionCall | None = None
    """The gathering that the play implies, without arguments."""
    strategy: Value = None
    serial: tuple[Value, ...] = ()
    order: Value = None
    max_fail_percentage: Value = None
    force_handlers: Value = None
    pre_tasks: tuple[Step, ...] = ()
    tasks: tuple[Step, ...] = ()
    post_tasks: tuple[Step, ...] = ()
    handlers: tuple[Step, ...] = ()
    """Those of its roles first."""
    roles: tuple[Role, ...] = ()
    """Those it names and imports; their tasks stand in `tasks` and elsewhere already."""
