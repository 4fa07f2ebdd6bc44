"""A role becomes blocks of tasks that know their role, wherever it is used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from unit.playbook.conftest import FewActions

from outlast.call import ResolvedAction
from outlast.errors import NotSupportedYet, OutlastError, PlaybookError, SourceMissing
from outlast.playbook.model import Block, Keywords
from outlast.playbook.parser import PlaybookParser
from outlast.playbook.reading import Text
from outlast.playbook.role_entries import Use
from outlast.playbook.role_files import RolePlaces
from outlast.playbook.role_options import RoleWanted
from outlast.playbook.roles import Gathered
from outlast.playbook.searching import NoCollections
from outlast.values import Origin, Template


class WithCollections(FewActions):
    """Knows a module of a collection, too."""

    def resolve(self, name, collections=()):
        if name == "mine" and "my.own" in collections:
            return ResolvedAction("my.own.mine")
        return super().resolve(name)


@dataclass
class OneCollection(NoCollections):
    """There is `my.own`, in a folder `col`, with a playbook called `site`."""

    folder: Path

    def home_of(self, namespace, name):
        return self.folder / "col" if (namespace, name) == ("my", "own") else None

    def playbook(self, name):
        found = (self.folder / "col" / "playbooks" / "site.yml", "my.own")
        return found if name == "my.own.site" else None

    def holding(self, path):
        return "my.own" if self.folder / "col" in Path(path).parents else None

    def has_lookup(self, name):
        return name == "my.own.dig"


@dataclass
class World:
    """A playbook's folder with roles in it."""

    folder: Path

    def role(self, name, **parts):
        home = self.folder / ("" if "/" in name else "roles") / name
        home.mkdir(parents=True, exist_ok=True)
        for part, text in parts.items():
            folder, _, file = part.partition("__")
            path = home / folder / (f"{file or 'main'}.yml")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)

    @property
    def parser(self):
        places = RolePlaces(("/nowhere",), collections=OneCollection(self.folder))
        return PlaybookParser(WithCollections(), places=places)

    def play(self, text):
        path = self.folder / "play.yml"
        path.write_text(f"- hosts: all\n{text}\n")
        (play,) = self.parser.parse_playbook(path)
        return play

    def include(self, parent=None, **wanted):
        origin = Origin("t.yml", 1, 1)
        use = Use(
            wanted=RoleWanted(**wanted),
            origin=origin,
            text=Text({}, origin),
            imported=True,
            dynamic=True,
        )
        gathered = Gathered()
        steps = self.parser.parse_role(use, Keywords(), parent, home=self.folder, gathered=gathered)
        return steps, gathered


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def tasks(steps):
    """All tasks, blocks opened."""
    found = []
    for step in steps:
        found += tasks(step.block) if isinstance(step, Block) else [step]
    return found


def names(steps):
    return [f"{task.role.name}:{task.name}" if task.role else task.name for task in tasks(steps)]


def test_the_tasks_of_roles_come_before_the_plays_own(world):
    world.role("web", tasks="- {name: one, ping: }")
    play = world.play("  tasks: [{name: own, ping: }]\n  roles: [web]")
    assert names(play.tasks) == ["web:one", "own"]


def test_a_dependency_comes_before_the_role_that_needs_it(world):
    world.role("low", tasks="- {name: l, ping: }", handlers="- {name: hl, ping: }")
    world.role("web", tasks="- {name: w, ping: }", meta="dependencies: [low]",
               handlers="- {name: hw, ping: }")  # fmt: skip
    play = world.play("  roles: [web]\n  handlers: [{name: own, ping: }]")
    assert names(play.tasks) == ["low:l", "web:w"]
    assert names(play.handlers) == ["low:hl", "web:hw", "own"]
    assert play.roles[0].dependencies == ("low",)


def test_the_handlers_of_an_imported_role_come_last(world):
    world.role("web", tasks="- ping:", handlers="- {name: hw, ping: }")
    play = world.play("  handlers: [{name: own, ping: }]\n  tasks: [{import_role: {name: web}}]")
    assert names(play.handlers) == ["own", "web:hw"]
    assert [role.name for role in play.roles] == ["web"]


def test_what_an_entry_says_is_keyword_or_parameter(world):
    world.role("web", tasks="- ping:")
    play = world.play("  roles: [{role: web, tags: t, when: c, port: 8, vars: {v: 1}, p: 2}]")
    (task,) = tasks(play.tasks)
    assert task.keywords.tags == {"t"}
    assert [one.source for one in task.keywords.when] == ["c"]
    assert task.keywords.port == 8
    assert task.role.params == {"p": 2}
    assert task.role.vars == {"v": 1}
    assert task.keywords.vars == {}


def test_a_role_sees_its_users_and_its_dependencies(world):
    world.role("low", tasks="- ping:", defaults="{d: low, e: low}", vars="{v: low, w: low}")
    world.role("web", tasks="- ping:", defaults="d: web", vars="v: web",
               meta="dependencies: [{role: low, p: given}]")  # fmt: skip
    low, web = (task.role for task in tasks(world.play("  roles: [{role: web, q: 1}]").tasks))
    assert (low.defaults, low.vars) == ({"d": "low", "e": "low"}, {"v": "low", "w": "low"})
    assert (web.defaults, web.vars) == ({"d": "web", "e": "low"}, {"v": "web", "w": "low"})
    assert low.params == {"q": 1, "p": "given"}
    assert low.folders == (low.path, web.path)


def test_what_an_entry_says_beats_what_the_role_and_its_dependencies_say(world):
    world.role("low", tasks="- ping:", vars="x: low")
    world.role("web", tasks="- ping:", vars="x: web", meta="dependencies: [low]")
    play = world.play("  roles: [{role: web, vars: {x: entry}}]")
    assert tasks(play.tasks)[-1].role.vars["x"] == "entry"


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("web", "web", True),
        ("{role: web}", "web", True),
        ("{role: web, p: 1}", "{role: web, p: 1}", True),
        ("{role: web, p: '{{ x }}'}", "{role: web, p: '{{ x }}'}", True),
        ("{role: web, p: 1}", "{role: web, p: 2}", False),
        ("{role: web, vars: {p: 1}}", "web", False),
        ("{role: web, tags: t}", "web", False),
        ("{role: web, when: c}", "web", False),
    ],
)
def test_uses_that_say_the_same_count_as_one(world, first, second, same):
    world.role("web", tasks="- ping:")
    one, other = (role.identity for role in world.play(f"  roles: [{first}, {second}]").roles)
    assert (one == other) is same


def test_meta_says_whether_a_role_may_be_repeated_and_a_task_says_it_otherwise(world):
    world.role("once", tasks="- ping:")
    world.role("often", tasks="- ping:", meta="allow_duplicates: true")
    play = world.play(
        "  roles: [once, often]\n  tasks:\n  - import_role: {name: once}\n"
        "  - import_role: {name: often, allow_duplicates: false}"
    )
    assert [role.repeats for role in play.roles] == [False, True, True, False]


def test_an_included_role_is_private_unless_it_is_made_public(world):
    world.role("web", tasks="- ping:", handlers="- {name: h, ping: }")
    _, gathered = world.include(name="web")
    assert [role.public for role in gathered.roles] == [False]
    assert names(gathered.handlers) == ["web:h"]
    _, gathered = world.include(name="web", public=True)
    assert [role.public for role in gathered.roles] == [True]


def test_other_files_can_stand_in_for_main(world):
    world.role("web", tasks="- {name: m, ping: }", tasks__o="- {name: o, ping: }",
               vars="x: m", vars__o="x: o", defaults__o="y: o",
               handlers__o="- {name: ho, ping: }")  # fmt: skip
    files = dict.fromkeys(("tasks", "vars", "defaults", "handlers"), "o")
    steps, gathered = world.include(name="web", files=files)
    assert names(steps) == ["web:o"]
    assert names(gathered.handlers) == ["web:ho"]
    assert (gathered.roles[0].vars, gathered.roles[0].defaults) == ({"x": "o"}, {"y": "o"})


def test_a_role_that_another_includes_knows_its_parents(world):
    world.role("web", tasks="- ping:", vars="v: web")
    world.role("inner", tasks="- ping:")
    _, outer = world.include(name="web")
    _, inner = world.include(name="inner", parent=outer.roles[0])
    role = inner.roles[0]
    assert role.include_params["ansible_parent_role_names"] == ["web"]
    assert role.vars == {"v": "web"}
    assert role.folders == (role.path, outer.roles[0].path)


def test_all_files_of_a_vars_folder_count_in_order(world):
    home = world.folder / "roles/web/vars/main"
    home.mkdir(parents=True)
    for name, text in {
        "a.yml": "x: a",
        "b": "x: b\ny: b",
        "c.txt": "y: c",
        ".d.yml": "y: d",
    }.items():
        (home / name).write_text(text)
    assert world.play("  roles: [web]").roles[0].vars == {"x": "b", "y": "b"}


def test_a_role_of_a_collection_looks_there_first(world):
    world.role("col/roles/one", tasks="- {mine: }", meta="dependencies: [two]")
    world.role("col/roles/two", tasks="- ping:")
    play = world.play("  roles: [my.own.one]")
    assert [task.role.full_name for task in tasks(play.tasks)] == ["my.own.two", "my.own.one"]
    assert tasks(play.tasks)[-1].action.resolved == "my.own.mine"


def test_a_list_on_a_roles_entry_does_not_help_to_find_it(world):
    world.role("col/roles/one", tasks="- {ping: }")
    with pytest.raises(SourceMissing, match="the role 'one' was not found"):
        world.play("  roles: [{role: one, collections: [my.own]}]")


def test_a_list_on_a_task_replaces_that_of_its_role(world):
    world.role("col/roles/one", tasks="- {mine: , collections: [other.own]}")
    with pytest.raises(PlaybookError, match="couldn't resolve module/action 'mine'"):
        world.play("  roles: [my.own.one]")


def test_what_a_role_of_a_collection_includes_knows_its_names(world):
    world.role("col/roles/one", tasks="- {include_tasks: more.yml}", tasks__more="- {mine: }")
    (task,) = tasks(world.play("  roles: [my.own.one]").tasks)
    path = world.folder / "col/roles/one/tasks/more.yml"
    (included,) = world.parser.parse_tasks(path, task.inherited, role=task.role)
    assert included.action.resolved == "my.own.mine"


def test_a_playbook_of_a_collection_is_imported_by_its_name_and_knows_the_others(world):
    world.role("col/roles/one", tasks="- {ping: }")
    world.role("plain", tasks="- {mine: }")
    place = world.folder / "col" / "playbooks"
    place.mkdir()
    (place / "site.yml").write_text("- {hosts: all, roles: [one], tasks: [{mine: }]}")
    after = "- {hosts: all, collections: [a.b], tasks: [{mine: }], roles: [plain]}"
    path = world.folder / "play.yml"
    path.write_text(f"- import_playbook: my.own.site\n{after}\n")
    parser = world.parser
    imported, after = parser.parse_playbook(path)
    assert [task.action.resolved for task in tasks(imported.tasks)][-1] == "my.own.mine"
    assert after.keywords.collections == ("my.own", "a.b", "ansible.legacy")
    assert {task.action.resolved for task in tasks(after.tasks)} == {"my.own.mine"}
    included = world.folder / "inc.yml"
    included.write_text("- {mine: }")
    assert parser.parse_tasks(included, Keywords())[0].action.resolved == "my.own.mine"
    path.write_text("- {hosts: all, tasks: [{mine: }]}")
    with pytest.raises(PlaybookError, match="couldn't resolve"):
        parser.parse_playbook(path)


def test_a_loop_may_be_over_a_lookup_that_a_collection_has(world):
    (task,) = world.play("  tasks: [{ping: , with_my.own.dig: [a]}]").tasks
    assert task.loop.lookup == "my.own.dig"
    with pytest.raises(PlaybookError, match="is not a valid attribute for a Task"):
        world.play("  tasks: [{ping: , with_my.own.dug: [a]}]")


def test_what_a_role_takes_is_checked_before_its_tasks(world):
    spec = "argument_specs: {main: {short_description: s, options: {a: {type: int}}}}"
    world.role("web", tasks="- {name: t, ping: }", meta=spec)
    check, _ = tasks(world.play("  roles: [{role: web, tags: x, a: 1}]").tasks)
    assert check.name == "Validating arguments against arg spec 'main' - s"
    assert check.action.args["argument_spec"] == {"a": {"type": "int"}}
    assert check.action.args["provided_arguments"] == {"a": 1}
    assert check.keywords.tags == {"always", "x"}


def test_the_check_can_be_left_out_and_has_a_file_of_its_own(world):
    world.role("web", tasks="- {name: t, ping: }",
               meta__argument_specs="argument_specs: {main: {options: {a: {}}}}")  # fmt: skip
    assert len(tasks(world.include(name="web")[0])) == 2
    assert len(tasks(world.include(name="web", validate=False)[0])) == 1


def test_a_role_can_be_ended_from_its_tasks_only(world):
    world.role("web", tasks="- meta: end_role")
    assert len(tasks(world.play("  roles: [web]").tasks)) == 1
    world.role("web", tasks="- ping:", handlers="- meta: end_role")
    with pytest.raises(PlaybookError, match="from a handler"):
        world.play("  roles: [web]")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"meta": "dependencies: [web]"}, "A recursion loop was detected"),
        ({"tasks": "- import_role: {name: web}"}, "A recursion loop was detected"),
        ({"tasks": "- import_role: {name: other}"}, "A recursion loop was detected"),
    ],
)
def test_roles_that_lead_back_to_themselves_are_refused(world, other, message):
    world.role("web", meta="dependencies: [other]")
    world.role("other", **other)
    with pytest.raises(OutlastError, match=message) as caught:
        world.play("  roles: [web]")
    assert caught.value.exit_code == 1
    assert caught.value.origin.path.endswith("main.yml")


def test_a_role_may_import_another_file_of_its_own(world):
    world.role(
        "web", tasks="- import_role: {name: web, tasks_from: o}", tasks__o="- {name: o, ping: }"
    )
    assert names(world.play("  roles: [web]").tasks) == ["web:o"]


def test_a_missing_role_is_told_with_all_places_and_its_own(world):
    with pytest.raises(SourceMissing) as caught:
        world.play("  roles: [web]")
    here = world.folder
    assert str(caught.value) == f"the role 'web' was not found in {here}/roles:/nowhere:{here}"
    assert (caught.value.origin.line, caught.value.origin.column) == (2, 11)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("roles: {a: b}", "A malformed role declaration was encountered"),
        ("roles: [{p: 1}]", "role definitions must contain a role name"),
        ("roles: [['web']]", "Invalid role definition."),
        ("roles: ['a,b']", "Invalid old style role requirement: a,b"),
        ("roles: [{role: web, vars: 3}]", "Vars in a RoleInclude must be specified"),
        ("tasks: [{import_role: {tasks_from: x}}]", "'name' is a required field for import_role."),
        ("tasks: [{import_role: {name: web, odd: 1}}]", "Invalid options for import_role: odd"),
        ("tasks: [{import_role: {name: web}, loop: [1]}]", "You cannot use loops on 'import_role'"),
        ("tasks: [{import_role: {name: web, apply: {a: 1}}}]", "Invalid options for import_role"),
        ("tasks: [{include_role: {name: web, vars_from: [1]}}]", "Expected a string for vars_from"),
        ("tasks: [{include_role: {name: web, apply: 3}}]", "Expected a dict for apply"),
        ("tasks: [{include_role: {name: web}, become: true}]", "valid attribute for a IncludeRole"),
        (
            "tasks: [{import_role: {name: web, tasks_from: gone}}]",
            "specified file in role: tasks/gone",
        ),
        (
            "tasks: [{import_role: {name: web, tasks_from: ../../../play}}]",
            "not inside the expected",
        ),
        ("tasks: [{import_role: {name: web, public: maybe}}]", "Error processing keyword 'public'"),
        ("roles: [odd_meta]", "'odd' is not a valid attribute for a RoleMetadata"),
        ("roles: [flat_meta]", "is not a dictionary"),
        ("roles: [deps]", "Expected role dependencies to be a list."),
        ("roles: [no_list]", "must contain a list of tasks: {'a': 1} should be a list or None"),
        ("roles: [no_vars]", "The vars/main.yml file for role 'no_vars' must contain a dictionary"),
    ],
)
def test_what_is_wrong_with_a_role_is_said(world, text, message):
    world.role("web", tasks="- ping:")
    world.role("odd_meta", meta="odd: 1")
    world.role("flat_meta", meta="[1]")
    world.role("deps", meta="dependencies: {a: b}")
    world.role("no_list", tasks="a: 1")
    world.role("no_vars", vars="[1]")
    with pytest.raises(OutlastError) as caught:
        world.play(f"  {text}")
    assert message in str(caught.value)


def test_a_name_that_is_not_known_yet_is_refused(world):
    for text in ("roles: ['{{ x }}']", "roles: [{role: '{{ x }}'}]",
                 "tasks: [{import_role: {name: '{{ x }}'}}]"):  # fmt: skip
        with pytest.raises(NotSupportedYet, match="a template in the name"):
            world.play(f"  {text}")


def test_an_include_keeps_what_it_asks_for_until_it_is_known(world):
    (task,) = world.play("  tasks: [{include_role: {name: '{{ x }}', apply: {tags: a}}}]").tasks
    assert task.action.args == {"name": Template("{{ x }}"), "apply": {"tags": "a"}}
    assert task.inherited.tags == {"a"}
    assert task.keywords.tags == frozenset()
