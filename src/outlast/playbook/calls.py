"""What a task does: its action and arguments, in every spelling a playbook knows.

Knows that a task's key that is no keyword names its action, the older `action:` and
`local_action:`, and how `args:` and one-line arguments come together. Leaves what an action
means to `actions`, and which ones exist to whoever implements `ActionNames`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from outlast.call import OURS, ResolvedAction
from outlast.errors import Cause, OutlastError, PlaybookError, placed
from outlast.names import RESERVED, named
from outlast.outcome import Deprecated, Notice
from outlast.playbook import key_values
from outlast.playbook.defaults import ActionNames
from outlast.playbook.keywords import TASK_WORDS, Place, did_you_mean, not_allowed, type_shown
from outlast.playbook.model import ActionCall
from outlast.playbook.reading import Given, Text
from outlast.values import Origin, Template, Value, looks_like_template

_OURS = frozenset({"ansible.builtin.", "ansible.legacy."})
_STATEMENTS = frozenset({"meta", "include_tasks", "include_role", "import_tasks", "import_role"})
"""Words of the language that look like actions; no module stands behind them."""
_COMMANDS = frozenset({"command", "raw", "script", "shell", "win_command", "win_shell"})
_TAKE_TEXT = _STATEMENTS | _COMMANDS | {"include_vars", "add_host", "group_by", "set_fact"}
_WINDOWS = frozenset({"ansible.windows.win_command", "ansible.windows.win_shell"})

ARGS_TEMPLATE = "_variable_params"
"""The argument that a template in place of `args` is, as `_raw_params` is the one of a line."""
_ARGS_HELP = "A mapping or template which resolves to a mapping is required."
_REMOVED_IN = "This feature will be removed from ansible-core version 2.23."


class Found(Struct, frozen=True):
    """A task's action as it is written, before anybody asked whether it exists."""

    name: str
    args: Mapping[str, Value]
    origin: Origin
    on_localhost: bool = False
    as_key: bool = False
    template: Template | None = None
    """The name, if it is one that is to be evaluated."""


class CallReader(Struct, frozen=True):
    """Finds the action of a task."""

    names: ActionNames
    notice: Callable[[Notice], None]
    known: Callable[[], Iterable[str]]
    """Names of actions, for suggestions; asked only when one is misspelt."""
    collections: Sequence[str] = ()
    """Where short names are looked for."""

    def within(self, collections: Sequence[str]) -> CallReader:
        """Give a reader that looks for short names in *collections*."""
        return replace(self, collections=collections) if collections else self

    def find(self, task: Text) -> Found:
        """Give the action *task* names and its arguments; raises `PlaybookError`."""
        found = self._old_style(task)
        for key, given in task.entries.items():
            if not isinstance(key, str):
                raise not_allowed(key, Place.TASK, given.key_origin)
            if key in TASK_WORDS or key.startswith("with_"):
                continue
            if found:
                raise self._conflict(found, key, task)
            args = self._arguments(key, given, task)
            found = Found(key, args, given.key_origin, as_key=True)
        if not found:
            raise PlaybookError("no module/action detected in task.", task.origin)
        return found

    def resolve(self, found: Found, task: Text) -> ActionCall:
        """Give the call of an action that exists; raises `PlaybookError`."""
        if found.template is not None:
            return ActionCall(found.name, "", found.args, found.origin)
        short = short_name(found.name)
        if short == "include":
            raise OutlastError(_INCLUDE_IS_GONE, task.origin)
        if short in _STATEMENTS:
            return ActionCall(found.name, f"ansible.builtin.{short}", found.args, found.origin)
        resolved = self._resolved(found, task)
        if resolved is None:
            raise self._unknown(found, task)
        args = _placed(found, task) if resolved.fqcn in _NAME_VARIABLES else found.args
        return ActionCall(found.name, resolved.fqcn, args, found.origin)

    def _resolved(self, found: Found, task: Text) -> ResolvedAction | None:
        try:
            return self.names.resolve(found.name, self.collections)
        except OutlastError as error:  # it is gone, or not for us
            raise placed(error, task.origin) from error

    # -- the two spellings -------------------------------------------------------------------

    def _old_style(self, task: Text) -> Found | None:
        found = None
        for word in ("action", "local_action"):
            given = task.entries.get(word)
            if given is None:
                continue
            if found:
                raise PlaybookError("action and local_action are mutually exclusive", task.origin)
            if isinstance(given.value, dict):
                found = self._from_mapping(given, given.value, task, local=word != "action")
            else:
                found = self._from_line(given, task, local=word != "action")
        return found

    def _from_line(self, given: Given, task: Text, *, local: bool) -> Found | None:
        """Read `copy src=a dest=b`."""
        name, rest = self._split_name(given.value, task)
        if not name:
            return None
        args = self._one_line(rest, name, given.value, task)
        late = _late(name, given.value)
        return self._joined(Found(name, args, given.origin, local, template=late), task)

    def _from_mapping(
        self, given: Given, mapping: Mapping[str, Value], task: Text, *, local: bool
    ) -> Found | None:
        """Read `{module: copy, src: a}`."""
        self.notice(
            Deprecated(
                "Using a mapping for `action` is deprecated.",
                _REMOVED_IN,
                given.origin,
                "Use a string value for `action`.",
            )
        )
        if "module" not in mapping:
            return None
        name, rest = self._split_name(mapping["module"], task)
        args = {key: value for key, value in mapping.items() if key != "module"}
        args |= self._one_line(rest, name, mapping["module"], task)
        more = args.pop("args", None)
        if isinstance(more, dict):
            args |= more
        elif isinstance(more, str | Template):
            args |= self._one_line(_text(more), "", more, task)
        late = _late(name, mapping["module"])
        return self._joined(Found(name, args, given.origin, local, template=late), task)

    def _split_name(self, value: Value, task: Text) -> tuple[str, str]:
        if not isinstance(value, str | Template):
            raise _unexpected(value, task)
        words = self._words(_text(value), task)
        if not words:
            return "", ""
        return words[0].strip(), " ".join(words[1:])

    def _joined(self, found: Found, task: Text) -> Found:
        self._check_internal(found.args, found.name)
        return replace(found, args={**self._more_args(task), **found.args})

    def _arguments(self, name: str, given: Given, task: Text) -> dict[str, Value]:
        """Give the arguments of an action that stands as a key, those of `args:` below them."""
        more = self._more_args(task)
        match given.value:
            case None:
                return more
            case dict() as args:
                own = args
            case str() | Template():
                own = self._one_line(_text(given.value), name, given.value, task)
                self._warn_of_merging(own, given, task)
            case _:
                raise _unexpected(given.value, task)
        self._check_internal(own, name)
        return {**more, **own}

    # -- arguments ---------------------------------------------------------------------------

    def _one_line(self, text: str, name: str, source: Value, task: Text) -> dict[str, Value]:
        """Read `src=a dest="b c"`, a part of *source*: if that is a template, so are its parts."""
        try:
            parsed = key_values.parse(text, command=is_command(name))
        except ValueError as error:
            raise _unreadable(error, task) from error
        if not isinstance(source, Template):
            return dict(parsed)
        return {
            key: Template(value, source.origin) if looks_like_template(value) else value
            for key, value in parsed.items()
        }

    def _words(self, text: str, task: Text) -> list[str]:
        try:
            return key_values.split(text)
        except ValueError as error:
            raise _unreadable(error, task) from error

    def _more_args(self, task: Text) -> dict[str, Value]:
        given = task.entries.get("args")
        match given.value if given else {}:
            case dict() as args:
                return dict(args)
            case None:
                text = "Ignoring empty task `args` keyword."
                self.notice(Deprecated(text, _REMOVED_IN, task.origin, _ARGS_HELP))
                return {}
            case Template() as template if is_all_template(template.text):
                return {ARGS_TEMPLATE: template}
            case _:
                raise PlaybookError(
                    "The value of the task `args` keyword is invalid.",
                    given.origin if given else None,
                    help_text=_ARGS_HELP,
                )

    def _warn_of_merging(self, own: Mapping[str, Value], given: Given, task: Text) -> None:
        keys = sorted(key for key in own if key != "_raw_params")
        if keys and "args" in task.entries:
            told = ", ".join(map(repr, keys))
            text = f"Merging legacy k=v args ({told}) into task args."
            advice = "Include all task args in the task `args` mapping."
            self.notice(Deprecated(text, _REMOVED_IN, given.origin, advice))

    def _check_internal(self, args: Mapping[str, Value], name: str) -> None:
        if is_command(name):
            return
        for key in map(str, args):
            if key.startswith("_ansible_"):
                raise OutlastError(
                    "Invalid parameter specified beginning with keyword '_ansible_' for action"
                    f" '{name}': '{key}'. The prefix '_ansible_' is reserved for internal use only."
                )

    # -- errors ------------------------------------------------------------------------------

    def _conflict(self, found: Found, key: str, task: Text) -> PlaybookError:
        # One of the two is often a keyword with a slip in it.
        strangers = (word for word in (key, found.name) if not self._exists(word))
        helped = next(filter(None, map(_keyword_meant, strangers)), "")
        return PlaybookError(
            f"conflicting action statements: {found.name}, {key}", task.origin, help_text=helped
        )

    def _exists(self, name: str) -> bool:
        return is_statement(name) or self.names.resolve(name) is not None

    def _unknown(self, found: Found, task: Text) -> PlaybookError:
        meant = _ours_meant(found.name) or self._meant(found.name)
        if not found.as_key:
            message = f"Cannot resolve {found.name!r} to an action or module."
            return PlaybookError(message, found.origin, help_text=meant)
        helped = meant or _keyword_meant(found.name)
        return PlaybookError(
            f"couldn't resolve module/action '{found.name}'. This often indicates a misspelling,"
            " missing collection, or incorrect module path.",
            task.origin,
            help_text=helped,
        )

    def _meant(self, name: str) -> str:
        known = tuple(self.known())
        if name in known:  # but not where the task looks
            listed = ", ".join(self.collections)
            return f"It is looked for in {listed}: add ansible.legacy to these collections."
        return did_you_mean(name, known)


def _placed(found: Found, task: Text) -> Mapping[str, Value]:
    """Give arguments that are variables' names, the reserved ones with their places."""
    if RESERVED.isdisjoint(found.args):
        return found.args
    words = (found.name, "action", "local_action", "args")
    given = [task.entries[word] for word in words if word in task.entries]
    places = {key: place for one in reversed(given) for key, place in one.key_origins.items()}
    return {named(key, places.get(key, given[0].origin)): v for key, v in found.args.items()}


_NAME_VARIABLES = frozenset({"ansible.builtin.add_host", "ansible.builtin.set_fact"})
_INCLUDE_IS_GONE = (
    "The 'ansible.builtin.include' action plugin has been removed. Use include_tasks or"
    " import_tasks instead. This feature was removed from ansible-core in a release after"
    " 2023-05-16."
)


def short_name(name: str) -> str:
    """Give *name* without the collection that a short name means anyway."""
    for prefix in _OURS:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def is_statement(name: str) -> bool:
    """Tell whether *name* is a word of the language that looks like an action."""
    return short_name(name) in _STATEMENTS


def is_command(name: str) -> bool:
    """Tell whether the action *name* takes a whole command line as text."""
    return short_name(name) in _COMMANDS or name in _WINDOWS


def takes_text(fqcn: str) -> bool:
    """Tell whether the action knows what to do with text that is no `key=value`."""
    return short_name(fqcn) in _TAKE_TEXT or fqcn in _WINDOWS


def _late(name: str, source: Value) -> Template | None:
    """Give the *name* of an action as what is to be evaluated, if it is: a part of *source*."""
    if isinstance(source, Template) and looks_like_template(name):
        return Template(name, source.origin)
    return None


def _text(value: str | Template) -> str:
    return value.text if isinstance(value, Template) else value


def is_all_template(text: str) -> bool:
    """Tell whether *text* is a template from its first character to its last."""
    return text.startswith(("{{", "{%", "{#")) and text.endswith(("}}", "%}", "#}"))


def _keyword_meant(word: str) -> str:
    return did_you_mean(word, TASK_WORDS)


def _ours_meant(name: str) -> str:
    """Say which actions of our own there are to whoever looks for one that is not."""
    there = f"There are {', '.join(OURS[:-1])} and {OURS[-1]}."
    return there if name.startswith("outlast.") else ""


def _unexpected(value: Value, task: Text) -> PlaybookError:
    return PlaybookError(f"unexpected parameter type in action: {type_shown(value)}", task.origin)


def _unreadable(error: ValueError, task: Text) -> PlaybookError:
    return PlaybookError("Error loading tasks.", task.origin, causes=(Cause(str(error)),))
