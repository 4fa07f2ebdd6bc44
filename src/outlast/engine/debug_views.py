"""What a person sees of a task in the debugger: plain values, by the names stock gives them.

Knows how templates are shown (as their text), and how what was changed becomes a task and
variables again: what is still as it was written stays a template, what was typed is data.
Leaves the conversation to `debugging`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec.structs import replace

from outlast.engine.results import HostResult
from outlast.events import TaskLabel
from outlast.outcome import Failed, Skipped, Unreachable
from outlast.playbook import model
from outlast.values import Scope, Template, Vaulted

_OWN: Final = ("retries", "delay", "poll")
_INHERITED: Final = (
    *("become", "become_user", "become_method", "become_flags", "become_exe", "remote_user"),
    *("port", "connection", "ignore_errors", "ignore_unreachable", "check_mode", "diff"),
    *("no_log", "timeout", "delegate_to", "delegate_facts", "debugger"),
)
"""Keywords that can be set to another value before the task runs again."""
_SET: Final = frozenset({"args", "async_val", *_OWN, *_INHERITED})


def shown(value: object) -> Any:
    """Give *value* to look at: templates are their text, what is encrypted stays so."""
    if isinstance(value, Vaulted):
        return value
    if isinstance(value, Template):
        return value.text
    if isinstance(value, dict):
        return {shown(key): shown(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [shown(member) for member in value]
    return ShownMapping(value) if isinstance(value, Mapping) else value


def restored(value: Any, written: object) -> Any:
    """Give *value* with what is still as *written* in its place."""
    if isinstance(written, Template):
        return written if value == shown(written) else value
    if isinstance(written, dict) and isinstance(value, dict):
        keys = {shown(key): key for key in written}
        return {
            keys.get(key, key): restored(member, written[keys[key]]) if key in keys else member
            for key, member in value.items()
        }
    if isinstance(written, list) and isinstance(value, list):
        rest = value[len(written) :]
        return [restored(*pair) for pair in zip(value, written, strict=False)] + rest
    return written if value == shown(written) else value


class ShownMapping(Mapping[str, Any]):
    """A mapping that is too large to be copied (`hostvars`), or lazy: its members as shown."""

    def __init__(self, base: Mapping[str, object]) -> None:
        self._base = base

    def __getitem__(self, name: str) -> Any:
        return shown(self._base[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._base)

    def __len__(self) -> int:
        return len(self._base)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ShownMapping) and self._base is other._base

    __hash__ = None  # type: ignore[assignment]  # as every mapping

    def __repr__(self) -> str:
        return f"<{len(self)} names>"


class Altered(Scope):
    """A scope in which a person has set some names, and deleted others."""

    def __init__(self, names: Mapping[str, object], gone: frozenset[str], base: Scope) -> None:
        super().__init__()
        self._names = names
        self._gone = gone
        self._base = base

    def from_file(self, name: str) -> bool:
        """Tell it of the scope below; what was typed is data."""
        changed = name in self._names or name in self._gone
        return not changed and self._base.from_file(name)

    def __getitem__(self, name: str) -> object:
        if name in self._gone:
            raise KeyError(name)
        return self._names[name] if name in self._names else self._base[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._names
        hidden = self._gone.union(self._names)
        yield from (name for name in self._base if name not in hidden)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def altered(variables: Mapping[str, Any], base: Scope) -> Scope:
    """Give *base* with what differs from it in *variables*, which were shown of it."""
    names = {
        name: restored(value, base[name]) if name in base else value
        for name, value in variables.items()
        if name not in base or value != shown(base[name])
    }
    gone = frozenset(name for name in base if name not in variables)
    return Altered(names, gone, base) if names or gone else base


class Host:
    """`host`."""

    def __init__(self, name: str, groups: object) -> None:
        self.name = name
        self.groups = groups

    def __repr__(self) -> str:
        return self.name


class Task:
    """`task`: its keywords to look at, and those among them that may be set."""

    args: dict[str, Any]

    def __init__(self, task: model.Task, label: TaskLabel, args: Mapping[str, object]) -> None:
        words = task.keywords
        conditions = {
            name: [shown(one.source) for one in found or ()]
            for name, found in (
                *(("when", words.when), ("until", task.until)),
                *(("changed_when", task.changed_when), ("failed_when", task.failed_when)),
            )
        }
        vars(self).update(
            **conditions,
            **{name: shown(getattr(task, name)) for name in _OWN},
            **{name: shown(getattr(words, name)) for name in _INHERITED},
            _label=label,
            action=task.action.name,
            args=dict(sorted(shown(dict(args)).items())),
            async_val=shown(task.async_limit),
            loop=shown(task.loop.items) if task.loop else None,
            name=label.own_name,
            notify=shown(words.notify),
            register=task.register,
            tags=sorted(words.tags),
            vars=shown(dict(words.vars)),
        )

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _SET:
            raise AttributeError(f"{name!r} of a task cannot be set in the debugger")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        label: TaskLabel = vars(self)["_label"]
        return f"{'HANDLER' if label.handler else 'TASK'}: {label.name}"

    def applied(self, task: model.Task, args: Mapping[str, object], *, whole: bool) -> model.Task:
        """Give *task* with what was set; *args* are those that were shown.

        *whole*: they are all there is to it, defaults included.
        """
        call = replace(task.action, args=restored(self.args, dict(args)))
        if whole:
            call = replace(call, defaults=())
        words = {name: self._now(name, getattr(task.keywords, name)) for name in _INHERITED}
        return replace(
            task,
            action=call,
            keywords=replace(task.keywords, **words),
            async_limit=self._now("async_val", task.async_limit),
            **{name: self._now(name, getattr(task, name)) for name in _OWN},
        )

    def _now(self, name: str, written: object) -> Any:
        return restored(vars(self)[name], written)


class Result:
    """`result`: what the task came to, as a playbook would see it."""

    def __init__(self, task: Task, host: Host, result: HostResult) -> None:
        self.task = task
        self.host = host
        self.task_name = str(task).partition(": ")[2]
        self._result = self._return_data = self.result = result.registered
        self._outcome = result.outcome

    def is_failed(self) -> bool:
        """Tell whether it failed."""
        return isinstance(self._outcome, Failed)

    def is_unreachable(self) -> bool:
        """Tell whether the host could not be reached."""
        return isinstance(self._outcome, Unreachable)

    def is_skipped(self) -> bool:
        """Tell whether it did not run."""
        return isinstance(self._outcome, Skipped)

    def is_changed(self) -> bool:
        """Tell whether it changed something."""
        return self._outcome.changed

    def __repr__(self) -> str:
        return f"<{type(self._outcome).__name__.lower()}: {self.task} on {self.host}>"
