"""Writes random trees as playbooks among the cases: `python tests/differential/planting.py`.

The trees are those that the engine is compared with an interpreter for; seeds make them, so the
same files come of it every time. Record them after that.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1]))

from trees import Block, End, Flush, Include, Leaf, Step, Tree, grown

from differential.harness import CASES

SEEDS = tuple(seed for seed in range(27) if seed not in {8, 14})
"""Not those in which stock is not of one mind: in 8 a host that `any_errors_fatal` has failed runs
a handler nevertheless, in 14 it depends on the clock which hosts an include is told of at once."""
FREE = 5
"""Every so manieth is for the free strategy."""


def tree_of(seed: int) -> Tree:
    """Give the tree that stands in the case of this number."""
    return grown(Random(seed), "free" if seed % FREE == FREE - 1 else "linear")


class Writer:
    """Writes one tree."""

    def __init__(self, seed: int, tree: Tree, folder: Path) -> None:
        self.name = f"trees_{seed:02}"
        self.tree = tree
        self.folder = folder

    def write(self) -> None:
        """Write the playbook and the files it includes."""
        strategy = self.tree.strategy
        notes = "hosts in any order" if strategy == "linear" else "lines in any order"
        lines = [
            f"# run({self.name}, {notes}): -i trees.ini {self.name}.yml",
            f"# A random tree under {strategy}: who goes where when something fails.",
            "- hosts: all",
            f"  strategy: {strategy}",
            "  gather_facts: false",
            "  tasks:",
            *self.steps(self.tree.steps, 4),
            "  handlers:",
            *self.steps(self.tree.handlers, 4),
            "- hosts: all",
            "  gather_facts: false",
            "  tasks:",
            *self.steps((Leaf("again"),), 4),
        ]
        (self.folder / f"{self.name}.yml").write_text("\n".join(lines) + "\n")

    def steps(self, steps: tuple[Step, ...], indent: int) -> list[str]:
        return [" " * indent + line for step in steps for line in self.step(step)]

    def step(self, step: Step) -> list[str]:
        match step:
            case Leaf():
                return self.leaf(step)
            case Include():
                return self.include(step)
            case Flush():
                return ["- meta: flush_handlers"]
            case End():
                return ["- meta: end_host", f"  when: {among(step.hosts)}"]
        return self.block(step)

    def block(self, block: Block) -> list[str]:
        lines = ["- block:", *self.steps(block.block, 4)]
        for section in ("rescue", "always"):
            if steps := getattr(block, section):
                lines += [f"  {section}:", *self.steps(steps, 4)]
        return lines

    def include(self, include: Include) -> list[str]:
        place = self.folder / "trees"
        place.mkdir(exist_ok=True)
        for number, steps in enumerate(include.files):
            text = "\n".join(self.steps(steps, 0)) + "\n"
            (place / f"{self.name}_{include.name}_{number}.yml").write_text(text)
        number = f"{{{{ {include.chosen}[inventory_hostname] }}}}"
        return [
            f"- name: {include.name}",
            f'  include_tasks: "trees/{self.name}_{include.name}_{number}.yml"',
            f"  when: {among(frozenset(include.chosen))}",
        ]

    def leaf(self, leaf: Leaf) -> list[str]:
        lines = [f"- name: {leaf.name}", *action(leaf)]
        if leaf.skips:
            lines.append(f"  when: not ({among(leaf.skips)})")
        if leaf.stumbles:
            lines += [f"  register: {leaf.name}", "  retries: 1", "  delay: 0"]
        if leaf.fails or leaf.stumbles:
            stumble = f" or ({leaf.name}.attempts == 1 and {among(leaf.stumbles)})"
            lines.append(f"  failed_when: {among(leaf.fails)}{stumble if leaf.stumbles else ''}")
        if leaf.changes:
            lines.append(f"  changed_when: {among(leaf.changes)}")
        for keyword, wanted in (
            ("ignore_errors", leaf.ignored),
            ("run_once", leaf.once),
            ("any_errors_fatal", leaf.fatal),
        ):
            lines += [f"  {keyword}: true"] * wanted
        if leaf.notify is not None:
            lines.append(f"  notify: {self.tree.handlers[leaf.notify].name}")
        return lines


def action(leaf: Leaf) -> list[str]:
    if not leaf.loses:
        return [f"  debug: {{msg: {leaf.name}}}"]
    by = f"{{{{ {among(leaf.loses)} | ternary('ssh', 'local') }}}}"
    return ["  ping:", f'  vars: {{ansible_connection: "{by}"}}']


def among(hosts: frozenset[str]) -> str:
    return f"(inventory_hostname in {sorted(hosts)})"


def main() -> None:
    """Write all."""
    shutil.rmtree(CASES / "trees", ignore_errors=True)
    for seed in SEEDS:
        Writer(seed, tree_of(seed), CASES).write()


if __name__ == "__main__":
    main()
