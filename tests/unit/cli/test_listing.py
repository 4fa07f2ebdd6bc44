"""Lists of what would be done look as stock's do."""

from __future__ import annotations

from outlast.cli.listing import Listed, listing
from outlast.cli.options import RunOptions
from outlast.playbook.model import ActionCall, Block, Keywords, Play, Task
from outlast.values import Origin, Template

HERE = Origin("/p/l.yml", 1, 1)


def task(name, *tags, action="ping", implicit=False):
    call = ActionCall(action, f"ansible.builtin.{action}", {}, HERE)
    keywords = Keywords(tags=frozenset({"pt", *tags}))
    return Task(name=name, action=call, origin=HERE, keywords=keywords, implicit=implicit)


PLAY = Play(
    name="first",
    hosts=["a", "b"],
    origin=HERE,
    keywords=Keywords(tags=frozenset({"pt"})),
    pre_tasks=(task("pre"),),
    tasks=(
        task("", action="setup", implicit=True),
        Block(
            block=(task(Template("in block {{ x }}"), "blk", "z", "a"),),
            rescue=(task("in rescue", "blk", "resc"),),
            origin=HERE,
        ),
        task("", action="include_tasks"),
        task("never", "never"),
        task("", "always", action="ansible.builtin.command"),
    ),
    handlers=(task("h"),),
)
OTHER = Play(name="", hosts="all:!a", origin=HERE)
PLAYS = [Listed(PLAY, ("a", "b"), ("a", "b")), Listed(OTHER, ("all:!a",), ("b", "c"))]


def shown(**flags):
    return listing("l.yml", PLAYS, RunOptions(playbooks=("l.yml",), **flags))


def test_tasks_are_listed_with_their_tags():
    assert shown(list_tasks=True) == (
        "\n"
        "playbook: l.yml\n"
        "\n"
        "  play #1 (a,b): first\tTAGS: [pt]\n"
        "    tasks:\n"
        "      pre\tTAGS: [pt]\n"
        "      in block {{ x }}\tTAGS: [a, blk, pt, z]\n"
        "      include_tasks\tTAGS: [pt]\n"
        "      ansible.builtin.command\tTAGS: [always, pt]\n"
        "\n"
        "  play #2 (all:!a): all:!a\tTAGS: []\n"
        "    tasks:\n"
    )


def test_hosts_are_listed_with_their_pattern():
    assert shown(list_hosts=True) == (
        "\n"
        "playbook: l.yml\n"
        "\n"
        "  play #1 (a,b): first\tTAGS: [pt]\n"
        "    pattern: ['a', 'b']\n"
        "    hosts (2):\n"
        "      a\n"
        "      b\n"
        "\n"
        "  play #2 (all:!a): all:!a\tTAGS: []\n"
        "    pattern: ['all:!a']\n"
        "    hosts (2):\n"
        "      b\n"
        "      c\n"
    )


def test_tags_are_listed_together():
    assert shown(list_tags=True, tags=("never", "all")).splitlines()[4:] == [
        "      TASK TAGS: [a, always, blk, never, pt, z]",
        "",
        "  play #2 (all:!a): all:!a\tTAGS: []",
        "      TASK TAGS: []",
    ]


def test_only_what_the_tags_select_is_listed():
    assert shown(list_tasks=True, list_tags=True, tags=("z",)).splitlines()[4:8] == [
        "    tasks:",
        "      in block {{ x }}\tTAGS: [a, blk, pt, z]",
        "      ansible.builtin.command\tTAGS: [always, pt]",
        "      TASK TAGS: [a, always, blk, pt, z]",
    ]


def test_a_syntax_check_names_the_playbook_and_no_more():
    assert shown(syntax_check=True, list_tasks=True) == "\nplaybook: l.yml\n"
