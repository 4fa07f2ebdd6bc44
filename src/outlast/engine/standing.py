"""How each host stands: in play, failed, unreachable or finished early; and its tally.

One `Standing` serves a whole run: a host that failed in one play stays out of the next.
It is written by whoever runs a task on the host and by nobody else. Why a host failed is
in the events; what follows for the others is decided in `blocks` and `plays`.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from outlast.events import HostTally
from outlast.playbook.model import Role


class Standing(Struct):
    """The hosts that are out, why, and every host's counts."""

    failed: set[str] = field(default_factory=set)
    """Out for good: no rescue is left that could bring them back."""
    failing: set[str] = field(default_factory=set)
    """Have just failed; a rescue or the end of the section decides."""
    fallen: set[str] = field(default_factory=set)
    """Failed by a job that ended while they were busy with other things: no rescue is theirs."""
    falling: dict[str, int] = field(default_factory=dict)
    """How often a host is still to leave the steps it is in, as failed: all in one block."""
    sunk: set[str] = field(default_factory=set)
    """Have left a block as failed, and done nothing since: nothing strikes them."""
    spent: set[str] = field(default_factory=set)
    """Failed where nothing waited for them any more: neither a rescue nor an always."""
    condemned: set[str] = field(default_factory=set)
    """Failed with another: a rescue may bring them through this batch, but not into the next."""
    forgiven: set[str] = field(default_factory=set)
    """Were out when errors were cleared (meta: clear_host_errors): back with the next play."""
    unreachable: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    """Left the current play without failing (meta: end_host and kin)."""
    tallies: dict[str, HostTally] = field(default_factory=dict)
    play_ended: bool = False
    carry_on: bool = False
    """No more questions in this batch (`--step`)."""
    begun: bool = False
    """The task that `--start-at-task` names was found."""
    batch_broken: bool = False
    """max_fail_percentage was exceeded: the run ends with this batch."""
    batch_over: bool = False
    """Nothing more of this batch runs."""
    handlers_due: dict[str, dict[str, None]] = field(default_factory=dict)
    """Host to the notifications it has pending, in order."""

    role_tasks_run: set[tuple[str, str]] = field(default_factory=set)
    """(role's identity, host): a task of the role has run there in this play."""
    roles_done: set[tuple[str, str]] = field(default_factory=set)
    """The same: the host went through the role to its end."""
    out_of_role: set[str] = field(default_factory=set)
    """Left the role they are in (meta: end_role), until its end."""

    def begin_play(self) -> None:
        """Forget what belongs to one play only."""
        self.play_ended = False
        self.role_tasks_run.clear()
        self.roles_done.clear()
        self.out_of_role.clear()

    def end_role(self, role: Role, hosts: Iterable[str], *, counts: bool = True) -> None:
        """Say that *hosts* are through with *role*; those who left it early are back.

        Unless it *counts*, the role is done again where it comes again.
        """
        self.out_of_role.difference_update(hosts)
        if counts:
            done = {(role.identity, host) for host in hosts}
            self.roles_done |= done & self.role_tasks_run

    def tally(self, host: str) -> HostTally:
        """Give the host's counts, to be added to."""
        return self.tallies.setdefault(host, HostTally())

    def reachable(self, hosts: Iterable[str]) -> list[str]:
        """Give those of *hosts* a task can still be sent to, failed ones included."""
        return [host for host in hosts if host not in self.unreachable and host not in self.ended]

    def active(self, hosts: Iterable[str]) -> list[str]:
        """Give those of *hosts* that go on with the play."""
        out = self.barred | self.failing
        return [host for host in self.reachable(hosts) if host not in out]

    def rescue(self, hosts: Iterable[str]) -> None:
        """Take *hosts* back: a rescue section brought them through."""
        self.failing.difference_update(hosts)

    def fall(self, hosts: Iterable[str]) -> None:
        """Have *hosts* leave the play before their next task."""
        self.failed.update(hosts)
        self.fallen.update(hosts)
        for host in hosts:
            self.falling.setdefault(host, 1)

    def strike(self, hosts: Iterable[str], times: int = 1) -> None:
        """Have *hosts* fail where they are; the rescue that waits there is theirs.

        Each time after the first costs them what comes next in their block, and nothing beyond.
        """
        for host in hosts:
            if times and host not in self.sunk:
                self.falling[host] = self.falling.get(host, 0) + times

    def leave_block(self, hosts: Iterable[str]) -> None:
        """Say that *hosts* left a block as failed: what was to hit them in it misses them."""
        for host in hosts:
            self.falling.pop(host, None)
            self.sunk.add(host)

    def act(self, hosts: Iterable[str]) -> None:
        """Say that *hosts* have come to a task."""
        self.sunk.difference_update(hosts)

    def forgive(self, hosts: Iterable[str]) -> None:
        """Clear the errors of *hosts*; those that are out of this play come back with the next."""
        self.forgiven.update(self.out(hosts))
        self.failed.difference_update(hosts)
        self.condemned.difference_update(hosts)
        self.spent.difference_update(hosts)
        self.unreachable.difference_update(hosts)

    def take_back(self, hosts: Iterable[str]) -> set[str]:
        """Give those of *hosts* whose errors were cleared: they go on where they are."""
        back = self.forgiven & set(hosts)
        self.forgiven -= back
        return back

    def out(self, hosts: Iterable[str]) -> set[str]:
        """Give those of *hosts* that failed or could not be reached."""
        return set(hosts) & (self.barred | self.failing | self.unreachable)

    def upright(self, hosts: Iterable[str]) -> list[str]:
        """Give those of *hosts* that a task can be sent to; the others leave what they are in."""
        if self.batch_over:
            return []
        going = self.reachable(hosts)
        if not self.falling:
            return going
        return [host for host in going if not self._leaves(host)]

    def _leaves(self, host: str) -> bool:
        times = self.falling.pop(host, 0)
        if times > 1:
            self.falling[host] = times - 1
        return times > 0

    def begin_batch(self) -> list[str]:
        """Forget what belongs to one batch only; gives the hosts that had left the one before."""
        self.carry_on = False
        back = tuple(self.ended)
        self.failed = self.barred
        self.condemned.clear()
        self.spent.clear()
        self.falling.clear()
        self.sunk.clear()
        self.ended.clear()
        self.handlers_due.clear()
        self.forgiven.clear()
        self.batch_broken = False
        self.batch_over = False
        return self.active(back)

    def notify(self, host: str, notification: str) -> None:
        """Remember that *host* asked for handlers."""
        self.handlers_due.setdefault(host, {})[notification] = None

    @property
    def groups_out(self) -> tuple[set[str], ...]:
        """Give the groups that one result of a host alone may have put it into."""
        return (self.failed, self.failing, self.spent, self.unreachable)

    @property
    def barred(self) -> set[str]:
        """Give who is out of what comes after the batch: failed, by itself or with another."""
        return self.failed | self.condemned

    @property
    def exit_code(self) -> int:
        """Give stock's number: 4 before 2 before 0, but for a run that too many failures end."""
        if self.unreachable and not self.batch_broken:
            return 4
        return 2 if self.failed or self.batch_broken else 0
