"""Who is to be told, and when: notifications, and the flush that runs the handlers.

Handlers run in the order they are defined, once per flush, on the hosts that asked. The
rules for finding them are stock's: of those with one name that of the latest role counts, the
play's own coming last, and within one of these the first; everyone who listens is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct, field

from outlast.engine.ports import Wiring
from outlast.engine.standing import Standing
from outlast.errors import EvaluationError, OutlastError
from outlast.events import HandlerNotified, Noticed
from outlast.outcome import Warned
from outlast.playbook.model import Block, Step, Task
from outlast.values import Scope, Template


class Notifications(Struct, frozen=True, kw_only=True):
    """Keeps which host wants which handler, for one play and batch."""

    wiring: Wiring
    standing: Standing
    handlers: list[Task]
    """May grow: roles that are included bring theirs."""
    scope: Callable[[Task], Scope]
    """Gives what a handler's name is evaluated in."""
    _due: dict[int, dict[str, None]] = field(default_factory=dict)
    """Handler's position to the hosts that wait for it."""
    _flushing: set[str] = field(default_factory=set)

    def notify(self, host: str, name: str) -> None:
        """Take down that *host* wants the handlers called *name*; raises when there are none."""
        found = self._named(name)
        if not found:
            self._missing(name)
            return
        if host in self._flushing:
            # a handler asks for another one: those still to come in this flush run in it
            self._expand(host, found)
            return
        self.standing.notify(host, name)
        self.wiring.events.emit(HandlerNotified(host, name))

    def _missing(self, name: str) -> None:
        text = (
            f"The requested handler '{name}' was not found in either the main handlers list "
            "nor in the listening handlers list"
        )
        if self.wiring.settings.error_on_missing_handler:
            raise OutlastError(text)
        self.wiring.events.emit(Noticed(Warned(text)))

    def _named(self, name: str) -> list[int]:
        """Give the positions of the handlers *name* stands for."""
        found = []
        for position in self._sought():
            if name in self._names(self.handlers[position]):
                found.append(position)
                break
        return found + [position for position in self._listening(name) if position not in found]

    def _sought(self) -> list[int]:
        """Give all positions in the order in which a handler is sought: whose it is counts."""
        whose: list[list[int]] = []
        for position, handler in enumerate(self.handlers):
            if whose and handler.role is self.handlers[position - 1].role:
                whose[-1].append(position)
            else:
                whose.append([position])
        return [position for own in reversed(whose) for position in own]

    def _listening(self, topic: str) -> list[int]:
        """Give those who listen; of several with one name the one that is found first."""
        found: dict[object, int] = {}
        for position in self._sought():
            handler = self.handlers[position]
            if topic in handler.listen:
                found.setdefault(self._name(handler) or position, position)
        return sorted(found.values())

    def _names(self, handler: Task) -> set[str | None]:
        """Give what a handler can be asked for by: its name, with and without its role's."""
        name = self._name(handler)
        if name is None or handler.role is None:
            return {name}
        return {name, f"{handler.role.name} : {name}", f"{handler.role.full_name} : {name}"}

    def _name(self, handler: Task) -> str | None:
        if isinstance(handler.name, Template):
            try:
                return str(self.wiring.evaluate.render(handler.name, self.scope(handler)))
            except EvaluationError as error:
                self._unusable(handler, handler.name, error)
                return None  # cannot be asked for by name; it may still listen
        return str(handler.name) if handler.name else None

    def _unusable(self, handler: Task, name: Template, error: EvaluationError) -> None:
        if not handler.listen:
            text = (
                f"Handler '{name.text}' is unusable because it has no listen topics and the name "
                "could not be templated (host-specific variables are not supported in handler "
                f"names). The error: {error}"
            )
            self.wiring.events.emit(Noticed(Warned(text)))

    def begin_flush(self, hosts: Sequence[str]) -> None:
        """Have what *hosts* have asked for run; what they ask for now runs in this flush, too."""
        self._flushing.update(hosts)
        for host in hosts:
            self.fall_due(host)

    def fall_due(self, host: str) -> None:
        """Turn what *host* has asked for so far into handlers that are due."""
        for name in self.standing.handlers_due.pop(host, {}):
            self._expand(host, self._named(name))

    def _expand(self, host: str, positions: Sequence[int]) -> None:
        for position in positions:
            waiting = self._due.setdefault(position, {})
            if host not in waiting:
                waiting[host] = None
                handler = self.handlers[position]
                name = self._name(handler) or ""
                if handler.role is not None:
                    name = f"{handler.role.full_name} : {name}"
                self.wiring.events.emit(HandlerNotified(host, name, due=True))

    def take(self, position: int, hosts: Sequence[str]) -> list[str]:
        """Give those of *hosts* that wait for the handler at *position*, and cross them off."""
        waiting = self._due.get(position, {})
        return [host for host in hosts if waiting.pop(host, False) is None]

    def leave(self, handler: Task, hosts: Sequence[str]) -> None:
        """Have *handler*, which a person did not want to run now, wait for the next flush."""
        for position, one in enumerate(self.handlers):
            if one is handler:
                self._due.setdefault(position, {}).update(dict.fromkeys(hosts))

    def end_flush(self, hosts: Sequence[str]) -> None:
        """From now on, what *hosts* ask for waits for the next flush."""
        self._flushing.difference_update(hosts)


def flattened(steps: Sequence[Step]) -> tuple[Task, ...]:
    """Give the handlers in *steps*, those inside blocks too, in order."""
    handlers: list[Task] = []
    for step in steps:
        handlers += flattened(step.block) if isinstance(step, Block) else (step,)
    return tuple(handlers)
