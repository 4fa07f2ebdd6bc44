"""A name means what stock means by it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from outlast.content.cache import Cache
from outlast.content.places import open_content
from outlast.errors import NotSupportedYet, OutlastError


def collection(folder, name, **files):
    """Write a collection; `modules` are names, `runtime` is what it says of itself."""
    home = folder.joinpath("collections", "ansible_collections", *name.split("."))
    (home / "meta").mkdir(parents=True)
    (home / "meta" / "runtime.yml").write_text(files.get("runtime", ""))
    for module in files.get("modules", ()):
        path = home.joinpath("plugins", "modules", *module.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return home


def catalogue(tmp_path, **kwargs):
    arguments = {"library": ()} | kwargs
    return open_content([tmp_path], cache=Cache.at(tmp_path / "cache"), **arguments).catalogue


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("ping", "ansible.builtin.ping"),
        ("ansible.builtin.ping", "ansible.builtin.ping"),
        ("ansible.legacy.ping", "ansible.builtin.ping"),
        ("debug", "ansible.builtin.debug"),
        ("include_tasks", "ansible.builtin.include_tasks"),
        ("async_status", "ansible.builtin.async_status"),
        ("uses_redirected_action", "ansible.builtin.ping"),
        ("outlast.jobs.wait", "outlast.jobs.wait"),
        ("outlast.jobs.wiat", None),
        ("wait", None),
        ("async_wrapper", None),
        ("nonesuch", None),
        ("docker_container", None),
        ("no.such.collection", None),
        ("two.parts", None),
        ("../modules/ping", None),
        ("__init__", None),
        ("", None),
    ],
)
def test_a_name_resolves_to_one_full_name(tmp_path, name, full):
    found = catalogue(tmp_path).resolve(name)
    assert (found.fqcn if found else None) == full


def test_the_playbooks_library_wins_for_bare_and_legacy_names_only(tmp_path):
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "ping.py").write_text("")
    ours = catalogue(tmp_path)
    assert ours.resolve("ping").fqcn == "ansible.legacy.ping"
    assert ours.resolve("ansible.legacy.ping").fqcn == "ansible.legacy.ping"
    assert ours.resolve("ansible.builtin.ping").fqcn == "ansible.builtin.ping"


def test_library_folders_of_the_settings_come_after_the_playbooks(tmp_path):
    for name in ("library", "more"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text("")
    (tmp_path / "more" / "other").write_text("")
    ours = catalogue(tmp_path, library=(str(tmp_path / "more"),))
    assert ours.find("mine").path == tmp_path / "library" / "mine.py"


def test_what_a_role_brings_is_known_from_then_on(tmp_path):
    role = tmp_path / "role"
    (role / "library").mkdir(parents=True)
    (role / "library" / "brought.py").write_text("")
    (role / "action_plugins").mkdir()
    (role / "action_plugins" / "planned.py").write_text("")
    ours = catalogue(tmp_path)
    assert ours.resolve("brought") is None
    ours.add(role)
    ours.add(tmp_path / "another")
    assert ours.resolve("brought").fqcn == "ansible.legacy.brought"
    with pytest.raises(NotSupportedYet):
        ours.resolve("planned")


def test_a_module_that_was_removed_says_what_to_use(tmp_path):
    with pytest.raises(OutlastError, match=r"has been removed.*use bigip_device_info"):
        catalogue(tmp_path).resolve("bigip_facts")


def test_names_with_an_action_plugin_of_their_own_are_refused(tmp_path):
    (tmp_path / "action_plugins").mkdir()
    (tmp_path / "action_plugins" / "special.py").write_text("")
    with pytest.raises(NotSupportedYet, match="action plugins are not supported yet"):
        catalogue(tmp_path).resolve("special")


def test_the_redirects_are_read_once_and_remembered(tmp_path):
    ours = catalogue(tmp_path)
    ours.resolve("nonesuch")
    (kept,) = (tmp_path / "cache").iterdir()
    before = kept.stat().st_mtime_ns
    assert catalogue(tmp_path).resolve("uses_redirected_action").fqcn == "ansible.builtin.ping"
    assert kept.stat().st_mtime_ns == before


def test_looking_names_up_imports_nothing_of_ansible():
    program = (
        "import sys, pathlib\n"
        "from outlast.content.places import open_content\n"
        "from outlast.content.cache import Cache\n"
        "content = open_content([], library=(), cache=Cache.at(None))\n"
        "content.parcels.parcel(content.catalogue.resolve('copy').fqcn)\n"
        "sys.exit(any(name.split('.')[0] == 'ansible' for name in sys.modules))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def resolved(found):
    return found.fqcn if found else None


def test_a_short_name_is_looked_for_in_each_listed_collection_and_nowhere_else(tmp_path):
    collection(tmp_path, "a.b", modules=["x", "deep.y"])
    collection(tmp_path, "c.d", modules=["x", "z"])
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "ping.py").write_text("")
    ours = catalogue(tmp_path)
    assert resolved(ours.resolve("x", ["c.d", "a.b"])) == "c.d.x"
    assert resolved(ours.resolve("z", ["a.b", "c.d"])) == "c.d.z"
    assert resolved(ours.resolve("z", ["a.b"])) is None
    assert resolved(ours.resolve("ping", ["a.b"])) is None
    assert resolved(ours.resolve("ping", ["a.b", "ansible.legacy"])) == "ansible.legacy.ping"
    assert resolved(ours.resolve("ping", ["ansible.builtin"])) == "ansible.builtin.ping"
    assert resolved(ours.resolve("a.b.deep.y", ["c.d"])) == "a.b.deep.y"


def test_what_cannot_be_looked_into_is_told(tmp_path):
    collection(
        tmp_path, "a.b", modules=["x"], runtime="plugin_routing: {modules: {s: {redirect: x}}}"
    )
    notices = []
    ours = catalogue(tmp_path, notice=notices.append)
    assert ours.resolve("x", ["odd", "no.such", "a.c", "a.b"]).fqcn == "a.b.x"
    assert ours.resolve("a.b.s") is None
    assert [notice.text for notice in notices] == [
        "Error loading plugin 'x': odd.x is not a valid collection reference",
        "Error loading plugin 'x': No module named 'ansible_collections.no'",
        "Error loading plugin 'x': No module named 'ansible_collections.a.c'",
        "Error loading plugin 'a.b.s': Collection a.b contains invalid redirect for a.b.s: x."
        " Redirects must use fully qualified collection names.",
    ]


ROUTING = """
plugin_routing:
  modules:
    old: {deprecation: {removal_version: 2.0.0, warning_text: Use new.}}
    moved: {redirect: a.b.old}
    gone: {tombstone: {removal_date: 2020-01-01, warning_text: Use new}}
    round: {redirect: a.b.round}
    planned: {action_plugin: a.b.plan}
  action:
    acted: {redirect: a.b.plan}
"""


def test_what_a_collection_says_of_a_name_counts_before_its_file(tmp_path):
    names = ["old", "moved", "gone", "round", "planned", "acted"]
    collection(tmp_path, "a.b", modules=names, runtime=ROUTING)
    notices = []
    ours = catalogue(tmp_path, notice=notices.append)
    assert ours.find("a.b.old", quiet=True).fqcn == "a.b.old"
    assert notices == []
    assert ours.resolve("a.b.moved").fqcn == "a.b.old"
    assert [notice.text for notice in notices] == ["a.b.old has been deprecated. Use new."]
    assert notices[0].removed_in.endswith("from collection 'a.b' version 2.0.0.")
    gone = "'a.b.gone' module has been removed. Use new. This feature was removed from collection"
    with pytest.raises(OutlastError, match=gone) as removed:
        ours.resolve("a.b.gone")
    assert removed.value.exit_code == 1
    with pytest.raises(OutlastError, match="plugin redirect loop resolving"):
        ours.resolve("a.b.round")
    for name in ("planned", "acted"):
        with pytest.raises(NotSupportedYet, match=f"{name}$"):
            ours.resolve(f"a.b.{name}")
