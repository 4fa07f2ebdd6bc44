"""Lookups in loops and in templates, and plugins from beside the playbook."""

from __future__ import annotations

import os

import pytest

from outlast.errors import EvaluationError, UndefinedVariable
from outlast.outcome import Warned
from outlast.templating import Evaluator
from outlast.values import DictScope, Origin, Template


def t(text, line=1, column=1):
    return Template(text, Origin("play.yml", line, column))


@pytest.fixture
def notices():
    return []


@pytest.fixture
def evaluator(notices):
    return Evaluator(notices.append)


@pytest.mark.parametrize(
    ("name", "terms", "items"),
    [
        ("items", [1, [2, 3], "{{ l }}"], [1, 2, 3, "x", "y"]),
        ("items", "{{ l }}", ["x", "y"]),
        ("items", 5, [5]),
        ("list", ["{{ l }}"], [["x", "y"]]),
        ("dict", "{{ d }}", [{"key": "a", "value": 1}]),
        ("dict", {"a": "{{ l }}"}, [{"key": "a", "value": ["x", "y"]}]),
        ("indexed_items", "{{ l }}", [[0, "x"], [1, "y"]]),
        ("nested", ["{{ l }}", [1]], [["x", 1], ["y", 1]]),
        ("together", ["{{ l }}", [1]], [["x", 1], ["y", None]]),
        ("sequence", "start=1 end={{ d.a + 1 }}", ["1", "2"]),
        ("subelements", ["{{ s }}", "l"], [[{"n": 1}, "p"], [{"n": 1}, "q"]]),
        ("vars", ["a_name"], ["found"]),
        ("ansible.builtin.items", ["{{ l }}"], ["x", "y"]),
        ("items", "{{ q('items', l) }}", ["x", "y"]),
    ],
)
def test_a_loop_over_a_lookup_gives_its_items(evaluator, name, terms, items):
    scope = DictScope(
        {"l": ["x", "y"], "d": {"a": 1}, "s": [{"n": 1, "l": ["p", "q"]}], "a_name": "found"}
    )
    assert evaluator.lookup(name, marked(terms), scope) == items


def marked(value):
    if isinstance(value, str):
        return t(value) if "{{" in value else value
    if isinstance(value, list):
        return [marked(member) for member in value]
    return {k: marked(v) for k, v in value.items()} if isinstance(value, dict) else value


def test_an_undefined_term_fails_where_it_is_written(evaluator):
    with pytest.raises(UndefinedVariable) as raised:
        evaluator.lookup("items", [1, t("{{ nope }}", 64, 20)], DictScope())
    assert (raised.value.message, raised.value.origin.line) == ("'nope' is undefined", 64)
    with pytest.raises(UndefinedVariable):
        evaluator.lookup("items", t("{{ nope }}"), DictScope())


def test_a_loops_lookup_that_fails_says_which(evaluator):
    with pytest.raises(EvaluationError) as raised:
        evaluator.lookup("dict", 5, DictScope())
    assert str(raised.value) == (
        "The lookup plugin 'dict' failed: the 'dict' lookup plugin expects a dictionary, "
        "got '5' of type <class 'int'>)"
    )


def test_first_found_drops_what_is_undefined_in_a_loop_only(evaluator, tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "there").write_text("")
    scope = DictScope({"playbook_dir": str(tmp_path)})
    there = [str(tmp_path / "files" / "there")]
    terms = [t("{{ nope }}.yml"), "missing", "there"]
    assert evaluator.lookup("first_found", terms, scope, action="ansible.builtin.copy") == there
    listed = [{"files": ["missing", "there"], "paths": [str(tmp_path / "files")]}]
    assert evaluator.lookup("first_found", listed, scope) == there
    assert evaluator.lookup("first_found", [{"files": ["missing"], "skip": True}], scope) == []
    with pytest.raises(UndefinedVariable):
        evaluator.render(t("{{ lookup('first_found', [nope, 'there']) }}"), scope)
    with pytest.raises(EvaluationError, match="No file was found when using first_found"):
        evaluator.lookup("first_found", ["missing"], scope)


def test_a_file_is_looked_for_along_the_search_path(evaluator, tmp_path):
    role, play = tmp_path / "roles" / "r", tmp_path / "play"
    for folder, text in ((role / "files", "role\n"), (play / "files", "play\n")):
        folder.mkdir(parents=True)
        (folder / "f").write_text(text)
    (play / "only_here").write_text(" x \n")
    nearest = DictScope({"ansible_search_path": [str(role), str(play)], "playbook_dir": str(play)})
    assert evaluator.render(t("{{ lookup('file', 'f') }}"), nearest) == "role"
    assert evaluator.render(t("{{ lookup('file', 'only_here') }}"), nearest) == " x"
    exact = t("{{ lookup('file', 'only_here', rstrip=false, lstrip=true) }}")
    assert evaluator.render(exact, nearest) == "x \n"
    assert evaluator.render(t("{{ lookup('file', 'f') }}"), DictScope({"playbook_dir": str(play)}))


def test_a_template_lookup_sees_the_variables_and_its_own(evaluator, tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "a.j2").write_text(
        "{{ n }}{{ 'x\\ty' }} {{ extra }} {{ template_path }} {% include 'b.j2' %}"
    )
    (tmp_path / "templates" / "b.j2").write_text("{{ m }}\n")
    scope = DictScope({"n": t("{{ m }}"), "m": 1, "playbook_dir": str(tmp_path)})
    asked = t("{{ lookup('template', 'a.j2', template_vars={'extra': 5}) }}")
    assert evaluator.render(asked, scope) == "1x\ty 5 a.j2 1"
    with pytest.raises(EvaluationError, match="zz could not be found for the lookup"):
        evaluator.render(t("{{ lookup('template', 'zz') }}"), scope)


def test_a_pipe_runs_in_the_playbooks_folder(evaluator, tmp_path):
    scope = DictScope({"playbook_dir": str(tmp_path), "word": "hi"})
    assert evaluator.render(t("{{ lookup('pipe', 'pwd; echo ' ~ word) }}"), scope) == (
        f"{tmp_path}\nhi"
    )
    assert evaluator.lookup("lines", ["echo a; echo b"], scope) == ["a", "b"]


def test_a_glob_gives_files_of_the_first_folder_that_has_any(evaluator, tmp_path):
    (tmp_path / "files").mkdir()
    for name in ("a.conf", "files/b.conf"):
        (tmp_path / name).write_text("")
    scope = DictScope({"playbook_dir": str(tmp_path)})
    assert evaluator.lookup("fileglob", ["*.conf"], scope) == [str(tmp_path / "files/b.conf")]
    assert evaluator.lookup("fileglob", [str(tmp_path / "*.conf")], scope) == [
        str(tmp_path / "a.conf")
    ]


def test_an_error_can_be_ignored_or_be_a_warning(evaluator, notices):
    scope = DictScope()
    assert evaluator.render(t("{{ lookup('file', '/nope', errors='ignore') }}"), scope) is None
    assert notices == []
    assert evaluator.render(t("{{ q('file', '/nope', errors='warn') }}"), scope) == []
    assert notices == [
        Warned(
            "An error occurred while running the lookup plugin 'file': Unable to access the "
            "file '/nope': File not found. Use -vvvvv to see paths searched."
        )
    ]


def test_stocks_other_lookups_are_borrowed(evaluator, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "x.ini").write_text("[s]\nk = {{ v }}\n")
    (tmp_path / "x.csv").write_text("a,1\nb,2\n")
    scope = DictScope({"playbook_dir": str(tmp_path), "name": "b"})
    asked = t("{{ lookup('ini', 'k', section='s', file='x.ini') }}")
    assert evaluator.render(asked, scope) == "{{ v }}"
    asked = t("{{ lookup('csvfile', name, file='x.csv', delimiter=',') }}")
    assert evaluator.render(asked, scope) == "2"


def test_plugins_beside_the_playbook_are_found(evaluator, tmp_path):
    for kind, text in (
        ("filter", "    def filters(self):\n        return {'shout_it': lambda v: v + '!'}\n"),
        ("test", "    def tests(self):\n        return {'loud_it': lambda v: v.endswith('!')}\n"),
    ):
        folder = tmp_path / f"{kind}_plugins"
        folder.mkdir()
        (folder / f"mine_{kind}.py").write_text(f"class {kind.title()}Module:\n{text}")
    (tmp_path / "lookup_plugins").mkdir()
    (tmp_path / "lookup_plugins" / "mirror_it.py").write_text(
        "from ansible.plugins.lookup import LookupBase\n"
        "class LookupModule(LookupBase):\n"
        "    def run(self, terms, variables=None, **kwargs):\n"
        "        return [variables['a'], *terms, type(terms[0]).__name__]\n"
    )
    scope = DictScope({"playbook_dir": str(tmp_path), "a": t("{{ 'x' }}"), "l": [t("{{ a }}")]})
    assert evaluator.render(t("{{ a | shout_it }}"), scope) == "x!"
    assert evaluator.render(t("{{ 'x!' is loud_it }}"), scope) is True
    assert evaluator.render(t("{{ q('mirror_it', l) }}"), scope) == ["x", ["x"], "list"]
    with pytest.raises(EvaluationError, match="No filter named 'whisper_it'"):
        evaluator.render(t("{{ a | whisper_it }}"), scope)


def test_a_lookup_that_is_not_there_says_so(evaluator):
    with pytest.raises(EvaluationError) as raised:
        evaluator.render(t("{{ lookup('nosuchlookup') }}"), DictScope())
    assert str(raised.value) == "The lookup plugin 'nosuchlookup' was not found."


def test_the_environment_is_the_controllers(evaluator, monkeypatch):
    monkeypatch.setenv("OUTLAST_A", "1")
    monkeypatch.delenv("OUTLAST_B", raising=False)
    scope = DictScope()
    assert evaluator.render(t("{{ lookup('env', 'OUTLAST_A', 'OUTLAST_B') }}"), scope) == "1,"
    asked = t("{{ lookup('env', 'OUTLAST_B', default=undef()) | default('none') }}")
    assert evaluator.render(asked, scope) == "none"
    assert "OUTLAST_B" not in os.environ
