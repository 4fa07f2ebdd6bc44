"""A play's header and sections arrive whole."""

from __future__ import annotations

import pytest

from outlast.errors import SourceMissing
from outlast.values import Template


def test_a_bare_play_has_hosts_and_nothing_else(room):
    play = room.play("- hosts: all")
    assert (play.name, play.hosts, play.vars, play.vars_files) == ("", "all", {}, ())
    assert (play.gather_facts, play.strategy, play.serial, play.order) == (None, None, (), None)
    assert (play.pre_tasks, play.tasks, play.post_tasks, play.handlers) == ((), (), (), ())
    assert (play.origin.line, play.origin.column) == (1, 3)


def test_the_header_is_kept_as_written(room):
    play = room.play(
        """
        - name: "All of {{ it }}"
          hosts: [web, "{{ more }}"]
          vars: {a: 1, b: "{{ a }}"}
          vars_files: [x.yml, [y.yml, z.yml]]
          gather_facts: no
          gather_subset: [min]
          gather_timeout: 5
          fact_path: /facts
          strategy: free
          serial: [1, "30%"]
          order: sorted
          max_fail_percentage: "20%"
          force_handlers: true
          any_errors_fatal: true
        """
    )
    assert play.name == Template("All of {{ it }}")
    assert play.hosts == ["web", Template("{{ more }}")]
    assert play.vars == {"a": 1, "b": Template("{{ a }}")}
    assert play.vars_files == ("x.yml", ["y.yml", "z.yml"])
    assert (play.gather_facts, play.gather_subset, play.gather_timeout) == (False, ["min"], 5)
    assert (play.fact_path, play.strategy, play.order) == ("/facts", "free", "sorted")
    assert (play.serial, play.max_fail_percentage) == ((1, "30%"), "20%")
    assert (play.force_handlers, play.keywords.any_errors_fatal) == (True, True)


@pytest.mark.parametrize(
    ("written", "read"), [("2", (2,)), ("'30%'", ("30%",)), ("", ()), ("[1, 2]", (1, 2))]
)
def test_one_batch_size_is_a_list_of_one(room, written, read):
    assert room.play(f"- hosts: all\n  serial: {written}").serial == read


def test_one_file_of_variables_is_a_list_of_one(room):
    assert room.play("- hosts: all\n  vars_files: a.yml").vars_files == ("a.yml",)


def test_the_sections_are_kept_apart(room):
    play = room.play(
        """
        - hosts: all
          post_tasks: [{name: c, ping: }]
          handlers: [{name: d, ping: , listen: topic}]
          tasks: [{name: b, ping: }]
          pre_tasks: [{name: a, ping: }]
        """
    )
    found = [play.pre_tasks, play.tasks, play.post_tasks, play.handlers]
    assert [[step.name for step in steps] for steps in found] == [["a"], ["b"], ["c"], ["d"]]
    assert play.handlers[0].listen == ("topic",)


def test_the_plays_keywords_reach_every_section(room):
    play = room.play(
        """
        - hosts: all
          become: true
          tags: outer
          environment: {A: "1"}
          tasks: [{ping: }]
          handlers: [{ping: }]
        """
    )
    for task in (*play.tasks, *play.handlers):
        assert (task.keywords.become, task.keywords.tags) == (True, {"outer"})
        assert task.keywords.environment == ({"A": "1"},)


def test_async_and_poll_are_nobodys_heritage(room):
    task = room.play("- hosts: all\n  tasks: [{block: [{ping: }]}, {ping: , async: 5}]").tasks[0]
    assert (task.block[0].async_limit, task.block[0].poll) == (0, None)


def test_an_old_user_is_a_remote_user(room):
    assert room.play("- hosts: all\n  user: me").keywords.remote_user == "me"


def test_plays_come_in_the_order_of_the_file(room):
    assert [play.hosts for play in room.plays("- hosts: a\n- hosts: b")] == ["a", "b"]


def test_a_playbook_may_be_json(room):
    (play,) = room.plays('[{"hosts": "all", "tasks": [{"debug": {"msg": "{{ a }}"}}]}]')
    assert play.tasks[0].action.args == {"msg": Template("{{ a }}")}


def test_a_missing_playbook_is_missing(room):
    with pytest.raises(SourceMissing):
        room.parser.parse_playbook(room.folder / "nowhere.yml")
