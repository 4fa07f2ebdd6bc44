"""Every variable a task sees, and who wins where many define it, is as in stock.

One playbook that defines names at every level runs under `ansible-playbook`; the same
texts are given to us, and the whole of `vars` (magic variables and hostvars included) is
compared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from outlast.inventory import load_inventory
from outlast.loader import load_file
from outlast.playbook import key_values
from outlast.values import Origin, Template
from outlast.variables import Options, Variables, parse_extra_vars

BIN = Path(sys.executable).parent
ENV = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}

LEVELS = (
    "all_inventory",
    "parent_inventory",
    "group_inventory",
    "all_files_inventory",
    "all_files_playbook",
    "parent_files_inventory",
    "group_files_inventory",
    "parent_files_playbook",
    "group_files_playbook",
    "host_inventory",
    "host_files_inventory",
    "host_files_playbook",
    "facts",
    "play_vars",
    "vars_files",
    "task_vars",
    "included_vars",
    "set_fact",
    "extra_vars",
)


def _at(level):
    """Names that stop at *level* or go on above it: each level defines those of all above."""
    here = LEVELS.index(level)
    return {f"up_to_{name}": level for name in LEVELS[here:]} | {f"only_{level}": level}


def _ini(level):
    return "".join(f"{name}={value}\n" for name, value in _at(level).items())


FACTS = {
    **_at("facts"),
    "ansible_distribution": "Weird",
    "ansible_local": {"x": 1},
    "ansible_ssh_host_key_rsa_public": "kept",
    "ansible_ssh_host": "taken away",
    "ansible_become_anything": "taken away",
    "ansible_foo_interpreter": "taken away",
    "ansible_local_bridge": "kept",
    "ansible_user": "taken away",
    "ansible_nested": {"_ansible_inner": 1, "inner": "{{ never }}"},
}

MODULE = """#!/usr/bin/python
print({text!r})
"""


def _write(folder):
    host = " ".join(f"{name}={value}" for name, value in _at("host_inventory").items())
    files = {
        "inv/hosts": f"h3\n[g]\nh1 {host}\nh2.example.com n=1\n[parent:children]\ng\n"
        f"[all:vars]\nansible_connection=local\nansible_python_interpreter={sys.executable}\n"
        f"{_ini('all_inventory')}[parent:vars]\n{_ini('parent_inventory')}"
        f"[g:vars]\n{_ini('group_inventory')}",
        "inv/group_vars/all.yml": _at("all_files_inventory"),
        "inv/group_vars/parent/one": _at("parent_files_inventory"),
        "inv/group_vars/g.json": json.dumps(_at("group_files_inventory")),
        "inv/group_vars/g.txt": "no: 1",
        "inv/host_vars/h1.yaml": _at("host_files_inventory"),
        "inv/host_vars/h2.example.com/a/b.yml": {"deep": 1, "inventory_dir": "elsewhere"},
        "inv/host_vars/h2.example.com/c~": "no: 1",
        "inv/host_vars/h2.example.com/.d": "no: 1",
        "play/group_vars/all/x.yml": _at("all_files_playbook"),
        "play/group_vars/parent.yml": _at("parent_files_playbook"),
        "play/group_vars/g": _at("group_files_playbook"),
        "play/host_vars/h1": _at("host_files_playbook"),
        "play/vars/file.yml": "- " + json.dumps(_at("vars_files")) + "\n- {second: 2}\n",
        "play/file.yml": {"only_wrong_file": 1},
        "play/included.yml": _at("included_vars"),
        "play/extra.yml": _at("extra_vars"),
        "play/library/some_facts.py": MODULE.format(
            text=json.dumps({"changed": False, "ansible_facts": FACTS})
        ),
        "play/play.yml": [PLAY],
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))


SEEN = {"copy": {"content": "{{ vars | to_json }}", "dest": "seen-{{ inventory_hostname }}.json"}}
PLAY = {
    "hosts": ["all", "!nobody"],
    "gather_facts": False,
    "vars": _at("play_vars"),
    "vars_files": ["missing.yml", ["missing.yml", "file.yml"]],
    "tasks": [
        {"some_facts": {}},
        {"include_vars": "included.yml", "when": "inventory_hostname == 'h1'"},
        {"set_fact": _at("set_fact"), "when": "inventory_hostname == 'h1'"},
        {"set_fact": {"kept": "{{ 1 }}", "cacheable": True}},
        {"fail": {}, "when": "inventory_hostname == 'h2.example.com'"},
        {**SEEN, "vars": _at("task_vars")},
    ],
}


@dataclass
class PlayOfTest:
    hosts: object
    origin: Origin
    vars: dict
    vars_files: list
    name: str = ""

    @property
    def vars_files_at(self):
        return [self.origin] * len(self.vars_files)


@dataclass
class PlainRendering:
    """Evaluates nothing: there is nothing to evaluate in these names."""

    rendered: list = field(default_factory=list)

    def render(self, value, scope):
        assert not isinstance(value, Template)
        self.rendered.append(value)
        return value

    def expression(self, text, scope):
        raise AssertionError(text)

    def holds(self, condition, scope, origin):
        raise AssertionError(condition)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("levels")
    _write(made)
    return made


EXTRA = ("a=1 b='x y' raw", "@extra.yml", '{"typed": [1, true]}')


@pytest.fixture(scope="module")
def stocks(folder):
    argv = [BIN / "ansible-playbook", "-i", "../inv", "-l", "g", "play.yml", "-t", "all", "-D"]
    for text in EXTRA:
        argv += ["-e", text]
    done = subprocess.run(
        argv, cwd=folder / "play", env=ENV, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stdout + done.stderr
    return json.loads((folder / "play/seen-h1.json").read_text())


@pytest.fixture(scope="module")
def ours(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "play")
        variables, play = _variables(folder)
        hosts = ["h1", "h2.example.com"]
        variables.begin_playbook("play.yml")
        variables.begin_play(play, hosts)
        for host in hosts:
            variables.add_ansible_facts(host, json.loads(json.dumps(FACTS)))
        variables.add_included_vars("h1", load_file("included.yml"))
        variables.set_facts("h1", _at("set_fact"))
        for host in hosts:
            variables.set_facts(host, {"kept": 1}, cacheable=True)
        variables.set_batch(hosts, ["h1"])
        return _plain(variables.scope("h1", _at("task_vars"))["vars"])


def _variables(folder):
    notify = [].append
    inventory = load_inventory(["../inv"], notify=notify)
    extra = parse_extra_vars(EXTRA, key_values=key_values.parse, notify=notify)
    options = Options(
        ansible_version=version("ansible-core"),
        limit="g",
        inventory_sources=inventory.sources,
        run_tags=("all",),
        diff_mode=True,
    )
    variables = Variables(
        inventory=inventory,
        extra_vars=extra,
        options=options,
        evaluate=PlainRendering(),
        notify=notify,
    )
    play = PlayOfTest(
        hosts=PLAY["hosts"],
        origin=Origin(str(folder / "play/play.yml"), 1, 3),
        vars=PLAY["vars"],
        vars_files=PLAY["vars_files"],
    )
    return variables, play


def _plain(value):
    if isinstance(value, Mapping):
        return {key: _plain(member) for key, member in value.items()}
    return list(value) if isinstance(value, tuple) else value  # stock's were read from JSON


@pytest.mark.parametrize("level", LEVELS)
def test_a_name_has_the_value_of_the_last_level_that_defines_it(stocks, ours, level):
    assert ours[f"up_to_{level}"] == stocks[f"up_to_{level}"]
    assert ours[f"only_{level}"] == stocks[f"only_{level}"]


def test_all_that_a_task_sees_is_what_stock_shows_it(stocks, ours):
    assert set(ours) == set(stocks)
    for name, value in stocks.items():
        if name != "hostvars":
            assert (name, ours[name]) == (name, value)


def test_hostvars_are_stocks_for_every_host(stocks, ours):
    assert list(ours["hostvars"]) == list(stocks["hostvars"])
    for host, shown in stocks["hostvars"].items():
        assert ours["hostvars"][host] == shown
