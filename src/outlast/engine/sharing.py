"""Who fails with whom: `any_errors_fatal`, `run_once` and `max_fail_percentage`.

Asked after each round, which is one task on those hosts of the company that are at it. What
becomes of those who fail is the business of `blocks`.

The rules are stock's. Who fails with another is marked once for each reason, and each mark after
the first costs it the next section of its block: a rescue, then an always. It is out of what
comes after the batch even if it is rescued.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from msgspec import Struct

from outlast.engine.standing import Standing
from outlast.events import Event, NoHostsLeft


class Company(Struct, frozen=True, kw_only=True):
    """The hosts that go through a play together: a batch, or one host under `free`."""

    hosts: tuple[str, ...]
    lockstep: bool
    """Banners come with the task, and failures may be shared."""
    debugged: bool = False
    """A person looks at what fails."""
    max_fail_percentage: float | None = None


class Round(Struct, frozen=True, kw_only=True):
    """What one task came to, as far as the others are concerned."""

    hosts: Sequence[str]
    """Who was at the task."""
    failed: Collection[str] = ()
    """Who failed in it."""
    ignored: Collection[str] = ()
    """Who failed, but goes on; no failure of others is theirs now."""
    lost: Collection[str] = ()
    """Who could not be reached, and is out."""
    marks: int = 0
    """How many reasons all others have to fail with these."""


class Sharing(Struct, frozen=True, kw_only=True):
    """Has hosts of one company fail with each other."""

    standing: Standing
    company: Company
    tell: Callable[[Event], None]
    told: Callable[[], None]
    """To be called when hosts are no longer in the play."""

    def after(self, this: Round) -> list[str]:
        """Give those of the hosts who go on; all others of the company may have failed."""
        spared = {*this.failed, *this.ignored}
        gone = self.standing.unreachable.difference(this.hosts)  # lost just now is still there
        present = [host for host in self.company.hosts if host not in gone]
        others = [host for host in present if host not in spared]
        marks = this.marks
        if marks:
            self.standing.condemned.update(others)
        if self._too_many():
            marks += 1
            self.standing.condemned.update(others)
            self._break(present)
        if marks:
            self._mark(others, this.hosts, marks)
        out = {*this.failed, *this.lost, *(others if marks else ())}
        return [host for host in this.hosts if host not in out]

    def _too_many(self) -> bool:
        limit = self.company.max_fail_percentage
        if limit is None or not self.company.lockstep:
            return False
        return self._counted() / len(self.company.hosts) * 100 > limit

    def _counted(self) -> int:
        """Give how many have failed: those a rescue or an always waits for do not count."""
        standing = self.standing
        return len((standing.spent | standing.condemned) & set(self.company.hosts))

    def _break(self, present: Collection[str]) -> None:
        """End the batch: at once, unless something waits for those that have just failed."""
        self.standing.batch_broken = True
        self.tell(NoHostsLeft())
        if self._counted() >= len(present):
            self.standing.batch_over = True
            self.tell(NoHostsLeft())  # stock says it twice

    def _mark(self, others: Sequence[str], here: Collection[str], marks: int) -> None:
        """Have *others* fail where they are; those who are *here* leave now."""
        self.standing.strike((host for host in others if host not in here), times=marks)
        self.standing.strike((host for host in others if host in here), times=marks - 1)
        self.told()
