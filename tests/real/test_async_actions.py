"""Every action comes to the same with `async` as without: polled, and asked for by async_status.

Three playbooks do the same things in three folders on a real host, one in each way.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

TASKS = {
    "copy_content": "copy: {content: hello, dest: '{{ at }}/content', mode: '0600'}",
    "copy_file": "copy: {src: a.txt, dest: '{{ at }}/'}",
    "copy_again": "copy: {src: a.txt, dest: '{{ at }}/', mode: '0640'}",
    "copy_not_forced": "copy: {src: b.txt, dest: '{{ at }}/a.txt', force: false}",
    "copy_on_host": "copy: {src: '{{ at }}/a.txt', dest: '{{ at }}/twin', remote_src: true}",
    "copy_folder": "copy: {src: tree, dest: '{{ at }}/'}",
    "copy_missing": "copy: {src: nowhere.txt, dest: '{{ at }}/'}",
    "copy_refused_by_host": "copy: {src: a.txt, dest: '{{ at }}/no/such/place'}",
    "copy_with_diff": "{copy: {src: b.txt, dest: '{{ at }}/a.txt'}, diff: true}",
    "copy_checked": "{copy: {src: a.txt, dest: '{{ at }}/new'}, check_mode: true, diff: true}",
    "copy_secret": "{copy: {content: hush, dest: '{{ at }}/secret'}, no_log: true}",
    "template": "template: {src: t.j2, dest: '{{ at }}/t'}",
    "template_again": "template: {src: t.j2, dest: '{{ at }}/t'}",
    "template_missing": "template: {src: nowhere.j2, dest: '{{ at }}/t'}",
    "unarchive": "unarchive: {src: a.tar, dest: '{{ at }}'}",
    "unarchive_not_needed": "unarchive: {src: a.tar, dest: '{{ at }}', creates: '{{ at }}'}",
    "assemble": "assemble: {src: '{{ at }}/tree', dest: '{{ at }}/whole'}",
    "raw": "raw: 'echo out; echo err >&2'",
    "raw_failed": "raw: 'echo out; exit 3'",
    "raw_with_environment": "{raw: 'echo out', environment: {A: b}}",
    "raw_checked": "{raw: 'echo out', check_mode: true}",
    "script": "{script: s.sh 0 one, environment: {WHERE: here, LANG: C}}",
    "script_elsewhere": "script: {cmd: s.sh 0, chdir: '{{ at }}', executable: /bin/sh}",
    "script_failed": "script: s.sh 3",
    "script_not_needed": "script: {cmd: s.sh, creates: '{{ at }}'}",
    "script_missing": "script: nowhere.sh",
    "fetch": "fetch: {src: '{{ at }}/a.txt', dest: '{{ at }}/fetched/', flat: true}",
    "fetch_missing": "fetch: {src: '{{ at }}/gone', dest: '{{ at }}/fetched/', flat: true}",
    "set_fact": "set_fact: {learnt: [1, {two: three}]}",
    "set_fact_secret": "{set_fact: {hidden: hush}, no_log: true}",
    "set_fact_nothing": "set_fact: {}",
    "debug": "debug: {msg: [said, 1]}",
    "debug_unshown": "debug: {msg: said, verbosity: 3}",
    "assert_true": "assert: {that: [1 == 1], success_msg: so it is}",
    "assert_false": "assert: {that: [1 == 2], fail_msg: not so}",
    "fail": "fail: {msg: no more}",
    "pause": "pause: {seconds: 1}",
    "include_vars": "include_vars: {file: v.yml}",
    "set_stats": "set_stats: {data: {counted: 3}}",
    "add_host": "add_host: {name: newcomer, groups: made}",
    "add_host_again": "add_host: {name: newcomer, groups: made}",
    "group_by": "group_by: {key: grouped}",
    "validate": "validate_argument_spec: {argument_spec: {x: {}}, provided_arguments: {x: 1}}",
    "gather_facts": "gather_facts: {gather_subset: [min]}",
    "wait_for_connection": "wait_for_connection: {}",
    "wait_for_nobody": "{wait_for_connection: {timeout: 0}}",
}
REFUSED = {"copy_missing", "script_missing", "set_fact_nothing", "template_missing"}
"""What keeps the task from beginning is told at once: there is no job."""
OF_JOBS = {"ansible_job_id", "attempts", "finished", "results_file", "started"}
OF_OUTPUT = {"stdout", "stdout_lines", "stderr", "stderr_lines"}
TIMES = {"start", "stop", "delta", "elapsed"}

HEAD = """\
- hosts: all
  gather_facts: false
  vars: {{at: "{{{{ playbook_dir }}}}/{way}"}}
  tasks:
"""
CASE = """\
    - {{name: "{name}", register: start, ignore_errors: true, {task}{how}}}
"""
PLAIN = """\
    - vars: {seen: "{{ start }}"}
"""
ASKED = """\
    - async_status: {jid: "{{ start.ansible_job_id }}"}
      register: asked
      until: asked is finished
      retries: 600
      delay: 1
      when: start.ansible_job_id is defined
      ignore_errors: true
    - vars: {seen: "{{ asked if start.ansible_job_id is defined else start }}"}
"""
KEPT = """\
      copy: {{content: "{{{{ seen | to_json }}}}", dest: "{{{{ at }}}}/.seen.{name}"}}
"""
LEARNT = """\
    - copy:
        content: "{{ [learnt, included, groups.made, groups.grouped, hidden] | to_json }}"
        dest: "{{ at }}/.learnt"
"""
WAYS = {
    "plain": ("", PLAIN),
    "polled": (", async: 60, poll: 1", PLAIN),
    "asked": (", async: 60, poll: 0", ASKED),
}


def playbook(way: str) -> str:
    how, seen = WAYS[way]
    lines = [HEAD.format(way=way)]
    for name, task in TASKS.items():
        written = task[1:-1] if task.startswith("{") else task
        lines += [CASE.format(name=name, task=written, how=how), seen, KEPT.format(name=name)]
    return "".join([*lines, LEARNT])


def sources(folder: Path) -> None:
    (folder / "a.txt").write_text("one\n")
    (folder / "b.txt").write_text("two\n")
    (folder / "t.j2").write_text("on {{ inventory_hostname }}\n")
    (folder / "v.yml").write_text("included: yes indeed\n")
    (folder / "s.sh").write_text(
        '#!/bin/sh\necho "$*"; env | grep "^L\\|^WHERE" | sort; cat; yes | head -1; exit $(($1))\n'
    )
    (folder / "tree/below").mkdir(parents=True)
    (folder / "tree/1").write_text("1\n")
    (folder / "tree/2").write_text("2\n")
    (folder / "tree/below/empty").mkdir()
    with tarfile.open(folder / "a.tar", "w") as archive:
        archive.add(folder / "tree/1", "unpacked")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Run the three playbooks; gives the folder in which each has left what it saw."""
    folder = tmp_path_factory.mktemp("world")
    sources(folder)
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"here": host}}}))
    for way in WAYS:
        (folder / way).mkdir()
        (folder / f"{way}.yml").write_text(playbook(way))
        done = run(folder, f"{way}.yml")
        (folder / way / ".console").write_text(done.stdout + done.stderr)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


def run(folder, *words):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE")}
    return subprocess.run(
        [sys.executable, "-m", "outlast", "playbook", "-i", "hosts.yml", *words],
        cwd=folder,
        env={**kept, "HOME": str(folder), "OUTLAST_STATE_DIR": str(folder / "state")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def seen(folder, way, name):
    """Give what a playbook sees in the end, without what differs from run to run."""
    text = (folder / way / f".seen.{name}").read_text().replace(f"{folder}/{way}", "/AT")
    result = json.loads(text)
    for key in TIMES & result.keys():
        result[key] = "some"
    if name.startswith(("copy", "template", "unarchive", "assemble")):
        result["src"] = str(result.get("src")).rpartition("/")[0].startswith("/AT")
    if "extract_results" in result:
        del result["extract_results"]["cmd"]
    if name == "pause":
        result["stdout"] = result["stdout"].partition(".")[0]
    if name == "gather_facts":
        result["ansible_facts"] = sorted(result["ansible_facts"])
    return result


@pytest.mark.parametrize("way", ["polled", "asked"])
@pytest.mark.parametrize("name", TASKS)
def test_an_action_comes_to_the_same_with_async(world, name, way):
    alone, job = seen(world, "plain", name), seen(world, way, name)
    assert {key: job.get(key) for key in alone} == alone
    added = job.keys() - alone.keys()
    if way == "asked" and alone.get("skipped"):
        added.discard("failed")  # as in every result of a module that skipped itself
        assert job["failed"] is False
    assert added <= OF_JOBS | OF_OUTPUT, f"{way}: {sorted(added)}"
    assert all(not job[key] for key in added & {"stdout", "stderr"})
    assert job.get("finished") is (None if name in REFUSED else True)


@pytest.mark.parametrize("way", ["polled", "asked"])
def test_what_an_action_changes_in_the_run_is_changed_with_async_too(world, way):
    learnt = [json.loads((world / one / ".learnt").read_text()) for one in ("plain", way)]
    assert learnt[0] == learnt[1]
    assert learnt[0] == [[1, {"two": "three"}], "yes indeed", ["newcomer"], ["here"], "hush"]


def files_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


@pytest.mark.parametrize("way", ["polled", "asked"])
def test_the_host_ends_up_with_the_same_files(world, way):
    files = files_of(world / "plain")
    assert {"content", "a.txt", "tree/1", "t", "unpacked", "whole", "fetched/a.txt"} <= files.keys()
    assert files_of(world / way) == files


def test_no_file_of_a_job_stays_and_what_is_secret_is_not_shown(world):
    jobs = world / ".ansible_async/.outlast"
    assert [path for path in jobs.glob("*/*") if path.is_dir()] == []
    for way in WAYS:
        assert "hush" not in (world / way / ".console").read_text()
