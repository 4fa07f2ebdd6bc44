"""What hosts learn, who sees it, and how long a scope stays as it is."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field

import pytest

from outlast.errors import PlaybookError, UndefinedVariable
from outlast.inventory import load_inventory
from outlast.names import RESERVED, named
from outlast.playbook.keywords import KEYWORDS, Place
from outlast.values import Origin, Overlaid, Scope, Template
from outlast.variables import Options, Variables
from outlast.variables.facts import forbidden


@dataclass
class NamesOnly:
    """Evaluates `{{ name }}`s by looking the names up, and nothing else."""

    def render(self, value, scope):
        if not isinstance(value, Template):
            return value
        head, _, rest = value.text.partition("{{")
        name, _, tail = rest.partition("}}")
        if name.strip() not in scope:
            raise UndefinedVariable(f"{name.strip()!r} is undefined", value.origin)
        found = scope[name.strip()]
        return f"{head}{found}{tail}" if head or tail else found

    def expression(self, text, scope):
        raise AssertionError(text)

    def holds(self, condition, scope, origin):
        raise AssertionError(condition)


@dataclass
class PlayOfTest:
    folder: str = "/nowhere"
    name: object = ""
    hosts: object = "all"
    vars: dict = field(default_factory=dict)
    vars_files: list = field(default_factory=list)

    @property
    def origin(self):
        return Origin(f"{self.folder}/play.yml", 1, 3)

    @property
    def vars_files_at(self):
        return [Origin(f"{self.folder}/play.yml", 2, 7)] * len(self.vars_files)


@pytest.fixture
def notices():
    return []


@pytest.fixture
def world(tmp_path, notices):
    (tmp_path / "hosts").write_text("[web]\nweb1\nweb2\n")

    def make(*, extra=None, **options):
        inventory = load_inventory([str(tmp_path / "hosts")], notify=notices.append)
        made = Variables(
            inventory=inventory,
            extra_vars=extra or {},
            options=Options(ansible_version="2.19.14", **options),
            evaluate=NamesOnly(),
            notify=notices.append,
        )
        made.begin_playbook(str(tmp_path / "play.yml"))
        return made, inventory

    return make


def test_what_is_registered_on_one_host_is_seen_by_it_alone(world):
    variables, _ = world()
    variables.register("web1", "out", {"rc": 0})
    assert variables.scope("web1")["out"] == {"rc": 0}
    assert "out" not in variables.scope("web2")
    assert variables.scope("web2")["groups"]["web"] == ["web1", "web2"]


def test_a_scope_stays_as_it_was_made(world):
    variables, inventory = world()
    before = variables.scope("web1")
    variables.register("web1", "out", 1)
    variables.add_ansible_facts("web1", {"ansible_os": "x"})
    inventory.add_host("web3", ["web"], {})
    assert "out" not in before
    assert before["ansible_facts"] == {}
    assert before["groups"]["web"] == ["web1", "web2"]
    assert variables.scope("web1")["groups"]["web"] == ["web1", "web2", "web3"]


def test_hostvars_shows_every_host_and_nothing_of_the_play(world):
    variables, _ = world(extra={"everywhere": 1})
    variables.begin_play(PlayOfTest(vars={"of_play": 1}), ["web1"])
    variables.set_facts("web2", {"mine": 2})
    hostvars = variables.scope("web1", {"of_task": 1})["hostvars"]
    assert list(hostvars) == ["web1", "web2"]
    assert len(hostvars) == 2
    other = hostvars["web2"]
    assert isinstance(other, Scope)
    assert (other["mine"], other["everywhere"], other["inventory_hostname"]) == (2, 1, "web2")
    assert not {"of_play", "of_task", "hostvars", "vars", "ansible_play_hosts"} & set(other)
    assert hostvars["localhost"]["ansible_connection"] == "local"
    assert "nobody" not in hostvars
    with pytest.raises(KeyError):
        hostvars["nobody"]


def test_hostvars_keep_what_was_evaluated_until_the_host_learns_something(world):
    variables, _ = world()
    scope = variables.host_scope("web1")
    assert variables.host_scope("web1") is scope
    variables.register("web2", "x", 1)
    assert variables.host_scope("web1") is scope
    variables.register("web1", "x", 1)
    assert variables.host_scope("web1") is not scope


def test_facts_stand_under_ansible_facts_and_beside_it(world, notices):
    variables, _ = world()
    variables.add_ansible_facts("web1", {"ansible_os": "x", "ansible_host": "evil", "plain": 1})
    variables.add_ansible_facts("web1", {"ansible_cpu": 2})
    scope = variables.scope("web1")
    assert scope["ansible_facts"] == {"os": "x", "host": "evil", "plain": 1, "cpu": 2}
    assert (scope["ansible_os"], scope["ansible_cpu"], scope["plain"]) == ("x", 2, 1)
    assert "ansible_host" not in scope
    texts = [one.text for one in notices]
    assert texts == ["Removed restricted key from module data: ansible_host"]
    variables.clear_facts("web1")
    assert variables.scope("web1")["ansible_facts"] == {}
    assert "ansible_os" not in variables.scope("web1")


def test_facts_are_not_injected_when_the_setting_says_no(world):
    variables, _ = world(inject_facts=False)
    assert variables.scope("web1")["ansible_local"] == {}
    variables.add_ansible_facts("web1", {"ansible_os": "x", "ansible_local": {"a": 1}})
    scope = variables.scope("web1")
    assert "ansible_os" not in scope
    assert scope["ansible_facts"]["os"] == "x"
    assert scope["ansible_local"] == {"a": 1}


def test_whether_facts_are_there_is_what_the_gathering_said(world):
    variables, _ = world()
    variables.add_ansible_facts("web1", {"ansible_os": "x"})
    assert not variables.has_facts("web1")
    variables.add_ansible_facts("web1", {"_ansible_facts_gathered": True})
    assert variables.has_facts("web1")
    assert not variables.has_facts("web2")
    assert "_ansible_facts_gathered" not in variables.scope("web1")


def test_hosts_that_drop_out_leave_the_lists_and_may_come_back(world):
    variables, _ = world()
    variables.begin_play(PlayOfTest(hosts=["web1", Template("{{ x }}")]), ["a", "b", "c"])
    variables.set_batch(["a", "b"], ["a"])
    scope = variables.scope("web1")
    assert scope["ansible_play_hosts_all"] == ["a", "b", "c"]
    assert scope["ansible_play_hosts"] == ["a", "c"]
    assert scope["ansible_play_batch"] == scope["play_hosts"] == ["a"]
    assert scope["ansible_play_name"] == "web1,{{ x }}"
    variables.set_batch(["c"], ["c"])
    assert variables.scope("web1")["ansible_play_hosts"] == ["a", "c"]
    variables.set_batch(["a", "b"], ["a", "b"])
    assert variables.scope("web1")["ansible_play_hosts"] == ["a", "b", "c"]
    variables.begin_play(PlayOfTest(name="next"), ["a", "b"])
    assert variables.scope("web1")["ansible_play_hosts"] == ["a", "b"]
    assert variables.scope("web1")["ansible_play_name"] == "next"


def test_a_host_of_no_inventory_has_the_variables_of_all(world, tmp_path):
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/all").write_text("x: 1\n")
    variables, _ = world()
    scope = variables.scope("elsewhere.example.com")
    assert (scope["x"], scope["group_names"]) == (1, [])
    assert scope["inventory_hostname_short"] == "elsewhere"


@pytest.mark.parametrize(
    ("name", "short"),
    [("a.b.c", "a"), ("10.0.0.1", "10.0.0.1"), ("fe80::1.2", "fe80::1.2"), ("1.2.3.4.5", "1")],
)
def test_an_address_is_its_own_short_name(world, name, short):
    variables, _ = world()
    assert variables.scope(name)["inventory_hostname_short"] == short


def test_layers_only_some_tasks_have_find_their_place(world):
    variables, _ = world(extra={"e": "extra"})
    variables.set_facts("web1", {"x": "fact", "e": "fact"})
    said = {"x": "include", "e": "include"}
    scope = variables.scope("web1", {"x": "task"}, params=said, environment=[{"A": "b"}])
    assert (scope["x"], scope["e"]) == ("include", "extra")
    assert scope["environment"] == [{"A": "b"}]


def test_a_header_sees_the_play_but_no_host(world):
    variables, _ = world(extra={"e": 1})
    play = PlayOfTest(vars={"p": 1, "e": 2})
    scope = variables.header_scope(play)
    assert (scope["p"], scope["e"]) == (1, 1)
    assert scope["groups"]["all"] == ["web1", "web2"]
    assert "inventory_hostname" not in scope


def test_only_what_people_wrote_counts_as_written(world, tmp_path):
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars/web1").write_text("filed: x\noverruled: x\n")
    variables, inventory = world(extra={"extra": "x"})
    inventory.add_host("web1", [], {"given": "x", "played": "x"})
    variables.begin_play(PlayOfTest(vars={"played": "x"}), ["web1"])
    variables.add_included_vars("web1", {"included": "x"})
    variables.register("web1", "overruled", "x")
    variables.set_facts("web1", {"set": "x"})
    variables.add_ansible_facts("web1", {"fact": "x"})
    scope = variables.scope("web1", {"item": "x"})
    written = {name for name in scope if scope.from_file(name)}
    assert {"filed", "extra", "played", "included"} <= written
    assert not {"given", "overruled", "set", "fact", "item", "ansible_facts", "no"} & written
    assert not Overlaid({"filed": "x"}, scope).from_file("filed")
    assert Overlaid({"item": "x"}, scope).from_file("filed")
    assert scope["hostvars"]["web1"].from_file("filed")


# -- vars_files --------------------------------------------------------------------------------


def _vars_files(world, tmp_path, entries, **play_vars):
    variables, _ = world()
    play = PlayOfTest(folder=str(tmp_path), vars=play_vars, vars_files=entries)
    variables.begin_play(play, ["web1", "web2"])
    return variables


def test_names_of_vars_files_are_evaluated_host_by_host(world, tmp_path):
    for name in ("web1", "web2"):
        (tmp_path / f"{name}.yml").write_text(f"from: {name}\nnext: more\n")
    (tmp_path / "more.yml").write_text("late: 1\n")
    entries = [Template("{{ inventory_hostname }}.yml"), Template("{{ next }}.yml")]
    variables = _vars_files(world, tmp_path, entries)
    assert variables.scope("web1")["from"] == "web1"
    assert variables.scope("web2")["from"] == "web2"
    assert variables.scope("web2")["late"] == 1, "a name may need what an earlier file said"


def test_a_vars_file_that_changes_is_read_again(world, tmp_path):
    path = tmp_path / "f.yml"
    path.write_text("x: 1\n")
    variables = _vars_files(world, tmp_path, ["f.yml"])
    assert variables.scope("web1")["x"] == 1
    path.write_text("x: 100\n")
    assert variables.scope("web1")["x"] == 100


def test_an_undefined_name_is_passed_over_until_facts_are_there(world, tmp_path, notices):
    entry = Template("{{ nothing }}.yml", Origin("p.yml", 3, 5))
    variables = _vars_files(world, tmp_path, [entry])
    variables.scope("web1")
    notice, *again = notices  # people see it once
    assert all(one == notice for one in again)
    assert notice.text == "skipping vars_files item due to an undefined variable"
    assert (notice.origin.line, notice.origin.column) == (2, 7)  # the entry's in the play
    variables.add_ansible_facts("web1", {"module_setup": True})
    with pytest.raises(UndefinedVariable, match="attempting to template the vars_files item"):
        variables.scope("web1")


def test_a_vars_file_name_must_be_text(world, tmp_path):
    with pytest.raises(PlaybookError, match="Invalid `vars_files` value of type 'int'"):
        _vars_files(world, tmp_path, [Template("{{ n }}")], n=3)


@pytest.mark.parametrize("content", ["- 3\n", "text\n", "3\n"])
def test_a_vars_file_holds_variables(world, tmp_path, content):
    (tmp_path / "f.yml").write_text(content)
    with pytest.raises(PlaybookError, match="Invalid variable file contents"):
        _vars_files(world, tmp_path, ["f.yml"])


def test_group_vars_must_be_a_mapping(world, tmp_path):
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/web").write_text("- 1\n")
    variables, _ = world()
    with pytest.raises(PlaybookError) as caught:
        variables.scope("web1")
    assert str(caught.value) == (
        f"Could not process '{tmp_path}/group_vars/web': failed to combine variables, expected"
        " dicts but got a 'dict' and a '_AnsibleTaggedList'."
    )


def test_a_file_called_group_vars_is_told_once(world, tmp_path, notices):
    (tmp_path / "group_vars").write_text("")
    variables, _ = world()
    variables.scope("web1")
    variables.scope("web2")
    assert [one.text for one in notices] == [
        f"Found group_vars that is not a directory, skipping: {tmp_path}/group_vars"
    ]


def test_files_of_a_later_source_win_then_deeper_and_weightier_groups(tmp_path):
    """Pinned from ansible-playbook 2.19.14 with these very files."""
    a, b = tmp_path / "a", tmp_path / "b"
    for folder, groups in ((a, "x y z top all"), (b, "x z top all")):
        (folder / "group_vars").mkdir(parents=True)
        for group in groups.split():
            text = f"v: {folder.name}{group}\n"
            text += f"w: b{group}\n" if folder is b else ""
            (folder / "group_vars" / group).write_text(text)
    (a / "hosts").write_text(
        "[x]\nh1\n[y]\nh1\n[y:vars]\nansible_group_priority=10\n[z]\nh1\n[top:children]\nx\n"
    )
    (b / "hosts.yml").write_text(
        "z: {vars: {ansible_group_priority: 5, v: zb}, hosts: {h1: , h2: {v: own}}}\n"
        "x: {vars: {v: xb}}\n"
    )
    notices = []
    seen = []
    for order in ((a, b), (b, a)):
        variables = Variables(
            inventory=load_inventory([str(one) for one in order], notify=notices.append),
            extra_vars={},
            options=Options(ansible_version="2.19.14"),
            evaluate=NamesOnly(),
            notify=notices.append,
        )
        scopes = [variables.scope(host) for host in ("h1", "h2")]
        seen.append([(one["v"], one["w"], one["inventory_dir"]) for one in scopes])
    assert seen == [
        [("bx", "bx", str(a)), ("own", "bz", str(b))],
        [("ax", "bx", str(b)), ("own", "bz", str(b))],
    ]
    assert not notices


# -- names that are told of --------------------------------------------------------------------


@pytest.mark.parametrize("how", ["extra", "play", "task", "set_fact", "register", "included"])
def test_a_reserved_name_is_told_wherever_it_comes_from(world, notices, how):
    variables, _ = world(extra={"name": 1} if how == "extra" else {})
    variables.begin_play(PlayOfTest(vars={"name": 1} if how == "play" else {}), ["web1"])
    match how:
        case "task":
            variables.scope("web1", {"name": 1})
        case "set_fact":
            variables.set_facts("web1", {"name": 1})
        case "register":
            variables.register("web1", "name", 1)
        case "included":
            variables.add_included_vars("web1", {"name": 1})
    assert [one.text for one in notices] == ["Found variable using reserved name 'name'."]


def test_of_several_variables_by_a_reserved_name_the_weakest_is_told_and_once(world, notices):
    def at(line):
        return named("name", Origin("p.yml", line))

    variables, _ = world(extra={at(3): 1})
    play = PlayOfTest(vars={at(2): 1})
    variables.tell_reserved(play, ())
    variables.begin_play(play, ["web1"])
    for _ in range(2):
        variables.scope("web1", {at(4): 1})
    variables.register("web1", at(5), 1)
    assert [one.origin.line for one in notices] == [2, 5]


def test_others_see_names_without_places(world):
    variables, _ = world(extra={named("name", Origin("p.yml", 3)): 1, 7: 2})
    seen = list(variables.scope("web1"))
    assert 7 in seen
    assert [type(one) for one in seen if one == "name"] == [str]


ASK = """
import json
from ansible.plugins.loader import init_plugin_loader
init_plugin_loader()
from ansible.vars import clean, reserved
clean.display.warning = lambda *_: None
names = json.loads(input())
kept = clean.clean_facts({name: 1 for name in names})
print(json.dumps([sorted(reserved._RESERVED_NAMES - {"vars"}), sorted(kept)]))
"""
CANDIDATES = [
    *(f"ansible_{name}" for name in (
        "host", "user", "port", "become", "become_x", "become_pass", "ssh_x", "ssh_bridge",
        "ssh_gwbridge", "local", "local_x", "winrm_x", "psrp_x", "paramiko_ssh_x", "docker_x",
        "docker_extra_args", "python_interpreter", "x_interpreter", "interpreter",
        "playbook_python", "facts", "rsync_path", "ssh_host_key_rsa_public",
        "network_os", "shell_type", "password",
        "module_compression", "private_key_file", "connection_user", "distribution", "timeout",
    )),
    "add_host", "add_group", "plain", "_ansible_x", "become", "ansible_", "x_interpreter",
]  # fmt: skip


def test_reserved_and_forbidden_names_are_stocks():
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        input=json.dumps(CANDIDATES),
        capture_output=True,
        text=True,
        check=True,
    )
    reserved, kept = json.loads(done.stdout)
    assert sorted(RESERVED) == reserved
    ours = [name for name in CANDIDATES if not forbidden(name) and not name.startswith("_ansible_")]
    assert sorted(ours) == kept


@dataclass
class RoleOfTest:
    """A role as variables see it."""

    name: str = "web"
    full_name: str = "my.own.web"
    path: str = "/r/web"
    collection: str | None = "my.own"
    defaults: dict = field(default_factory=dict)
    vars: dict = field(default_factory=dict)
    params: dict = field(default_factory=dict)
    include_params: dict = field(default_factory=dict)
    exported_defaults: dict = field(default_factory=dict)
    exports: dict = field(default_factory=dict)
    dependencies: tuple = ()
    identity: str = "web"
    public: bool = True


def test_what_a_role_says_stands_where_stock_has_it(world):
    variables, _ = world(extra={"a": "extra"})
    variables.begin_play(PlayOfTest(vars=dict.fromkeys("abcdefg", "play")), ["web1"])
    variables.set_facts("web1", dict.fromkeys("abcd", "fact"))
    role = RoleOfTest(
        defaults=dict.fromkeys("abcdefgh", "default"),
        vars=dict.fromkeys("abcdef", "vars"),
        params=dict.fromkeys("abc", "param"),
        include_params=dict.fromkeys("ab", "include"),
    )
    scope = variables.scope("web1", dict.fromkeys("abcde", "task"), role=role)
    seen = [scope[name] for name in "abcdefgh"]
    assert seen == ["extra", "include", "param", "fact", "task", "vars", "play", "default"]


def test_all_tasks_of_a_play_see_what_its_public_roles_say(world):
    variables, _ = world()
    public = RoleOfTest(exported_defaults={"d": 1, "p": 1}, exports={"v": 1, "p": 2})
    hidden = RoleOfTest(exported_defaults={"d": 2}, exports={"v": 2}, public=False)
    variables.begin_play(PlayOfTest(vars={"p": 3, "d": 3}), ["web1"], [public])
    variables.add_roles([hidden])
    scope = variables.scope("web1")
    assert (scope["d"], scope["v"], scope["p"]) == (3, 1, 2)
    variables.add_roles([RoleOfTest(exports={"v": 4})])
    assert variables.scope("web1")["v"] == 4
    variables.begin_play(PlayOfTest(), ["web1"])
    assert "v" not in variables.scope("web1")


def test_a_role_is_known_by_its_names(world):
    variables, _ = world()
    role = RoleOfTest(dependencies=("my.own.low",))
    variables.begin_play(PlayOfTest(), ["web1"], [role])
    scope = variables.scope("web1", role=role, search_path=["/r/web", "/here"])
    assert (scope["role_name"], scope["ansible_role_name"]) == ("web", "my.own.web")
    assert (scope["role_path"], scope["ansible_collection_name"]) == ("/r/web", "my.own")
    assert scope["ansible_play_role_names"] == scope["role_names"] == ["my.own.web"]
    assert scope["ansible_dependent_role_names"] == ["my.own.low"]
    assert scope["ansible_role_names"] == ["my.own.low", "my.own.web"]
    assert scope["ansible_search_path"] == ["/r/web", "/here"]
    assert "role_name" not in variables.scope("web1")


def test_every_keyword_of_plays_blocks_and_tasks_is_a_reserved_name():
    places = {Place.PLAY, Place.BLOCK, Place.TASK}
    words = {name for name, row in KEYWORDS.items() if row.places & places}
    assert words - RESERVED == {"gather_subset", "vars"}  # which stock leaves out
