"""Texts that would eat a program: each is told clearly, in bounded time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PLAY = "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: {msg: done}\n"
BOMB = 'a0: &a0 ["lol","lol","lol","lol","lol","lol","lol","lol","lol"]\n' + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)
MERGES = "a0: &a0 {k0: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}], k{n}: 1}}\n" for n in range(1, 12)
)
MEGABYTE = "x" * 1_000_000
MANY_WORDS = ("x " * 200_000).strip()
PARSED = "YAML parsing failed"
DEEP = "This YAML is too deeply nested or too large."


def _vars(text):
    return {"p.yml": "- hosts: localhost\n  vars:\n    " + text.replace("\n", "\n    ") + "\n"}


def _vars_file(text):
    return {
        "p.yml": PLAY.replace("  tasks", "  vars_files: [v.yml]\n  tasks"),
        "v.yml": text,
    }


def _chain(count):
    """Files that include each other, the last one the first."""
    names = [f"t{n}.yml" for n in range(count)]
    following = [*names[1:], names[0]]
    return {
        name: f"- import_tasks: {after}\n" for name, after in zip(names, following, strict=True)
    } | {"p.yml": "- hosts: localhost\n  tasks:\n    - import_tasks: t0.yml\n"}


# name: (files, exit code, what is said)
TEXTS = {
    "aliases that multiply": (_vars(BOMB), 4, DEEP),
    "aliases that multiply in vars_files": (_vars_file(BOMB), 4, DEEP),
    "merges that multiply": (_vars(MERGES), 4, DEEP),
    "an anchor within itself": (_vars("a: &a [*a]"), 4, DEEP),
    "flow lists in each other": (_vars("a: " + "[" * 100_000), 4, DEEP),
    "flow lists in each other, closed": (_vars("a: " + "[" * 3000 + "]" * 3000), 4, DEEP),
    "block lists in each other": ({"p.yml": "- " * 50_000 + "a\n"}, 4, DEEP),
    "mappings in each other": ({"p.yml": "? " * 50_000 + "a\n"}, 4, DEEP),
    "blocks in each other": (
        {
            "p.yml": "- hosts: localhost\n  tasks:\n"
            + "".join(f"{' ' * (4 + 4 * n)}- block:\n" for n in range(400))
            + f"{' ' * 1700}- debug:\n"
        },
        4,
        "These blocks are too deeply nested.",
    ),
    "templates in each other": (
        {"p.yml": PLAY.replace("done", '"{{ ' + "(" * 5000 + "1" + ")" * 5000 + ' }}"')},
        2,
        "",
    ),
    "a line of a megabyte": ({"p.yml": PLAY.replace("done", MEGABYTE)}, 0, MEGABYTE),
    "a line of a megabyte that is wrong": (
        {"p.yml": PLAY.replace("{msg: done}", "{msg: " + MEGABYTE)},
        4,
        PARSED,
    ),
    "a keyword of a megabyte": ({"p.yml": PLAY + f"      {MEGABYTE}: 1\n"}, 4, PARSED),
    "a module of a megabyte": ({"p.yml": PLAY + f"    - {MEGABYTE}:\n"}, 4, PARSED),
    "a name of a megabyte": ({"p.yml": PLAY + f"      name: {MEGABYTE}\n"}, 0, "done"),
    "a quoted argument of many words": (
        {"p.yml": PLAY.replace("{msg: done}", f'msg="{MANY_WORDS}"')},
        0,
        MANY_WORDS,
    ),
    "a quoted argument of many words that does not end": (
        {"p.yml": PLAY.replace("{msg: done}", f"msg={{{{ {MANY_WORDS}")},
        4,
        "unbalanced jinja2 block or quotes",
    ),
    "many plays that say nothing": ({"p.yml": "-\n" * 100_000}, 4, "playbook entries"),
    "bytes that are no text": ({"p.yml": bytes(range(256)) * 100}, 4, "is not UTF-8 text"),
    "zero bytes": ({"p.yml": b"\0" * 1_000_000}, 4, PARSED),
    "control characters": ({"p.yml": PLAY.replace("done", "a\x01b")}, 4, PARSED),
    "UTF-16": ({"p.yml": PLAY.encode("utf-16")}, 4, "is not UTF-8 text"),
    "invalid UTF-8 in vars_files": (_vars_file(b"a: \xff\n"), 4, "is not UTF-8 text"),
    "a byte order mark": ({"p.yml": b"\xef\xbb\xbf" + PLAY.encode()}, 0, "done"),
    "lines that end as in DOS": ({"p.yml": PLAY.replace("\n", "\r\n")}, 0, "done"),
    "a file of tasks that imports itself": (
        {"p.yml": "- hosts: localhost\n  tasks:\n    - import_tasks: t.yml\n"}
        | {"t.yml": "- import_tasks: t.yml\n"},
        4,
        "t.yml",
    ),
    "files of tasks that import each other": (_chain(30), 4, "imported by what it imports itself"),
    "a file of tasks that includes itself": (
        {"p.yml": PLAY + "    - include_tasks: t.yml\n", "t.yml": "- include_tasks: t.yml\n"},
        4,
        "includes, each within the one before",
    ),
    "a file of blocks that includes itself": (
        {
            "p.yml": PLAY + "    - include_tasks: t.yml\n",
            "t.yml": "- block:\n    - block:\n        - include_tasks: t.yml\n",
        },
        4,
        "includes, each within the one before",
    ),
    "a playbook that imports itself": ({"p.yml": "- import_playbook: p.yml\n"}, 4, "p.yml"),
    "roles in a circle": (
        {
            "p.yml": "- hosts: localhost\n  roles: [a]\n",
            "roles/a/meta/main.yml": "dependencies: [b]\n",
            "roles/b/meta/main.yml": "dependencies: [a]\n",
        },
        1,
        "A recursion loop was detected",
    ),
    "a role that includes itself": (
        {"p.yml": PLAY + "    - include_role: {name: a}\n"}
        | {"roles/a/tasks/main.yml": "- include_role: {name: a}\n"},
        4,
        "includes, each within the one before",
    ),
    "a role that imports itself": (
        {"p.yml": PLAY + "    - import_role: {name: a}\n"}
        | {"roles/a/tasks/main.yml": "- import_role: {name: a}\n"},
        1,
        "A recursion loop was detected",
    ),
    "a template that looks itself up": (
        {
            "p.yml": PLAY.replace("done", "\"{{ lookup('template', 't.j2') }}\""),
            "t.j2": "{{ lookup('template', 't.j2') }}",
        },
        2,
        "Recursive loop detected",
    ),
    "a macro that calls itself": (
        {"p.yml": PLAY.replace("done", '"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"')},
        2,
        "Recursive loop detected",
    ),
    "aliases that multiply in host_vars": (
        {"p.yml": PLAY, "host_vars/localhost.yml": BOMB},
        4,
        DEEP,
    ),
    "aliases that multiply in a role's meta": (
        {"p.yml": "- hosts: localhost\n  roles: [a]\n", "roles/a/meta/main.yml": BOMB},
        4,
        DEEP,
    ),
    "merges each of the one before": (
        _vars(
            "\n".join(
                f"b{n}: &b{n} {{x{n}: 1{f', <<: *b{n - 1}' if n else ''}}}" for n in range(2000)
            )
        ),
        4,
        DEEP,
    ),
    "a number of a megabyte": (_vars("a: " + "9" * 1_000_000), 4, PARSED),
    "a variable that is itself": (
        {"p.yml": PLAY.replace("done", '"{{ a }}"') + '  vars: {a: "{{ b }}", b: "{{ a }}"}\n'},
        2,
        "",
    ),
}


# A small process starts the program: what a process weighed before it became another counts.
MEASURE = """
import json, os, subprocess, sys
child = subprocess.Popen(sys.argv[1:])
_, status, used = os.wait4(child.pid, 0)
took = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
print("\\n" + json.dumps([os.waitstatus_to_exitcode(status), *took]), end="")
"""


@dataclass
class Seen:
    """How a run ended, and what it took."""

    code: int
    said: str
    seconds: float
    megabytes: float


def run(folder: Path, name: str = "p.yml") -> Seen:
    """Run a playbook in *folder*; tells what it took."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    environment |= {"XDG_STATE_HOME": str(folder), "ANSIBLE_CONFIG": str(folder / "ansible.cfg")}
    (folder / "ansible.cfg").touch()
    program = [sys.executable, "-m", "outlast", "playbook", "-i", "localhost,", "-c", "local", name]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *program],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    said, _, measured = done.stdout.decode(errors="replace").rpartition("\n")
    code, seconds, megabytes = json.loads(measured)
    return Seen(code, said, seconds, megabytes)


def _written(folder: Path, files) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_text_is_told_in_bounded_time_and_memory(name, tmp_path):
    files, code, told = TEXTS[name]
    _written(tmp_path, files)
    seen = run(tmp_path)
    assert told in seen.said
    assert "Traceback" not in seen.said
    assert "probably a bug" not in seen.said
    assert seen.code == code
    assert seen.seconds < 1
    assert seen.megabytes < 200


def test_a_folder_in_place_of_a_file_is_told(tmp_path):
    (tmp_path / "t.yml").mkdir()
    _written(tmp_path, {"p.yml": PLAY + "    - import_tasks: t.yml\n"})
    seen = run(tmp_path)
    assert seen.code == 1
    assert "Could not find or access" in seen.said
    assert "p.yml:5:7" in seen.said
