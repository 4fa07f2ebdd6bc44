"""A play: its header, and the sections of steps it has.

Knows what a header may say and what is wrong with a `hosts` that names nobody. Leaves the
steps to `steps`, and the meaning of the header's values to the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from outlast.errors import PlaybookError
from outlast.loader import Document, MapNode, SeqNode
from outlast.names import RESERVED, named
from outlast.playbook.conversions import converted
from outlast.playbook.defaults import DefaultsReader
from outlast.playbook.inheritance import handed_down
from outlast.playbook.keywords import KEYWORDS, Place, check_allowed, check_text, type_named
from outlast.playbook.model import ActionCall, Keywords, Play, Step, Vars
from outlast.playbook.reading import Given, Text, cannot_process, read
from outlast.playbook.roles import Compiled, Gathered, RoleReader
from outlast.playbook.steps import StepReader
from outlast.values import Origin, Template, Value, has_templates

_SECTIONS = ("pre_tasks", "tasks", "post_tasks", "handlers")
_LISTS = (*_SECTIONS, "roles")
_HEADER = ("gather_facts", "gather_timeout", "force_handlers", "max_fail_percentage")
_TWO_USERS = (
    "both 'user' and 'remote_user' are set for this play. The use of 'user' is deprecated, and"
    " should be removed"
)
_QUESTION = frozenset(
    ["name", "prompt", "default", "private", "confirm", "encrypt", "salt_size", "salt", "unsafe"]
)
_PLEASE = "Please check your playbook"


class PlayReader(Struct, frozen=True):
    """Reads the plays of one file."""

    document: Document
    steps: Callable[[RoleReader, bool], StepReader]
    """Gives the reader of a section; True: of handlers."""
    roles: Callable[[Play], RoleReader]
    """Gives the reader of the roles of a play, of which the header is known."""
    defaults: DefaultsReader

    def read(self, node: MapNode, parent: Keywords, variables: Vars) -> Play:
        """Give the play that *node* describes.

        *parent* and *variables* are what an import of it lays on it.
        """
        text = _with_remote_user(read(self.document, node, _LISTS))
        for key, given in text.entries.items():
            row = check_allowed(key, Place.PLAY, given.key_origin)
            if key not in _LISTS:
                check_text(row.name, row, given.value, text.origin)
        _check_hosts(text)
        keywords = handed_down(parent, text, Place.PLAY)
        header = _header(text, variables)
        roles = self.roles(header)
        listed = text.entries.get("roles")
        named = roles.section(self.document, listed.node if listed else None, keywords, text.origin)
        sections = {name: self._section(name, text, keywords, roles) for name in _SECTIONS}
        _check_types(text)
        gather = ActionCall("gather_facts", "ansible.builtin.gather_facts", {}, text.origin)
        gather = self.defaults.applied(gather, keywords)
        play = _play(header, text, keywords, sections, gather)
        return _with_roles(play, named, roles.gathered) if named or roles.gathered.roles else play

    def _section(
        self, name: str, text: Text, keywords: Keywords, roles: RoleReader
    ) -> tuple[Step, ...]:
        given = text.entries.get(name)
        reader = self.steps(roles, name == "handlers")
        if name == "handlers":  # an import's condition is not theirs: who notifies has met it
            keywords = replace(keywords, when=())
        return reader.section(given.node if given else None, keywords, name, text.origin)


def _header(text: Text, variables: Vars) -> Play:
    """Give what of a play can be known before its tasks are read."""
    name, files = text.value("name"), text.entries.get("vars_files")
    return Play(
        name="" if name is None else name,
        hosts=text.value("hosts"),
        origin=text.origin,
        places={str(key): given.origin for key, given in text.entries.items()},
        vars={**_vars(text), **variables},
        vars_files=_vars_files(text),
        vars_files_at=tuple(at for _, at in files.items) if files else (),
    )


def _play(
    header: Play,
    text: Text,
    keywords: Keywords,
    sections: Mapping[str, tuple[Step, ...]],
    gather: ActionCall,
) -> Play:
    return replace(
        header,
        keywords=keywords,
        vars_prompt=_questions(text),
        gather_facts=text.value("gather_facts"),
        gather_subset=text.value("gather_subset"),
        gather_timeout=text.value("gather_timeout"),
        fact_path=text.value("fact_path"),
        gather=gather,
        strategy=text.value("strategy"),
        serial=text.members("serial"),
        order=text.value("order"),
        max_fail_percentage=text.value("max_fail_percentage"),
        force_handlers=text.value("force_handlers"),
        pre_tasks=sections["pre_tasks"],
        tasks=sections["tasks"],
        post_tasks=sections["post_tasks"],
        handlers=sections["handlers"],
    )


def _with_roles(play: Play, named: Sequence[Compiled], gathered: Gathered) -> Play:
    """Give *play* with the tasks of the roles it names before its own, their handlers, too.

    The handlers of roles that tasks import come last.
    """
    steps = (step for one in named for step in one.steps)
    handlers = (step for one in named for step in one.handlers)
    return replace(
        play,
        tasks=(*steps, *play.tasks),
        handlers=(*handlers, *play.handlers, *gathered.handlers),
        roles=tuple(gathered.roles),
    )


def _vars(text: Text) -> Vars:
    given = text.value("vars")
    return given if isinstance(given, dict) else {}


def _vars_files(text: Text) -> tuple[Value, ...]:
    given = text.entries.get("vars_files")
    for value, origin in given.items if given else ():
        if not isinstance(value, str | Template | list):
            raise PlaybookError(
                f"Invalid `vars_files` value of type {type(value).__name__!r}.",
                origin,
                help_text="A `vars_files` value should either be a string or list of strings.",
            )
    return given.members if given else ()


def _questions(text: Text) -> tuple[Mapping[str, Value], ...]:
    given = text.entries.get("vars_prompt")
    found: list[Mapping[str, Value]] = []
    if given is None:
        return ()
    for question, origin in given.items:
        if not isinstance(question, dict):
            raise PlaybookError("Each entry of vars_prompt must be a dictionary.", origin)
        _check_question(question, given.origin)
        found.append(_placed(question, given, len(found)))
    return tuple(found)


def _placed(question: dict[str, Value], given: Given, number: int) -> dict[str, Value]:
    """Give *question*, the member *number* of *given*, with the place of a reserved name."""
    name, node = question["name"], given.node
    if not (isinstance(name, str) and name in RESERVED and isinstance(node, SeqNode)):
        return question
    member = Given(question, given.origin, given.origin, node.value[number]).member("name")
    return {**question, "name": named(name, member.origin if member else None)}


def _check_question(question: Mapping[str, Value], origin: Origin) -> None:
    invalid = "Invalid vars_prompt data structure"
    if "name" not in question:
        raise PlaybookError(f"{invalid}, missing 'name' key", origin)
    for key in question:
        if key not in _QUESTION:
            raise PlaybookError(f"{invalid}, found unsupported key '{key}'", origin)


def _with_remote_user(text: Text) -> Text:
    """Give *text* with the old `user` of a play under its present name."""
    old = text.entries.get("user")
    if old is None:
        return text
    if "remote_user" in text.entries:
        raise PlaybookError(_TWO_USERS, text.origin)
    kept = {key: given for key, given in text.entries.items() if key != "user"}
    return Text({**kept, "remote_user": old}, text.origin)


def _check_hosts(text: Text) -> None:
    given = text.entries.get("hosts")
    if given is None:
        raise PlaybookError("The field 'hosts' is required but was not set.", text.origin)
    if not given.value:
        raise PlaybookError(f"Hosts list cannot be empty. {_PLEASE}", given.origin)
    if not isinstance(given.value, str | Template | list):
        raise PlaybookError(f"Hosts list must be a sequence or string. {_PLEASE}.", given.origin)
    for host, origin in given.items:
        if host is None:
            raise PlaybookError(f"Hosts list cannot contain values of 'None'. {_PLEASE}", origin)
        if not isinstance(host, str | Template):
            raise PlaybookError(f"Hosts list contains an invalid host value: '{host}'", origin)
    _check_no_blank_host(given)


def _check_no_blank_host(given: Given) -> None:
    for host, origin in given.items:
        if isinstance(host, str) and not host.strip():
            told = "Keyword 'hosts' is required, and cannot have empty values."
            raise cannot_process("hosts", given, told, origin)


def _check_types(text: Text) -> None:
    """Refuse what cannot be of its keyword's type; templates are not known yet.

    Stock looks at this when the play's turn has come. To say it before anything has run
    spares half-done work.
    """
    for name in _HEADER:
        given = text.entries.get(name)
        if given is None or given.value is None or has_templates(given.value):
            continue
        try:
            converted(given.value, KEYWORDS[name].type_name)
        except ValueError as error:
            raise cannot_process(name, given, str(error)) from error
    subset = text.entries.get("gather_subset")
    for member, origin in subset.items if subset else ():
        if subset and not isinstance(member, str | Template):
            told = (
                f"Keyword 'gather_subset' items must be of type 'str', not {type_named(member)!r}."
            )
            raise cannot_process("gather_subset", subset, told, origin)
