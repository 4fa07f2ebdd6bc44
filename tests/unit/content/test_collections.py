"""Where collections are found, and what they say of themselves."""

from __future__ import annotations

import pytest

from outlast.content.cache import Cache
from outlast.content.collections import CollectionUnfit
from outlast.content.places import open_collections, open_content


def collection(folder, name="a.b", runtime=""):
    home = folder.joinpath("ansible_collections", *name.split("."))
    for part in ("meta", "playbooks/deep"):
        (home / part).mkdir(parents=True)
    (home / "meta" / "runtime.yml").write_text(runtime)
    for file in ("site.yml", "other.yaml", "bare", "deep/down.yml"):
        (home / "playbooks" / file).write_text("")
    return home


def collections(*folders, **how):
    return open_collections([str(folder) for folder in folders], cache=Cache.at(None), **how)


def test_the_first_folder_that_has_it_wins(tmp_path):
    one = collection(tmp_path / "one")
    two = collection(tmp_path / "two")
    collection(tmp_path / "two", "a.c")
    ours = collections(tmp_path / "one", tmp_path / "two" / "ansible_collections")
    assert ours.home_of("a", "b") == one
    assert ours.home_of("a", "c") is not None
    assert ours.home_of("a", "d") is None
    assert ours.has_namespace("a")
    ours.begin_with([tmp_path / "two"])
    assert ours.home_of("a", "b") == two


def test_pythons_own_path_counts_unless_it_is_not_to(tmp_path, monkeypatch):
    collection(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert collections().home_of("a", "b") is not None
    assert collections(scan_sys_path=False).home_of("a", "b") is None


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("a.b.site", "site.yml"),
        ("a.b.site.yml", "site.yml"),
        ("a.b.other", "other.yaml"),
        ("a.b.bare", "bare"),
        ("a.b.deep.down", "deep/down.yml"),
        ("a.b.site.yaml", None),
        ("a.b.nonesuch", None),
        ("a.c.site", None),
        ("a.b", None),
        ("a/b.c.site", None),
    ],
)
def test_a_playbook_is_found_by_its_full_name(tmp_path, name, file):
    home = collection(tmp_path)
    found = collections(tmp_path).playbook(name)
    assert found == (file and (home / "playbooks" / file, "a.b"))


def test_a_file_is_in_the_collection_that_counts(tmp_path):
    one, two = (collection(tmp_path / name) for name in ("one", "two"))
    ours = collections(tmp_path / "one", tmp_path / "two")
    assert ours.holding(one / "playbooks" / "site.yml") == "a.b"
    assert ours.holding(one / "playbooks" / ".." / "x.yml") == "a.b"
    assert ours.holding(two / "playbooks" / "site.yml") is None
    assert ours.holding(tmp_path / "x.yml") is None
    assert ours.holding(tmp_path / "ansible_collections" / "a") is None


@pytest.mark.parametrize("mismatch", ["warning", "error", "ignore"])
def test_one_that_is_for_another_core_is_told_refused_or_used(tmp_path, mismatch):
    collection(tmp_path, runtime="requires_ansible: '>=99'")
    notices = []
    ours = collections(tmp_path, mismatch=mismatch, notice=notices.append)
    if mismatch == "error":
        for _ in range(2):
            with pytest.raises(CollectionUnfit, match="does not support Ansible version"):
                ours.home("a.b")
    else:
        assert ours.home("a.b") == ours.home("a.b")
    assert (ours.home_of("a", "b") is None) == (mismatch == "error")
    assert len(notices) == (mismatch == "warning")


def test_demands_that_nobody_understands_are_told(tmp_path):
    collection(tmp_path, runtime="requires_ansible: never")
    notices = []
    assert collections(tmp_path, notice=notices.append).home("a.b") is not None
    assert "Error parsing collection metadata requires_ansible" in notices[0].text


def test_what_was_read_is_kept_until_the_file_changes(tmp_path):
    home = collection(tmp_path, runtime="plugin_routing: {modules: {x: {redirect: a.b.y}}}")
    cache = Cache.at(tmp_path / "cache")

    def target():
        said = open_collections([str(tmp_path)], cache=cache).said("a.b")
        return said.routing["modules"]["x"].redirect

    assert target() == target() == "a.b.y"
    (home / "meta" / "runtime.yml").write_text("plugin_routing: {modules: {x: {redirect: a.b.zz}}}")
    assert target() == "a.b.zz"


def test_those_beside_a_playbook_come_first_but_not_beside_a_collections_own(tmp_path):
    near = collection(tmp_path / "collections")
    far = collection(tmp_path / "far")
    inside = collection(far / "playbooks" / "collections", "a.d")
    ours = collections(tmp_path / "far")
    open_content([tmp_path], collections=ours)
    assert ours.home_of("a", "b") == near
    ours = collections(tmp_path / "far")
    open_content([far / "playbooks"], collections=ours)
    assert inside.is_dir()
    assert ours.home_of("a", "d") is None


def test_a_lookup_is_known_by_its_file_or_by_what_is_said_of_it(tmp_path):
    said = "plugin_routing: {lookup: {moved: {redirect: a.b.there}}}"
    home = collection(tmp_path, runtime=said)
    (home / "plugins" / "lookup").mkdir(parents=True)
    (home / "plugins" / "lookup" / "there.py").write_text("")
    ours = collections(tmp_path)
    asked = ["a.b.there", "a.b.moved", "a.b.nonesuch", "a.c.there", "there", "a.b"]
    assert [ours.has_lookup(name) for name in asked] == [True, True, False, False, False, False]
