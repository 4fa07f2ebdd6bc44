"""Random trees of a play's steps, and what a host does in them, told one host at a time.

Knows how a tree grows from a source of chance, and walks it as plainly as can be: a host is a
generator that asks for its next task, and raises when it fails. Nothing here is shared with the
engine: what the engine does with sets of hosts at once is compared with this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import TypeAlias

HOSTS = ("a", "b", "c")
Place: TypeAlias = tuple[int, ...]
"""Where a step stands in the play: the order of places is the order of steps."""


@dataclass(frozen=True)
class Leaf:
    """A task: on whom it comes to what, first of all skipped, and then in the order below."""

    name: str
    skips: frozenset[str] = frozenset()
    loses: frozenset[str] = frozenset()
    fails: frozenset[str] = frozenset()
    stumbles: frozenset[str] = frozenset()
    """Fails at first, and is tried again."""
    changes: frozenset[str] = frozenset()
    ignored: bool = False
    once: bool = False
    fatal: bool = False
    notify: int | None = None

    def on(self, host: str) -> str:
        """What the task comes to on *host*."""
        if host in self.skips:
            return "skipped"
        if host in self.loses:
            return "unreachable"
        if host in self.fails:
            return "ignored" if self.ignored else "failed"
        return "changed" if host in self.changes else "ok"


@dataclass(frozen=True)
class Include:
    """Every host has a file of its own choice, or skips the task."""

    name: str
    files: tuple[tuple[Step, ...], ...]
    chosen: dict[str, int]


@dataclass(frozen=True)
class Flush:
    """`meta: flush_handlers`."""


@dataclass(frozen=True)
class End:
    """`meta: end_host` for some."""

    hosts: frozenset[str]


@dataclass(frozen=True)
class Block:
    """A block with its sections; *fatal* is in every task in it already."""

    block: tuple[Step, ...]
    rescue: tuple[Step, ...]
    always: tuple[Step, ...]


Step: TypeAlias = Leaf | Include | Flush | End | Block


@dataclass(frozen=True)
class Tree:
    """A play."""

    steps: tuple[Step, ...]
    handlers: tuple[Leaf, ...]
    strategy: str


# -- how a tree grows ----------------------------------------------------------------------------


@dataclass
class Gardener:
    """Grows a tree; every name is given once."""

    chance: Random
    names: Iterator[int] = field(default_factory=lambda: iter(range(1, 1000)))
    left: int = 14
    """Tasks that may still grow."""
    lockstep: bool = True
    """Without it `run_once` means nothing, and stock has a race there."""

    def tree(self, strategy: str) -> Tree:
        handlers = tuple(Leaf(f"h{n}", fails=self.some(0.15)) for n in range(2))
        return Tree(self.steps(0, fatal=self.chance.random() < 0.1), handlers, strategy)

    def steps(self, depth: int, *, fatal: bool) -> tuple[Step, ...]:
        return tuple(self.step(depth, fatal=fatal) for _ in range(self.chance.randint(1, 3)))

    def step(self, depth: int, *, fatal: bool) -> Step:
        kind = self.chance.random() if self.left > 0 else 1
        if kind < 0.4 and depth < 4:
            return self.block(depth, fatal=fatal or self.chance.random() < 0.1)
        if kind < 0.55 and depth < 4:
            return self.include(depth, fatal=fatal)
        if kind < 0.6:
            return Flush()
        return End(self.some(0.2)) if kind < 0.63 else self.leaf(fatal=fatal)

    def block(self, depth: int, *, fatal: bool) -> Block:
        rescued, tidied = self.chance.random() < 0.6, self.chance.random() < 0.5
        return Block(
            self.steps(depth + 1, fatal=fatal),
            self.steps(depth + 1, fatal=fatal) if rescued else (),
            self.steps(depth + 1, fatal=fatal) if tidied else (),
        )

    def include(self, depth: int, *, fatal: bool) -> Include:
        files = tuple(self.steps(depth + 1, fatal=fatal) for _ in range(self.chance.randint(1, 2)))
        skips = self.some(0.2)
        chosen = {h: self.chance.randrange(len(files)) for h in HOSTS if h not in skips}
        return Include(f"i{next(self.names)}", files, chosen)

    def leaf(self, *, fatal: bool) -> Leaf:
        self.left -= 1
        chance = self.chance.random
        return Leaf(
            f"t{next(self.names)}",
            skips=self.some(0.08),
            loses=self.some(0.3) if chance() < 0.08 else frozenset(),
            fails=self.some(0.4) if chance() < 0.5 else frozenset(),
            stumbles=self.some(0.3) if chance() < 0.15 else frozenset(),
            changes=self.some(0.4),
            ignored=chance() < 0.15,
            once=chance() < 0.12 and self.lockstep,
            fatal=fatal or chance() < 0.1,
            notify=self.chance.randrange(2) if chance() < 0.4 else None,
        )

    def some(self, share: float) -> frozenset[str]:
        return frozenset(host for host in HOSTS if self.chance.random() < share)


def grown(chance: Random, strategy: str) -> Tree:
    """Give a tree; the same chance gives the same tree."""
    return Gardener(chance, lockstep=strategy == "linear").tree(strategy)


# -- what one host does --------------------------------------------------------------------------


class Down(Exception):  # no error: a host's way out of a block
    """A host fails."""

    def __init__(self, *, sunk: bool = False) -> None:
        super().__init__()
        self.sunk = sunk
        """It has left a block, or a file, by that."""


@dataclass(frozen=True)
class Gate:
    """Between two steps: a host that was struck while it waited fails here."""

    block: Place
    sunk: bool
    """It has left a block as failed and done nothing since: nothing strikes it."""


@dataclass(frozen=True)
class Asked:
    """A host's next step that is not a block."""

    step: Leaf | Include | Flush | End
    place: Place
    block: Place
    sheltered: bool
    """Were it to fail here, a rescue would be its."""


Walking: TypeAlias = Generator["Gate | Asked", object, None]
GO, FAIL = "go", "fail"


def _through(
    steps: tuple[Step, ...], block: Place, part: int, sheltered: bool, *, sunk: bool = False
) -> Walking:
    """Go through a section; raises `Down` if a step fails."""
    for number, step in enumerate(steps):
        yield from _gate(block, sunk=sunk)
        place = (*block, part, number)
        if isinstance(step, Block):
            yield from _block(step, place, sheltered, sunk=sunk)
            sunk = False
            continue
        answer = yield Asked(step, place, block, sheltered)
        sunk = False
        if answer == FAIL:
            raise Down
        if isinstance(step, Include) and isinstance(answer, tuple):
            yield from _gate(block)
            turn, file = answer
            try:
                yield from _through(step.files[file], (*place, turn), 0, sheltered)
            except Down:
                raise Down(sunk=True) from None
        if isinstance(step, Flush) and isinstance(answer, list):
            yield from _flush(answer, place, sheltered)
    yield from _gate(block, sunk=sunk)


def _gate(block: Place, *, sunk: bool = False) -> Walking:
    if (yield Gate(block, sunk)) == FAIL:
        raise Down


def _block(block: Block, place: Place, sheltered: bool, *, sunk: bool) -> Walking:
    fine = True
    try:
        yield from _through(block.block, place, 0, sheltered or bool(block.rescue), sunk=sunk)
        sunk = False
    except Down as down:
        fine, sunk = False, down.sunk
        if block.rescue:
            try:
                yield from _through(block.rescue, place, 1, sheltered, sunk=sunk)
                fine, sunk = True, False
            except Down as again:
                sunk = again.sunk
    if block.always:
        try:
            yield from _through(block.always, place, 2, sheltered, sunk=sunk)
        except Down:
            fine = False
    if not fine:
        raise Down(sunk=True)


def _flush(handlers: list[tuple[int, Leaf]], place: Place, sheltered: bool) -> Walking:
    for number, handler in handlers:
        yield from _gate(place)
        if (yield Asked(handler, (*place, number), place, sheltered)) == FAIL:
            raise Down
    yield from _gate(place)


@dataclass
class Host:
    """One host: how far it is, and what it has seen."""

    name: str
    tree: Tree
    answers: list[object] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)
    due: set[int] = field(default_factory=set)
    gone: bool = False
    """Lost, or has left the play."""
    failed: bool = False
    lost: bool = False

    def _walk(self) -> Walking:
        yield from _through(self.tree.steps, (), 0, sheltered=False)
        answer = yield Asked(Flush(), (1,), (1,), sheltered=False)
        if isinstance(answer, list):
            yield from _flush(answer, (1,), sheltered=False)

    def _stands(self, answers: list[object]) -> Gate | Asked | None:
        """Where the host is after *answers*; None: at the end."""
        walking = self._walk()
        try:
            at = next(walking)
            for answer in answers:
                at = walking.send(answer)
        except StopIteration:
            return None
        except Down:
            self.failed = True
            return None
        return at

    def next(self) -> Asked | None:
        """Give what the host asks for next; it has not moved for that."""
        answers = list(self.answers)
        while isinstance(at := None if self.gone else self._stands(answers), Gate):
            answers.append(GO)
        return at

    def answer(self, answer: object) -> None:
        """Go to what is asked for, and past it."""
        while isinstance(self._stands(self.answers), Gate):
            self.answers.append(GO)
        self.answers.append(answer)

    def struck(self, times: int, place: Place) -> None:
        """Fail where it stands, as somebody did at *place*: in the innermost block of both."""
        while isinstance(at := self._at(), Gate):
            if at.sunk:
                return
            if place[: len(at.block)] == at.block:
                self.hit(times, at.block)
                return
            self.answers.append(GO)

    def hit(self, times: int, block: Place) -> None:
        """Fail in *block*: its sections by turns, and nothing beyond it."""
        for _ in range(times):
            at = self._at()
            if isinstance(at, Gate) and at.block == block:
                self.answers.append(FAIL)

    def _at(self) -> Gate | Asked | None:
        return None if self.gone else self._stands(self.answers)


# -- all hosts, in step --------------------------------------------------------------------------


@dataclass
class Interpreted:
    """A tree that was walked by all hosts."""

    hosts: dict[str, Host]
    condemned: set[str] = field(default_factory=set)
    """Failed because others did: they are out of what comes after the play."""
    furthest: Place = ()
    """The last place that a task has run at."""
    late: bool = False
    """Somebody has come to a place where others had been before."""
    belated: bool = False
    """After that, somebody has acted or failed for all others: who was ahead then is nowhere said,
    and neither stock's order nor ours is worth a rule."""

    def left(self) -> list[Host]:
        """Give the hosts that take part in the next play."""
        lost = {host.name for host in self.hosts.values() if host.lost}
        failed = {host.name for host in self.hosts.values() if host.failed} | self.condemned
        if len(failed) + len(lost) == len(self.hosts):  # who is both counts twice (stock)
            return []
        return [host for host in self.hosts.values() if host.name not in failed | lost]

    @property
    def exit_code(self) -> int:
        """What the run ends with: whoever is out of its second play counts as failed there."""
        if any(host.lost for host in self.hosts.values()):
            return 4
        own = any(host.failed for host in self.hosts.values())
        return 2 if own or (self.condemned and self.left()) else 0


def interpret(tree: Tree) -> Interpreted:
    """Walk *tree*: in step under linear, each host alone under free."""
    done = Interpreted({name: Host(name, tree) for name in HOSTS})
    if tree.strategy == "linear":
        _in_step(tree, done, list(done.hosts.values()))
    else:
        for host in done.hosts.values():
            _in_step(tree, done, [host])
    for host in done.left():
        _count(host, Leaf("again"), "ok", sheltered=False)
    return done


def _in_step(tree: Tree, done: Interpreted, company: list[Host]) -> None:
    while True:
        asked = {host.name: at for host in company if (at := host.next()) is not None}
        if not asked:
            return
        place = min(at.place for at in asked.values())
        here = [host for host in company if host.name in asked and asked[host.name].place == place]
        at = asked[here[0].name]
        match at.step:
            case Leaf():
                _leaf(tree, done, company, here, at)
            case Include():
                _include(at.step, here)
            case Flush():
                for host in here:
                    host.answer([(n, tree.handlers[n]) for n in sorted(host.due)])
            case End():
                _end(at.step, here)


def _end(step: End, here: list[Host]) -> None:
    for host in here:
        host.gone = host.gone or host.name in step.hosts
        host.answer(GO)


def _include(step: Include, here: list[Host]) -> None:
    turns: list[int] = []
    for host in here:
        if host.name not in step.chosen:
            host.tally["skipped"] += 1
            host.answer(GO)
            continue
        file = step.chosen[host.name]
        if file not in turns:
            turns.append(file)
        host.tally["ok"] += 1
        host.answer((turns.index(file), file))


def _leaf(tree: Tree, done: Interpreted, company: list[Host], here: list[Host], at: Asked) -> None:
    leaf = at.step
    assert isinstance(leaf, Leaf)
    lockstep = tree.strategy == "linear"
    once = leaf.once and lockstep
    at_work = here[:1] if once else here
    came_to = {host.name: leaf.on(host.name) for host in at_work}
    failed = {name for name, what in came_to.items() if what == "failed"}
    lost = {name for name, what in came_to.items() if what == "unreachable"}
    all_fail = (leaf.fatal or once) and lockstep and not leaf.ignored and bool(failed or lost)
    present = [host for host in company if not host.lost]
    done.late |= at.place <= done.furthest
    done.belated |= done.late and (once or all_fail)
    done.furthest = max(done.furthest, at.place)
    for host in at_work:
        host.due -= {number for number, one in enumerate(tree.handlers) if one is leaf}
        _count(host, leaf, came_to[host.name], sheltered=at.sheltered)
    for host in here:
        host.answer(FAIL if all_fail or host.name in failed else GO)
    if not all_fail:
        return
    for host in present:
        if host.name in failed:
            continue
        done.condemned.add(host.name)
        twice = once and bool(failed)
        if host not in here:
            host.struck(1 + twice, at.place)
        elif twice:
            host.hit(1, at.block)


def _count(host: Host, leaf: Leaf, what: str, *, sheltered: bool) -> None:
    host.seen.append((leaf.name, what))
    counted = {
        "changed": ("ok", "changed"),
        "ignored": ("ok", "ignored") + (("changed",) if host.name in leaf.changes else ()),
        "failed": ("rescued" if sheltered else "failed",),
    }.get(what, (what,))
    host.tally.update(counted)
    if what == "failed" and not sheltered:
        host.failed = True
    if what == "unreachable":
        host.gone = host.lost = True
    if what == "changed" and leaf.notify is not None:
        host.due.add(leaf.notify)
