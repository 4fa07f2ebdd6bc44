"""Facts kept by one program and read by the other, and none lost at the end of a run."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

STOCK = [str(Path(sys.executable).parent / "ansible-playbook")]
OURS = [sys.executable, "-m", "outlast", "playbook"]

WRITES = """
- hosts: all
  gather_facts: false
  tasks:
    - set_fact:
        number: "{{ 41 + 1 }}"
        marks: "{{ '{{ 1 + 1 }}' }}"
        deep: {day: 2020-01-02, list: [1, null, {a: b}]}
        whose: "{{ inventory_hostname }}"
        cacheable: true
"""
READS = """
- hosts: h0
  gather_facts: false
  tasks:
    - debug: {msg: "{{ [number, marks, deep.list, deep.day | string, whose] | to_json }}"}
    - debug:
        msg: "{{ hostvars.values() | map(attribute='whose', default='') | unique | length }}"
"""


@pytest.fixture
def play(tmp_path):
    hosts = "".join(f"h{number}\n" for number in range(20))
    (tmp_path / "hosts.ini").write_text(f"{hosts}[all:vars]\nansible_connection=local\n")
    (tmp_path / "writes.yml").write_text(WRITES)
    (tmp_path / "reads.yml").write_text(READS)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE")},
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": "kept",
        "ANSIBLE_NOCOLOR": "1",
        "HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }

    def play(program, name):
        done = subprocess.run(
            [*program, "-i", "hosts.ini", name],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return [
            json.loads(line.partition(": ")[2])
            for line in done.stdout.splitlines()
            if line.startswith('    "msg": ')
        ]

    return play


@pytest.mark.parametrize(
    ("writer", "reader"), [(STOCK, OURS), (OURS, STOCK), (OURS, OURS)], ids=["so", "os", "oo"]
)
def test_what_one_program_keeps_the_other_reads(play, tmp_path, writer, reader):
    play(writer, "writes.yml")
    values, hosts = play(reader, "reads.yml")
    assert json.loads(values) == [42, "{{ 1 + 1 }}", [1, None, {"a": "b"}], "2020-01-02", "h0"]
    assert hosts == 20
    files = sorted((tmp_path / "kept").iterdir())
    assert [file.name for file in files] == sorted(f"s1_h{number}" for number in range(20))
    if writer is OURS:
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
