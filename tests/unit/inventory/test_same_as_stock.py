"""What we read from an inventory is what `ansible-inventory` reads from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from outlast.inventory import Unread, load_inventory
from outlast.values import Template

BIN = Path(sys.executable).parent
ENV = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}

INI = """
alone.example.com ansible_port=2222   # a comment
# and another
[web]
web[01:03].example.com http_port=80 text="two words" raw='{"a": [1, 2]}' flag=True
web7:2200 neg=-3 tup=(1,2) half=1.5 hash=a#b ell=...
[db]
db-[a:c] ansible_host=10.0.0.[1:3]
alone2
[db:vars]
path = /var/lib/db\x20\x20
nothing=
quoted="x = y"
tpl={{ 1 + 1 }}
num=0o17
none=None
bad = [1,
[dc:children]
web
db
later
[dc:vars]
region=eu
[later]
late
web7
[deep:children]
dc
"""

YAML = """
all:
  hosts:
    top:
    "w[1:2]": {n: 1, list: [1, two], nested: {k: "{{ n }}"}}
  vars: {everywhere: yes}
  children:
    web:
      hosts:
        w1: {n: 2}
        w3:2222:
      vars: {tier: front}
      children: {inner: {hosts: inside}}
    db:
      hosts: only
      vars: {ansible_group_priority: 10, tier: back}
    empty:
outside:
  children:
    web:
  hosts:
    top:
"""

JSON = '{"g": {"hosts": {"a": {"x": 1e3, "t": "{{ x }}"}}, "vars": {"y": null}},\n\t"h": {}}'

TOML = """
[web]
children = ["inner", "db"]
vars = { tier = "front", t = "{{ n }}", n = 3 }
[web.hosts]
"w[1:2]" = { n = 1 }
w3 = {}
[db.hosts]
"d:22" = { list = [1, "two"] }
"""

CONSTRUCTED = """
plugin: ansible.builtin.constructed
groups: {ports: http_port is defined}
compose: {made: http_port + 1}
"""

SCRIPT = """#!/bin/sh
echo '{"g": {"hosts": ["a", "b"], "vars": {"v": "{{ 1 }}"}, "children": ["k"]},
  "k": {"hosts": ["c"]},
  "_meta": {"hostvars": {"a": {"x": 1, "u": {"__ansible_unsafe": "{{ 2 }}"}}}}}'
"""


def _stock(tmp_path, *sources):
    argv = [BIN / "ansible-inventory", "--list", "--export"]
    for source in sources:
        argv += ["-i", source]
    done = subprocess.run(argv, cwd=tmp_path, env=ENV, capture_output=True, check=True, text=True)
    return json.loads(done.stdout)


def _ours(inventory):
    """Say it as `ansible-inventory --list --export` does."""
    seen = {"_meta": {"hostvars": {}}}
    for group in inventory.groups.values():
        shown = {}
        if group.name != "all":
            shown["hosts"] = list(group.hosts)
        shown["children"] = list(group.children)
        shown["vars"] = _plain(group.vars)
        if group.priority != 1:
            shown["vars"]["ansible_group_priority"] = group.priority
        seen[group.name] = {key: value for key, value in shown.items() if value}
    for host in inventory.hosts.values():
        own = {k: v for k, v in host.vars.items() if k not in ("inventory_file", "inventory_dir")}
        if own:
            seen["_meta"]["hostvars"][host.name] = _plain(own)
    return {name: shown for name, shown in seen.items() if shown}


def _plain(value):
    if isinstance(value, Template):
        return value.text
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list) else value


def _normal(listing):
    """Forget what stock adds for its own JSON and the order of groups it leaves to chance."""
    listing["_meta"].pop("profile", None)
    for variables in listing["_meta"]["hostvars"].values():
        for name, value in variables.items():
            if isinstance(value, dict) and "__ansible_unsafe" in value:
                variables[name] = value["__ansible_unsafe"]
    for name, shown in listing.items():
        if name != "_meta":
            shown["children"] = sorted(shown.get("children", []))
    return {name: shown for name, shown in listing.items() if any(shown.values())}


def _files(tmp_path, texts):
    for name, text in texts.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if text.startswith("#!") else 0o644)


@pytest.mark.parametrize(
    ("texts", "sources"),
    [
        pytest.param({"hosts": INI}, ["hosts"], id="ini"),
        pytest.param({"hosts.yml": YAML}, ["hosts.yml"], id="yaml"),
        pytest.param({"hosts.json": JSON}, ["hosts.json"], id="json"),
        pytest.param({"inv.sh": SCRIPT}, ["inv.sh"], id="script"),
        pytest.param({"hosts.toml": TOML}, ["hosts.toml"], id="toml"),
        pytest.param(
            {"inv/1": INI, "inv/2.yml": CONSTRUCTED}, ["inv", "more,"], id="with a plugin"
        ),
        pytest.param({}, ["b,a,[::1]:22,h:2222, ,b"], id="host list"),
        pytest.param(
            {
                "inv/20.yml": YAML,
                "inv/10": INI,
                "inv/.hidden": "no",
                "inv/x.bak": "no",
                "inv/sub/more": "[web]\nzz y=1\n",
            },
            ["inv"],
            id="folder",
        ),
        pytest.param({"a": INI, "b.yml": YAML}, ["b.yml", "a", "x,"], id="several"),
    ],
)
def test_groups_hosts_and_variables_are_stocks(tmp_path, texts, sources):
    _files(tmp_path, texts)
    notices = []
    paths = [one if "," in one else str(tmp_path / one) for one in sources]
    ours = _ours(load_inventory(paths, notify=notices.append))
    assert len(ours) > 1, "it was read"
    assert not any("Failed to parse" in notice.text for notice in notices)
    assert _normal(ours) == _normal(_stock(tmp_path, *sources))


BROKEN = {
    "vars of nobody": "[a:vars]\nx=1\n",
    "children of nobody": "[a:children]\nb\n",
    "no assignment": "h1 x\n",
    "no type": "[a:b]\n",
    "no section": "[a b]\n",
    "quotes": 'h1 x="\n',
    "range ends": "h[1:]\n",
    "range turns": "h[c:a]\n",
    "range width": "h[01:100]\n",
    "port": "[w]\nh:\n",
    "yaml": "---\n- all:\n",
    "group in itself": "[a:children]\na\n",
    "loop": "[a:children]\nb\n[b:children]\na\n",
    "variable": "[a]\n[a:vars]\nx\n",
    "priority": "[a]\n[a:vars]\nansible_group_priority=x\n",
    "child": "[a:children]\nb c\n",
    "range form": "[w]\nh[1:2:3:4]\n",
    "odd group name.yml": "3: {}\n",
    "list.yml": "- a\n",
    "section.yml": "g: {vars: [1]}\n",
    "section number.yml": "g: {hosts: 1.5}\n",
    "host number.yml": "g: {hosts: {1: }}\n",
    "host vars.yml": "g: {hosts: {h: text}}\n",
    "no group.yml": "g: text\n",
    "strange sections.yml": "g: {x: 3, y: {}, vars: , hosts: one, children: two}\n",
    "child loop.yml": "g: {children: {h: {children: {g: }}}}\n",
    "empty.toml": "",
    "children.toml": "[g]\nchildren = 1\n",
    "no hosts list.sh": '#!/bin/sh\necho \'{"g": {"hosts": ["h"]}}\'; exit 4\n',
}


@pytest.fixture(scope="module")
def stocks_words(tmp_path_factory):
    """What stock says about every broken inventory, asked once."""
    folder = tmp_path_factory.mktemp("broken")
    for name, text in BROKEN.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755 if text.startswith("#!") else 0o644)
    argv = [BIN / "ansible-inventory", "--list"]
    for name in BROKEN:
        argv += ["-i", folder / name]
    done = subprocess.run(argv, cwd=folder, env=ENV, capture_output=True, check=True, text=True)
    return folder, done.stderr


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_read_is_told_in_stocks_words(stocks_words, name):
    folder, said = stocks_words
    notices = []
    load_inventory([str(folder / name)], notify=notices.append, unread=Unread(warns=False))
    assert notices
    for notice in notices:
        assert f"[WARNING]: {notice.text}\n" in said
