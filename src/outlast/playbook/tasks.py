"""One task or handler: its entries to a `Task`.

Knows the keywords that a task has for itself: register, loops, retries, verdicts, async,
listen, and what is special about including tasks. Leaves the action to `calls` and what
parents hand down to `inheritance`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from outlast.errors import Cause, OutlastError, PlaybookError
from outlast.loader import Document, MapNode
from outlast.names import named
from outlast.playbook.calls import CallReader, Found, short_name
from outlast.playbook.defaults import DefaultsReader
from outlast.playbook.includes import check_include_words, read_options
from outlast.playbook.inheritance import collections_of, handed_down
from outlast.playbook.keywords import (
    ALLOWED,
    Place,
    check_allowed,
    check_text,
    check_variable_name,
    type_named,
    without_block,
)
from outlast.playbook.late_names import Late
from outlast.playbook.loops import LoopReader
from outlast.playbook.model import ActionCall, Condition, Keywords, Role, Task
from outlast.playbook.reading import Given, Text, as_written, from_value, read
from outlast.playbook.role_options import check_role_options, name_place, option_places
from outlast.values import Origin, Template, Value

_CHECKED = frozenset({"action", "local_action", "args", "register"})
"""Their values are checked where they are read, in other words than those for text."""


class TaskReader(Struct, frozen=True):
    """Reads the tasks of one file."""

    document: Document
    calls: CallReader
    is_lookup: Callable[[str], bool]
    defaults: DefaultsReader
    role: Role | None = None
    """The role whose file it is."""

    def look(self, node: MapNode) -> tuple[Text, Found]:
        """Give what *node* says and the action it names, before either is judged."""
        text = read(self.document, node)
        return text, self.calls.find(text)

    def read(self, text: Text, found: Found, parent: Keywords, *, handler: bool) -> Task:
        """Give the task that *text* describes; *parent* is what its block hands down."""
        short = short_name(found.name)
        if handler and short in ("include_role", "import_role"):
            raise PlaybookError(f"Using '{found.name}' as a handler is not supported.", text.origin)
        dynamic = short in ("include_tasks", "include_role")
        place = _place(handler=handler, include=dynamic)
        calls = self.calls.within(collections_of(parent, text))
        call = calls.resolve(found, text)
        inherited = None
        if dynamic:
            check_include_words(found, text, place)
            call, inherited = self._include(call, found, text, parent)
        _check_meta(call, text, handler=handler, in_role=self.role is not None)
        self._check_words(found, text, place)
        if found.on_localhost:
            text = _delegated(text)
        keywords = handed_down(parent, text, place)
        call = self.defaults.applied(call, keywords)
        if found.template is not None:
            call = replace(call, late=Late(found.template, calls, self.defaults, keywords))
        return self._task(text, call, keywords, inherited)

    def _check_words(self, found: Found, text: Text, place: Place) -> None:
        for key, given in text.entries.items():
            if (key == found.name and found.as_key) or self._is_loop(key):
                continue
            check_allowed(key, place, given.key_origin)
            row = ALLOWED[place][str(key)]
            if key not in _CHECKED:
                check_text(row.name, row, given.value, text.origin)

    def _is_loop(self, key: object) -> bool:
        if not isinstance(key, str) or not key.startswith("with_"):
            return False
        return self.is_lookup(key.removeprefix("with_"))

    def _task(
        self, text: Text, call: ActionCall, keywords: Keywords, inherited: Keywords | None
    ) -> Task:
        name = text.value("name")
        return Task(
            name="" if name is None else name,
            action=call,
            origin=text.origin,
            keywords=keywords,
            register=_register(text),
            loop=LoopReader(self.document, self.is_lookup).read(text),
            until=_conditions(text, "until") or (),
            retries=text.value("retries"),
            delay=text.value("delay"),
            changed_when=_verdict(text, "changed_when"),
            failed_when=_verdict(text, "failed_when"),
            async_limit=_or(text.value("async"), 0),
            poll=text.value("poll"),
            listen=_listen(text),
            places=_places(text, call),
            inherited=inherited,
            role=self.role,
        )

    def _include(
        self, call: ActionCall, found: Found, text: Text, parent: Keywords
    ) -> tuple[ActionCall, Keywords]:
        """Check an include's options; what `apply` says is handed to what is included."""
        if short_name(found.name) == "include_role":
            apply = check_role_options(found, text)
            args = dict(call.args)
        else:
            options = read_options(found, text)
            others = {name: value for name, value in call.args.items() if name == "apply"}
            apply, args = options.apply, {"_raw_params": options.file, **others}
        applied = from_value(apply, call.origin)
        given = text.entries.get(found.name)
        written = given.member("apply") if given else None
        places = written.key_origins if written else {}
        for key, said in applied.entries.items():
            check_allowed(key, Place.BLOCK, places.get(str(key), call.origin))
            if key in ("rescue", "always") and said.value:
                raise without_block(key, places.get(str(key), call.origin))
        variables = text.value("vars")
        own = variables if isinstance(variables, dict) else {}
        around = replace(parent, vars={**parent.vars, **own}, params={**parent.params, **own})
        if short_name(found.name) == "include_role":  # its list is for finding the role
            around = replace(around, collections=collections_of(parent, text))
        return replace(call, args=args), handed_down(around, applied, Place.BLOCK)


def _place(*, handler: bool, include: bool) -> Place:
    if handler:
        return Place.HANDLER_INCLUDE if include else Place.HANDLER
    return Place.INCLUDE if include else Place.TASK


def _check_meta(call: ActionCall, text: Text, *, handler: bool, in_role: bool) -> None:
    """Refuse `end_role` where there is no role to end."""
    if call.resolved != "ansible.builtin.meta" or call.args.get("_raw_params") != "end_role":
        return
    if in_role and not handler:
        return
    where = "a handler" if handler else "outside of a role"
    raise PlaybookError(f"Cannot execute 'end_role' from {where}", text.origin)


def _delegated(text: Text) -> Text:
    """Give *text* with the `delegate_to` that `local_action` stands for."""
    where = text.entries["local_action"]
    to_localhost = Given("localhost", where.key_origin, where.origin)
    return Text({**text.entries, "delegate_to": to_localhost}, text.origin)


def _or(value: Value, unset: Value) -> Value:
    return unset if value is None else value


def _conditions(text: Text, name: str) -> tuple[Condition, ...] | None:
    given = text.entries.get(name)
    return given.conditions if given else None


def _verdict(text: Text, name: str) -> tuple[Condition, ...] | None:
    """Give `changed_when` or `failed_when`; an empty list says nothing, an empty value does."""
    given = text.entries.get(name)
    if given and given.value is None:
        return (Condition(None, given.origin),)
    return _conditions(text, name) or None


def _register(text: Text) -> str | None:
    given = text.entries.get("register")
    if given is None or given.value is None:
        return None
    try:
        check_variable_name(given.value, given.origin)
    except OutlastError as error:
        raise PlaybookError(
            "Invalid 'register' specified.",
            given.origin,
            causes=(Cause(error.message, error.origin, error.help_text, apart=True),),
        ) from error
    return named(str(given.value), given.origin)


def _listen(text: Text) -> tuple[str, ...]:
    given = text.entries.get("listen")
    topics = []
    for topic, origin in given.items if given else ():
        if not isinstance(topic, str | Template):
            raise PlaybookError(
                f"Keyword 'listen' items must be of type 'str', not {type_named(topic)!r}.",
                origin,
            )
        topics.append(str(as_written(topic)))  # a topic is never evaluated
    return tuple(topics)


def _places(text: Text, call: ActionCall) -> Mapping[str, Origin]:
    role = {}
    if call.resolved == "ansible.builtin.include_role":
        role = {"role": name_place(call.name, text), **option_places(call.name, text)}
    return role | {
        "async_val" if key == "async" else str(key): given.origin
        for key, given in text.entries.items()
    }
