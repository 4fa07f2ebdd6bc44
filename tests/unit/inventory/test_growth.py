"""An inventory grows while a run goes on, and remembers where it came from."""

from __future__ import annotations

import pytest

from outlast.errors import InventoryError
from outlast.inventory import load_inventory
from outlast.values import Origin, Template


def _inventory(tmp_path, text="[web]\nweb1\n[site:children]\nweb\n", name="hosts"):
    path = tmp_path / name
    path.write_text(text)
    return load_inventory([str(path)], notify=[].append)


def test_an_added_host_is_in_its_groups_and_in_all(tmp_path):
    inventory = _inventory(tmp_path)
    before = inventory.version
    assert inventory.add_host("new", ["web", "fresh"], {"x": 1})
    assert inventory.version > before
    assert [host.name for host in inventory.match("web")] == ["web1", "new"]
    assert [host.name for host in inventory.match("fresh")] == ["new"]
    assert [group.name for group in inventory.hosts["new"].groups] == ["fresh", "site", "web"]
    assert inventory.hosts["new"].vars["x"] == 1


def test_adding_what_is_there_is_no_news(tmp_path):
    inventory = _inventory(tmp_path)
    inventory.add_host("new", ["web"], {"x": 1})
    version = inventory.version
    assert not inventory.add_host("new", ["web"], {"x": 1})
    assert inventory.version == version
    assert inventory.add_host("new", ["web"], {"x": 2})


def test_a_host_without_groups_is_ungrouped_until_it_gets_one(tmp_path):
    inventory = _inventory(tmp_path)
    inventory.add_host("new", [], {})
    assert [host.name for host in inventory.match("ungrouped")] == ["new"]
    assert inventory.add_to_group("new", "os_linux", ["oses"])
    assert inventory.match("ungrouped") == []
    assert [host.name for host in inventory.match("oses")] == ["new"]
    assert not inventory.add_to_group("new", "os_linux", ["oses"])


def test_an_unknown_host_cannot_be_grouped(tmp_path):
    with pytest.raises(InventoryError, match="nobody cannot be matched in inventory"):
        _inventory(tmp_path).add_to_group("nobody", "g")


def test_groups_count_by_depth_then_priority_then_name(tmp_path):
    inventory = _inventory(
        tmp_path,
        "[b]\nh\n[a]\nh\n[c]\nh\n[top:children]\nb\n[a:vars]\nansible_group_priority=5\n",
    )
    assert [group.name for group in inventory.hosts["h"].groups] == ["c", "top", "a", "b"]


def test_templates_know_the_line_they_stand_in(tmp_path):
    inventory = _inventory(tmp_path, "h a={{x}} b=\"['{{y}}']\"\n")
    path = str(tmp_path / "hosts")
    text = inventory.hosts["h"].vars["a"]
    assert text == Template("{{x}}")
    assert text.origin == Origin(path, 1)
    assert inventory.hosts["h"].vars["b"] == [Template("{{y}}")]


def test_hosts_know_the_source_that_named_them_first(tmp_path):
    inventory = _inventory(tmp_path)
    assert inventory.hosts["web1"].vars == {
        "inventory_file": str(tmp_path / "hosts"),
        "inventory_dir": str(tmp_path),
    }


def test_variable_folders_are_those_of_the_sources(tmp_path):
    (tmp_path / "dir").mkdir()
    sources = [str(tmp_path / "dir"), "a,b", str(tmp_path / "missing")]
    inventory = load_inventory(sources, notify=[].append)
    assert inventory.folders == (str(tmp_path / "dir"), str(tmp_path))
    assert inventory.sources == tuple(sources)


def test_a_list_of_hosts_may_be_long_and_a_path_have_a_comma(tmp_path):
    names = [f"host{number}.example.com" for number in range(1000)]
    (tmp_path / "a,b").write_text("[g]\nh\n")
    inventory = load_inventory([",".join(names), str(tmp_path / "a,b")], notify=[].append)
    assert list(inventory.hosts) == [*names, "h"]
    assert inventory.hosts[names[0]].vars["inventory_dir"] is None
    assert inventory.folders == (str(tmp_path),)


def test_conspicuous_names_are_told(tmp_path):
    notices = []
    (tmp_path / "hosts").write_text("[a-b]\nh bad-name=1\n127.0.0.1\nlocalhost\n[h]\n")
    load_inventory([str(tmp_path / "hosts")], notify=notices.append)
    assert [one.text for one in notices] == [
        "Invalid characters were found in group names but not replaced, use -vvvv to see details",
        "Accepting inventory variable with invalid name 'bad-name'.",
        "A duplicate localhost-like entry was found (localhost). First found localhost was"
        " 127.0.0.1",
        "Found both group and host with same name: h",
    ]


def test_an_empty_folder_and_a_missing_default_are_told_apart(tmp_path):
    notices = []
    load_inventory([str(tmp_path)], notify=notices.append)
    assert [one.text for one in notices] == [
        f"Unable to parse {tmp_path} as an inventory source",
        "No inventory was parsed, only implicit localhost is available",
    ]


def test_what_a_plugin_reads_keeps_its_order(tmp_path):
    (tmp_path / "1").write_text("[z]\nz2\nz1\n[a]\na1\n[m:children]\na\n")
    (tmp_path / "2.yml").write_text("plugin: constructed\ncompose: {x: 1}\n")
    (tmp_path / "own").mkdir()
    (tmp_path / "own/1").write_text((tmp_path / "1").read_text())
    read_by_plugin = load_inventory([str(tmp_path / "2.yml"), str(tmp_path / "1")], notify=print)
    read_by_us = load_inventory([str(tmp_path / "own")], notify=print)
    for pattern in ("all", "*1", "m:z"):
        names = [host.name for host in read_by_plugin.match(pattern)]
        assert names == [host.name for host in read_by_us.match(pattern)]


def test_a_plugin_that_fails_is_told_in_its_words(tmp_path):
    notices = []
    path = tmp_path / "h.yml"
    path.write_text("plugin: nobody.knows.this\n")
    inventory = load_inventory([str(path)], notify=notices.append)
    assert not inventory.hosts
    texts = [one.text for one in notices]
    assert any("unknown plugin 'nobody.knows.this'" in text for text in texts)
    assert texts[-2:] == [
        f"Unable to parse {path} as an inventory source",
        "No inventory was parsed, only implicit localhost is available",
    ]


def test_a_script_that_fails_is_told_with_what_it_said(tmp_path):
    script = tmp_path / "inv.sh"
    script.write_text("#!/bin/sh\necho oops >&2\nexit 3\n")
    script.chmod(0o755)
    notices = []
    load_inventory([str(script)], notify=notices.append)
    assert "Inventory script returned non-zero exit code 3.\nOrigin: " in notices[0].text
    assert notices[0].text.endswith("\n\nStandard error from inventory script:\noops\n")


def test_a_script_without_meta_is_asked_host_by_host(tmp_path):
    script = tmp_path / "inv.sh"
    script.write_text(
        """#!/bin/sh
case $1 in
--list) echo '{"g": ["a", "b"], "lone": {"x": 1}}';;
--host) test $2 = a && echo '{"n": "{{ 1 }}"}';  true;;
esac
"""
    )
    script.chmod(0o755)
    notices = []
    inventory = load_inventory([str(script)], notify=notices.append)
    assert list(inventory.groups["g"].hosts) == ["a", "b"]
    assert inventory.hosts["a"].vars["n"] == Template("{{ 1 }}")
    assert inventory.groups["lone"].vars["x"] == 1, "of two of one name the group gets it"
    assert list(inventory.groups["lone"].hosts) == ["lone"]
    assert len(notices) == 4, "two groups, the missing hostvars, and lone's two natures"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("no json", "Inventory script result could not be parsed as JSON."),
        ("[1]", "Unable to get JSON decoder for inventory script result."),
        ('{"g": {"hosts": "h"}}', "Value contains 'g.hosts' which is not a list."),
        ('{"g": {"vars": 1}}', "The variables of 'g' are not a mapping."),
        ("\\377", "Inventory script result contained characters that cannot be"),
    ],
)
def test_a_script_that_answers_strangely_is_told(tmp_path, answer, said):
    script = tmp_path / "inv.sh"
    script.write_text(f"#!/bin/sh\nprintf '{answer}'\n")
    script.chmod(0o755)
    notices = []
    load_inventory([str(script)], notify=notices.append)
    assert any(said in one.text for one in notices)


def test_a_script_that_cannot_be_run_is_told(tmp_path):
    script = tmp_path / "inv.sh"
    script.write_text("#!/no/such/interpreter\nno ini\n")
    script.chmod(0o755)
    notices = []
    load_inventory([str(script)], notify=notices.append)
    assert f"Failed to execute inventory script command '{script} --list'" in notices[0].text


def test_only_comments_may_be_in_another_encoding(tmp_path):
    path = tmp_path / "hosts"
    path.write_bytes(b"# caf\xe9\nh1 x=1\n")
    assert list(load_inventory([str(path)], notify=[].append).hosts) == ["h1"]


def test_sources_that_are_read_again_keep_what_the_run_has_added(tmp_path):
    inventory = _inventory(tmp_path)
    inventory.add_host("new", ["fresh"], {"x": 1})
    inventory.add_to_group("web1", "seen", ["all"])
    version = inventory.version
    (tmp_path / "hosts").write_text("[web]\nweb2\n")
    inventory.refresh()
    assert inventory.version > version
    assert {host.name for host in inventory.match("all")} == {"web2", "new"}
    assert [host.name for host in inventory.match("fresh")] == ["new"]
    assert "seen" not in inventory.groups
