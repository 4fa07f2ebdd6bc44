"""What a task came to on one host: the outcome, and all that follows from it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from outlast.engine.delegation import Delegate
from outlast.events import Consequences
from outlast.outcome import (
    Effect,
    Failed,
    Growth,
    Ok,
    Outcome,
    Shown,
    Skipped,
    Unreachable,
    registered,
)
from outlast.playbook.model import ActionCall
from outlast.playbook.role_options import RoleWanted

_NOTHING = Consequences()


class Include(Struct, frozen=True, kw_only=True):
    """A file of tasks, or a role, that a host asks for, with what it hands down."""

    path: str
    """Of a role: its name."""
    role: RoleWanted | None = None
    variables: Mapping[str, object]
    label: object = None
    looped: bool = False
    no_log: bool = False


class ItemResult(Struct, frozen=True, kw_only=True):
    """One item of a loop, or the whole of a task without one."""

    outcome: Outcome
    effects: tuple[Effect, ...] = ()
    notify: tuple[str, ...] = ()
    ignore_errors: bool = False
    ignore_unreachable: bool = False
    no_log: bool = False
    delegate: Delegate | None = None
    delegate_facts: bool = False
    """What is found belongs to the delegate."""
    shown: Shown = "usual"
    growth: Growth | None = None
    """What it added to the inventory; done already."""
    action: ActionCall | None = None
    """With its name, if that is known: of a template, it is when there is something to do."""
    args: Mapping[str, object] | None = None
    """What was asked of the action, evaluated; None: it did not come to that."""
    include: Include | None = None
    extra: Mapping[str, object] = field(default_factory=dict)
    """What the loop adds to the registered result: the item, its index, ansible_loop."""

    @property
    def follows(self) -> Consequences:
        """What may be told of what it changed in the run."""
        if self.no_log or not (self.effects or self.growth or self.delegate_facts):
            return _NOTHING
        return Consequences(
            effects=self.effects, growth=self.growth, delegate_facts=self.delegate_facts
        )

    @property
    def registered(self) -> dict[str, object]:
        """The result as a playbook sees it."""
        seen = {**registered(self.outcome), **self.extra}
        if self.include is not None:  # stock's includes say nothing of how they went
            del seen["changed"], seen["failed"]
        return seen


class HostResult(Struct, frozen=True, kw_only=True):
    """A task on one host, whole."""

    outcome: Outcome
    items: tuple[ItemResult, ...]
    looped: bool = False
    written: Delegate | None = None
    """Of a loop: the delegate as the task writes it."""

    @property
    def ignored(self) -> bool:
        """Tell whether the task failed and that is to be ignored: each failed item must say so."""
        kind = type(self.outcome)
        ended_so = [item for item in self.items if isinstance(item.outcome, kind)]
        if kind is Failed:
            return all(item.ignore_errors for item in ended_so)
        return kind is Unreachable and all(item.ignore_unreachable for item in ended_so)

    @property
    def no_log(self) -> bool:
        """Tell whether the result must not be shown."""
        return any(item.no_log for item in self.items)

    @property
    def shown(self) -> Shown:
        """How the result is to be printed."""
        if self.looped and isinstance(self.outcome, Failed | Unreachable):
            return "usual"  # as stock: what an action says of printing holds for its items
        return self.items[-1].shown if self.items else "usual"

    @property
    def delegate(self) -> Delegate | None:
        """The host it really ran on, if another; a loop that failed may have had several."""
        if self.looped and isinstance(self.outcome, Failed | Unreachable):
            return self.written
        return self.items[-1].delegate if self.items else None

    @property
    def registered(self) -> dict[str, object]:
        """The result as a playbook sees it; of a loop, with the keys stock's sum has."""
        if not self.looped:
            whole = registered(self.outcome)
            whole.pop("invocation", None)
            if any(item.include for item in self.items):
                del whole["failed"]
            return whole
        whole = {**self.outcome.payload, "changed": self.outcome.changed}
        whole["skipped"] = isinstance(self.outcome, Skipped)
        match self.outcome:
            case Failed():
                whole["failed"] = True
            case Unreachable():
                whole["unreachable"] = True
        return whole

    @property
    def failed(self) -> dict[str, object]:
        """The result as `rescue` sees it: with what the module says of its arguments."""
        told = self.outcome.payload
        said = {"invocation": told["invocation"]} if "invocation" in told else {}
        return {**self.registered, **said}


def sum_up(items: tuple[ItemResult, ...], written: Delegate | None = None) -> HostResult:
    """Give the result of a loop from its items', as stock adds them up."""
    results = [item.registered for item in items]
    changed = any(item.outcome.changed for item in items)
    outcomes = [item.outcome for item in items]
    total: Outcome
    if not items:
        total = Skipped({"skipped_reason": "No items in the list", "results": []})
    elif failed := [one for one in outcomes if isinstance(one, Failed)]:
        payload = {"results": results, "msg": "One or more items failed"}
        total = Failed(payload, failed[0].why, changed)
    elif lost := [one for one in outcomes if isinstance(one, Unreachable)]:
        payload = {"results": results, "msg": "All items completed"}
        total = Unreachable(payload, lost[0].why, changed)
    elif all(isinstance(one, Skipped) for one in outcomes):
        total = Skipped({"results": results, "msg": "All items skipped"}, changed)
    else:
        total = Ok({"results": results, "msg": "All items completed"}, changed)
    notices = tuple(notice for one in outcomes for notice in one.notices)
    outcome = replace(total, notices=notices)
    return HostResult(outcome=outcome, items=items, looped=True, written=written)
