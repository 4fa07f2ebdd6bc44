"""Every keyword of the playbook language: one table, from which all else follows.

Knows where a keyword may stand, of what type its value is, how parents hand it down and
whether it is built here. Leaves reading values to the parser, and evaluating them to the
engine.
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


class Keyword(Struct, frozen=True):
    """What is known of one keyword."""

    name: str
    places: frozenset[Place]
    type_name: str
    """Stock's: string, int, float, bool, percent, list, dict, class."""
    inherit: Inherit
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

# Letters: Play, Role entry, Block, Task, Handler, Dynamic include (d: as a handler only),
# Import_playbook, Loop_control. A last column of `-`: stock knows it, we do not build it yet.
_TABLE: Final = """
    name                 PRBTHDI  string   own
    hosts                P        list     own
    tasks                P        list     own
    pre_tasks            P        list     own
    post_tasks           P        list     own
    handlers             P        list     own
    roles                P        list     own
    gather_facts         P        bool     own
    gather_subset        P        list     own
    gather_timeout       P        int      own
    fact_path            P        string   own
    vars                 PRBTHDI  dict     merge
    vars_files           P        list     own
    vars_prompt          P        list     own
    serial               P        list     own
    strategy             P        string   own
    order                P        string   own
    max_fail_percentage  P        percent  own
    force_handlers       P        bool     own
    any_errors_fatal     PRBTHI   bool     nearest
    ignore_errors        PRBTHDI  bool     nearest
    ignore_unreachable   PRBTHI   bool     nearest
    become               PRBTHI   bool     nearest
    become_user          PRBTHI   string   nearest
    become_method        PRBTHI   string   nearest
    become_flags         PRBTHI   string   nearest
    become_exe           PRBTHI   string   nearest
    remote_user          PRBTHI   string   nearest
    port                 PRBTHI   int      nearest
    connection           PRBTHI   string   nearest
    environment          PRBTHI   list     merge
    module_defaults      PRBTHI   list     merge
    collections          PRBTHD   list     static
    check_mode           PRBTHI   bool     nearest
    diff                 PRBTHI   bool     nearest
    no_log               PRBTHDI  bool     nearest
    run_once             PRBTHDI  bool     nearest
    throttle             PRBTHI   int      nearest
    timeout              PRBTHDI  int      nearest
    debugger             PRBTHDI  string   nearest
    tags                 PRBTHDI  list     merge
    when                 RBTHDI   list     merge
    delegate_to          RBTH     string   nearest
    delegate_facts       RBTH     bool     nearest
    notify               BTH      list     nearest
    block                B        list     own
    rescue               B        list     own
    always               B        list     own
    action               THD      string   own
    args                 THD      dict     own
    local_action         THD      string   own
    register             THD      string   own
    loop                 THD      list     own
    loop_control         THD      class    own
    until                TH       list     own
    retries              TH       int      own
    delay                TH       float    own
    changed_when         TH       list     own
    failed_when          TH       list     own
    async                TH       int      own
    poll                 TH       int      own
    listen               Hd       list     own
    role                 R        string   own
    import_playbook      I        string   own
    loop_var             L        string   own
    index_var            L        string   own
    label                L        string   own
    pause                L        float    own
    extended             L        bool     own
    extended_allitems    L        bool     own
    break_when           L        list     own
"""


def _row(line: str) -> Keyword:
    name, letters, type_name, inherit, *unbuilt = line.split()
    places = frozenset(place for letter in letters for place in _LETTERS[letter])
    return Keyword(name, places, type_name, _INHERIT[inherit], built=not unbuilt)


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
