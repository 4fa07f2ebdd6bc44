"""What a template names and a file has may serve as a condition; all else is data."""

from __future__ import annotations

import pytest

from outlast.errors import EvaluationError
from outlast.templating import Evaluator
from outlast.values import DictScope, Origin, Template, Vaulted


def t(text):
    return Template(text, Origin("play.yml", 1, 1))


class Files(DictScope):
    """A scope in which a file has all names but those that begin with `said`."""

    def from_file(self, name):
        return name in self and not name.startswith("said")


SCOPE = Files(
    {
        "checks": ["1 == 1"],
        "tree": {"below": {"the list": ["2 == 2"]}},
        "alias": t("{{ tree.below }}"),
        "said": ["3 == 3"],
        "aside": t("{{ said }}"),
        "circle": t("{{ circle }}"),
        "hidden": Vaulted("x"),
    }
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{ checks }}", ["1 == 1"]),
        ("{{checks}}", ["1 == 1"]),
        ("{{ tree.below['the list'] }}", ["2 == 2"]),
        ('{{ tree["below"]["the list"] }}', ["2 == 2"]),
        ("{{ alias['the list'] }}", ["2 == 2"]),
        ("{{ tree.nowhere }}", None),
        ("{{ checks[0] }}", None),
        ("{{ said }}", None),
        ("{{ aside }}", None),
        ("{{ circle }}", None),
        ("{{ hidden }}", None),
        ("{{ nowhere }}", None),
        ("{{ checks + said }}", None),
        ("{{ checks }} {{ checks }}", None),
    ],
)
def test_only_what_a_file_has_and_a_template_names_is_written(text, found):
    assert Evaluator().written(t(text), SCOPE) == found


def test_of_what_gives_arguments_only_what_is_wanted_must_be_sound():
    evaluator = Evaluator()
    scope = DictScope({"all": {"a": t("{{ nowhere }}"), "b": t("{{ c }}")}, "c": 1})
    entries = evaluator.entries(t("{{ all }}"), scope)
    assert evaluator.render_args({**entries, "a": 2}, scope) == {"a": 2, "b": 1}
    with pytest.raises(EvaluationError, match="Error while resolving value for 'a'"):
        evaluator.render_args(entries, scope)


def test_members_of_another_hosts_variables_are_seen_from_there():
    evaluator = Evaluator()
    other = DictScope({"all": {"a": t("{{ c }}"), "b": t("{{ nowhere }}")}, "c": "there"})
    scope = DictScope({"other": other, "c": "here"})
    entries = evaluator.entries(t("{{ other.all }}"), scope)
    assert evaluator.render_args({"a": entries["a"]}, scope) == {"a": "there"}
    with pytest.raises(EvaluationError):
        evaluator.render_args({"b": entries["b"]}, scope)


@pytest.mark.parametrize(
    ("text", "kind"), [("{{ 'a=b' }}", "str"), ("{{ none }}", "NoneType"), ("{{ [1] }}", "list")]
)
def test_arguments_are_a_mapping(text, kind):
    with pytest.raises(EvaluationError, match=f"must resolve to a 'dict' not '{kind}'"):
        Evaluator().entries(t(text), DictScope({}))


def test_arguments_that_are_omitted_are_none():
    assert Evaluator().entries(t("{{ omit }}"), DictScope({})) == {}
