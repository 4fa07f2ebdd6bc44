"""Every keyword of the playbook language: one table, from which all else follows.

Knows where a keyword may stand, of what type its value is, how parents hand it down, when it is
evaluated and whether it is built here. Leaves reading values to the parser, and evaluating them
to the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final

from msgspec import Struct

from outlast.errors import NotSupportedYet, OutlastError, PlaybookError
from outlast.values import Origin


class Place(Enum):
    """What a keyword can stand on; the value is stock's name for it in messages."""

    PLAY = "Play"
    ROLE = "RoleInclude"
    BLOCK = "Block"
    TASK = "Task"
    HANDLER = "Handler"
    INCLUDE = "TaskInclude"
    HANDLER_INCLUDE = "HandlerTaskInclude"
    IMPORT_PLAYBOOK = "PlaybookInclude"
    LOOP_CONTROL = "LoopControl"


class Inherit(Enum):
    """How a value reaches what is inside."""

    OWN = "stays where it is written"
    NEAREST = "the innermost one that is given applies"
    MERGE = "those of all levels apply, parents first"
    STATIC = "copied to what is parsed inside it, not into roles"


class Evaluated(Enum):
    """When the templates in a value are evaluated."""

    READ = "never, or, in the names of what is brought in, as it is read"
    PLAY = "as the play begins, without any host's variables"
    LOOP = "for each host, before its first item"
    ITEM = "for each host and item"
    USE = "where it is used"


class Keyword(Struct, frozen=True):
    """What is known of one keyword."""

    name: str
    places: frozenset[Place]
    type_name: str
    """Stock's: string, int, float, bool, percent, list, dict, class."""
    inherit: Inherit
    evaluated: Evaluated
    built: bool = True


_LETTERS: Final = {
    "P": (Place.PLAY,),
    "R": (Place.ROLE,),
    "B": (Place.BLOCK,),
    "T": (Place.TASK,),
    "H": (Place.HANDLER,),
    "D": (Place.INCLUDE, Place.HANDLER_INCLUDE),
    "d": (Place.HANDLER_INCLUDE,),
    "I": (Place.IMPORT_PLAYBOOK,),
    "L": (Place.LOOP_CONTROL,),
}
_INHERIT: Final = {
    "own": Inherit.OWN,
    "nearest": Inherit.NEAREST,
    "merge": Inherit.MERGE,
    "static": Inherit.STATIC,
}
_EVALUATED: Final = {moment.name.lower(): moment for moment in Evaluated}

# Letters: Play, Role entry, Block, Task, Handler, Dynamic include (d: as a handler only),
# Import_playbook, Loop_control. A last column of `-`: stock knows it, we do not build it yet.
_TABLE: Final = """
    name                 PRBTHDI  string   own      use
    hosts                P        list     own      play
    tasks                P        list     own      read
    pre_tasks            P        list     own      read
    post_tasks           P        list     own      read
    handlers             P        list     own      read
    roles                P        list     own      read
    gather_facts         P        bool     own      play
    gather_subset        P        list     own      play
    gather_timeout       P        int      own      play
    fact_path            P        string   own      use
    vars                 PRBTHDI  dict     merge    use
    vars_files           P        list     own      use
    vars_prompt          P        list     own      use
    serial               P        list     own      play
    strategy             P        string   own      play
    order                P        string   own      play
    max_fail_percentage  P        percent  own      play
    force_handlers       P        bool     own      play
    any_errors_fatal     PRBTHI   bool     nearest  item
    ignore_errors        PRBTHDI  bool     nearest  item
    ignore_unreachable   PRBTHI   bool     nearest  item
    become               PRBTHI   bool     nearest  item
    become_user          PRBTHI   string   nearest  item
    become_method        PRBTHI   string   nearest  item
    become_flags         PRBTHI   string   nearest  item
    become_exe           PRBTHI   string   nearest  item
    remote_user          PRBTHI   string   nearest  item
    port                 PRBTHI   int      nearest  item
    connection           PRBTHI   string   nearest  item
    environment          PRBTHI   list     merge    item
    module_defaults      PRBTHI   list     merge    item
    collections          PRBTHD   list     static   read
    check_mode           PRBTHI   bool     nearest  item
    diff                 PRBTHI   bool     nearest  item
    no_log               PRBTHDI  bool     nearest  item
    run_once             PRBTHDI  bool     nearest  item
    throttle             PRBTHI   int      nearest  item
    timeout              PRBTHDI  int      nearest  item
    debugger             PRBTHDI  string   nearest  item
    tags                 PRBTHDI  list     merge    read
    when                 RBTHDI   list     merge    item
    delegate_to          RBTH     string   nearest  item
    delegate_facts       RBTH     bool     nearest  item
    notify               BTH      list     nearest  item
    block                B        list     own      read
    rescue               B        list     own      read
    always               B        list     own      read
    action               THD      string   own      read
    args                 THD      dict     own      item
    local_action         THD      string   own      read
    register             THD      string   own      read
    loop                 THD      list     own      loop
    loop_control         THD      class    own      loop
    until                TH       list     own      item
    retries              TH       int      own      item
    delay                TH       float    own      item
    changed_when         TH       list     own      item
    failed_when          TH       list     own      item
    async                TH       int      own      item
    poll                 TH       int      own      item
    listen               Hd       list     own      read
    role                 R        string   own      read
    import_playbook      I        string   own      read
    loop_var             L        string   own      loop
    index_var            L        string   own      loop
    label                L        string   own      item
    pause                L        float    own      loop
    extended             L        bool     own      loop
    extended_allitems    L        bool     own      loop
    break_when           L        list     own      item
"""


def _row(line: str) -> Keyword:
    name, letters, type_name, inherit, evaluated, *unbuilt = line.split()
    places = frozenset(place for letter in letters for place in _LETTERS[letter])
    moment = _EVALUATED[evaluated]
    return Keyword(name, places, type_name, _INHERIT[inherit], moment, built=not unbuilt)


KEYWORDS: Final[Mapping[str, Keyword]] = {
    row.name: row for row in map(_row, _TABLE.strip().splitlines())
}


def _at(place: Place) -> Mapping[str, Keyword]:
    return {name: row for name, row in KEYWORDS.items() if place in row.places}


ALLOWED: Final[Mapping[Place, Mapping[str, Keyword]]] = {place: _at(place) for place in Place}

TASK_WORDS: Final = frozenset(ALLOWED[Place.TASK]) | frozenset(ALLOWED[Place.HANDLER]) | {"static"}
"""A key of a task that is none of these names an action."""

_ONLY_FOR_TASKS = (
    '\nThis error can be suppressed as a warning using the "invalid_task_attribute_failed"'
    " configuration"
)


def check_allowed(name: object, place: Place, origin: Origin) -> Keyword:
    """Give the keyword *name* if it may stand on *place* and is built; raises otherwise."""
    row = ALLOWED[place].get(name) if isinstance(name, str) else None
    if row is None:
        raise not_allowed(name, place, origin)
    if not row.built:
        raise NotSupportedYet(f"the keyword {name!r} is not supported yet", origin)
    return row


def not_allowed(
    name: object, place: Place, origin: Origin, shown: str | None = None
) -> PlaybookError:
    """Say that *name* may not stand on *place*, or on what stock calls *shown*."""
    message = f"'{name}' is not a valid attribute for a {shown or place.value}"
    if place in (Place.TASK, Place.HANDLER, Place.INCLUDE, Place.HANDLER_INCLUDE):
        message += _ONLY_FOR_TASKS
    return PlaybookError(message, origin, help_text=did_you_mean(name, ALLOWED[place]))


def without_block(name: object, origin: Origin) -> PlaybookError:
    """Say that a `rescue` or `always` has nothing to stand by."""
    return PlaybookError(f"'{name}' keyword cannot be used without 'block'", origin)


def check_text(name: str, row: Keyword, value: object, origin: Origin) -> None:
    """Refuse a list or a mapping where stock wants text; other types are looked at later."""
    if row.type_name == "string" and isinstance(value, list | dict):
        raise PlaybookError(
            f"The field '{name}' is supposed to be a string type, however the incoming data"
            f" structure is a {type_shown(value)}",
            origin,
        )


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Give a sentence naming the nearest of *known* words, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415  # for errors only: start-up is dear

    near = get_close_matches(str(word), list(known), n=1, cutoff=0.7)
    return f"Did you mean {near[0]!r}?" if near else ""


_VARIABLE_HELP = (
    "Variable names must be strings starting with a letter or underscore character, and contain"
    " only letters, numbers and underscores."
)
_NEVER_NAMES = frozenset({"true", "false", "none", "True", "False", "None", "not"})
_TAGGED = {
    "dict": "Dict",
    "list": "List",
    "str": "Str",
    "Template": "Str",
    "int": "Int",
    "float": "Float",
    "date": "Date",
    "datetime": "DateTime",
}


def type_shown(value: object) -> str:
    """Give a value's type as stock's messages show it."""
    name = type(value).__name__
    tagged = _TAGGED.get(name)
    if tagged is None:
        return f"<class '{name}'>"
    return f"<class 'ansible.module_utils._internal._datatag._AnsibleTagged{tagged}'>"


def type_named(value: object) -> str:
    """Give a value's type as a playbook's author calls it."""
    name = type(value).__name__
    return "str" if name == "Template" else name


def check_variable_name(name: object, origin: Origin) -> None:
    """Refuse what cannot be a variable's name, with the exit code stock has for it."""
    is_name = isinstance(name, str) and name.isidentifier() and name.isascii()
    if is_name and name not in _NEVER_NAMES:
        return
    shown = getattr(name, "text", name)
    told = "name" if isinstance(shown, list | dict) else f"name {str(shown)!r}"
    if not isinstance(shown, str):
        told += f" of type {type_named(shown)!r}"
    raise OutlastError(f"Invalid variable {told}.", origin, help_text=_VARIABLE_HELP)
