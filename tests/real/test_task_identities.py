"""Another run of the same files finds each task under the same name: nothing else is, twice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter

import pytest
from unit.ledger.run_told import read

FILES = {
    "site.yml": """
- hosts: all
  gather_facts: true
  gather_subset: ["!all"]
  STRATEGY
  roles: [one, {role: one, tags: [again]}]
  pre_tasks:
    - import_tasks: flat.yml
    - import_tasks: flat.yml
  tasks:
    - block:
        - debug: msg=in
        - block:
            - fail: msg=no
          rescue:
            - debug: msg=rescued
              changed_when: true
              notify: tell
      always:
        - debug: msg=always
    - include_tasks: looped.yml
      loop: "{{ mine }}"
    - include_tasks: looped.yml
      loop: [x, x]
    - include_role: {name: two}
    - include_role: {name: two, tasks_from: other}
      loop: [p, q]
      loop_control: {index_var: at}
    - import_role: {name: one}
    - meta: flush_handlers
    - debug: msg=again
      changed_when: true
      notify: tell
    - debug: msg={{ item }}
      loop: [same, same]
  handlers:
    - name: tell
      include_tasks: told.yml
    - import_tasks: flat.yml
- hosts: all
  gather_facts: false
  STRATEGY
  tasks:
    - debug: msg=in
    - include_tasks: secret.yml
      loop: [s3cret, s3cret]
      no_log: true
""",
    "flat.yml": "- debug: msg=flat\n- debug: msg=flatter\n",
    "looped.yml": "- debug: msg={{ item }}\n- include_tasks: deep.yml\n",
    "deep.yml": "- block:\n    - debug: msg=deep\n",
    "told.yml": "- debug: msg=told\n",
    "secret.yml": "- debug: msg=hidden\n",
    "roles/one/tasks/main.yml": "- debug: msg=one\n  changed_when: true\n  notify: of one\n",
    "roles/one/handlers/main.yml": "- name: of one\n  debug: msg=asked\n",
    "roles/one/meta/main.yml": "allow_duplicates: true\ndependencies: [zero]\n",
    "roles/zero/tasks/main.yml": "- debug: msg=zero\n",
    "roles/two/tasks/main.yml": "- debug: msg=two\n",
    "roles/two/tasks/other.yml": "- debug: msg=other\n",
    "host_vars/a.yml": "mine: [x, y]\n",
    "host_vars/b.yml": "mine: [y]\n",
    "hosts": "a\nb\nc\n",
    "host_vars/c.yml": "mine: [z, y]\n",
}


@pytest.fixture
def names(tmp_path):
    """Run the playbook; give (host, identity, turn, item's place, kind) of all it came to."""

    def names(folder="here", strategy="", hosts="all"):
        home, state = tmp_path / folder, tmp_path / "state"
        for name, text in FILES.items():
            path = home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("STRATEGY", strategy))
        words = ["-i", str(home / "hosts"), "-c", "local", "-l", hosts, str(home / "site.yml")]
        ran = subprocess.run(
            [sys.executable, "-m", "outlast", "playbook", *words],
            env={**os.environ, "OUTLAST_STATE_DIR": str(state), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        with read(state / "ledger.sqlite") as ledger:
            results = ledger.results(ledger.runs()[0].id)
        shutil.rmtree(state)
        return Counter(
            (one.host, one.identity, one.turn, one.position, one.kind) for one in results
        )

    return names


def test_every_task_has_one_name_in_every_run_and_no_two_share_it(names):
    first = names()
    assert [one for one, times in first.items() if times > 1] == []
    assert names() == first
    assert names(folder="moved/elsewhere") == first


@pytest.mark.parametrize(
    "strategy", ["strategy: free", "serial: 1", "serial: 2", "strategy: host_pinned"]
)
def test_however_the_hosts_go_through_a_task_its_name_is_the_same(names, strategy):
    assert names(strategy=strategy) == names()


def test_a_host_that_comes_alone_meets_the_same_names(names):
    of_b = {one: times for one, times in names().items() if one[0] == "b"}
    assert names(hosts="b") == of_b


def test_the_names_say_the_way(names):
    named = {identity for host, identity, *_ in names() if host == "b"}
    plain = {name for name in named if "[" not in name}
    assert plain == {
        "site.yml#0/facts",
        *("site.yml#0/pre_tasks/0", "site.yml#0/pre_tasks/1"),
        *("site.yml#0/pre_tasks/2", "site.yml#0/pre_tasks/3"),
        *("site.yml#0/tasks/0(zero)/0", "site.yml#0/tasks/1(one)/0"),
        "site.yml#0/tasks/3(one)/0",
        *("site.yml#0/tasks/4/0", "site.yml#0/tasks/4/1/0", "site.yml#0/tasks/4/1/rescue/0"),
        "site.yml#0/tasks/4/always/0",
        *(f"site.yml#0/tasks/{number}" for number in (5, 6, 7, 8, 12, 13)),
        "site.yml#0/tasks/7>two/0(two)/0",
        "site.yml#0/tasks/10(one)/0",  # zero is not repeated
        *("site.yml#0/handlers/2", "site.yml#0/handlers/2>told.yml/0"),
        "site.yml#0/handlers/5",  # of the three of that name the last is asked
        *("site.yml#1/tasks/0", "site.yml#1/tasks/1"),
        *("site.yml#1/tasks/1>secret.yml/0", "site.yml#1/tasks/1>secret.yml+1/0"),
    }
    looped = sorted(name for name in named if "tasks/6>looped.yml[" in name)
    assert len(looped) == 6  # two of two tasks, and what the second includes
    assert sum("]+1/" in name for name in looped) == 3  # an item like another is the second of it
