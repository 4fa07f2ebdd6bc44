"""What a task sees of the way to its host: `ansible_host`, `ansible_user` and their like.

Stock puts them among a task's variables where nobody has given them, and beside them
`ansible_delegated_vars`, once it is known where the task runs: its conditions, arguments and
verdicts see them, the list of its loop does not. Here they are worked out when they are asked
for. How the host is really reached is for the transport to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from outlast.engine.delegation import Delegate, delegate_of, local_names
from outlast.engine.ports import Wiring
from outlast.errors import EvaluationError
from outlast.playbook.model import Task
from outlast.values import OMIT, Overlaid, Scope

_DELEGATED = "ansible_delegated_vars"
_ADDRESS = ("ansible_ssh_host", "ansible_host")
_WAYS: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    "ansible_connection": (("ansible_connection",), "connection", "transport"),
    **dict.fromkeys(
        ("ansible_ssh_user", "ansible_user"),
        (("ansible_ssh_user", "ansible_user"), "remote_user", "remote_user"),
    ),
    **dict.fromkeys(
        ("ansible_ssh_port", "ansible_port"),
        (("ansible_ssh_port", "ansible_port"), "", "remote_port"),
    ),
    **dict.fromkeys(
        ("ansible_ssh_timeout", "ansible_timeout"),
        (("ansible_ssh_timeout", "ansible_timeout"), "", "timeout"),
    ),
    **dict.fromkeys(
        ("ansible_ssh_private_key_file", "ansible_private_key_file"),
        (("ansible_ssh_private_key_file", "ansible_private_key_file"), "", "private_key_file"),
    ),
}
"""A name to those that may have been given instead, the task's keyword and the setting."""


class Reached(Scope):
    """A task's scope with the way to its host below everything else."""

    def __init__(self, base: Scope, task: Task, host: str, wiring: Wiring) -> None:
        super().__init__()
        self.base = base
        self._task = task
        self._host = host
        self._wiring = wiring

    def from_file(self, name: str) -> bool:
        """Tell it of the scope below; what is worked out is data."""
        return self.base.from_file(name)

    def __getitem__(self, name: str) -> object:
        try:
            return self.base[name]
        except KeyError:
            if name not in _WAYS and name not in _ADDRESS and name != _DELEGATED:
                raise
            value = self._found(name)
            if value is None:
                raise
            return value

    def __iter__(self) -> Iterator[str]:
        yield from self.base
        for name in (*_WAYS, *_ADDRESS, _DELEGATED):
            if name not in self.base and self._found(name) is not None:
                yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _found(self, name: str) -> object:
        delegate = self._delegate()
        if name == _DELEGATED:
            return {delegate.name: self._of(delegate)} if delegate else None
        scope = delegate.scope if delegate else self.base
        if name in _ADDRESS:
            given = self._given(_ADDRESS, scope)
            return given or (delegate.name if delegate else self._host)
        names, keyword, setting = _WAYS[name]
        given = self._given(names, scope)
        if given is None and keyword:
            given = self._written(keyword)
        return getattr(self._wiring.settings, setting, None) if given is None else given

    def _delegate(self) -> Delegate | None:
        if self._task.keywords.delegate_to is None:
            return None
        try:
            return delegate_of(self._task, self.base, self._wiring)
        except EvaluationError:
            return None  # whoever needs the delegate itself will tell

    def _given(self, names: tuple[str, ...], scope: Scope) -> object:
        for name in names:
            if name in scope:
                return self._wiring.evaluate.render(scope[name], scope)
        return None

    def _written(self, keyword: str) -> object:
        value = getattr(self._task.keywords, keyword)
        if value is None:
            return None
        value = self._wiring.evaluate.render(value, self.base)
        return None if value is OMIT else value

    def _of(self, delegate: Delegate) -> Scope:
        """Give the delegate's variables as stock shows them: in the name of the task's host."""
        names: dict[str, object] = {"inventory_hostname": self._host}
        if not any(name in delegate.scope for name in _ADDRESS):
            names["ansible_host"] = delegate.name
        return Overlaid({**local_names(self.base), **names}, delegate.scope)
