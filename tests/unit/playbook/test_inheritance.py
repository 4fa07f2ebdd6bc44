"""What plays and blocks hand down arrives in every task, merged by the table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.errors import PlaybookError
from outlast.playbook.inheritance import handed_down
from outlast.playbook.keywords import KEYWORDS, Inherit, Place
from outlast.playbook.model import Keywords
from outlast.playbook.reading import from_value
from outlast.values import Origin, Template

HERE = Origin("here.yml", 1, 1)
NEAREST = sorted(
    name
    for name, row in KEYWORDS.items()
    if row.built and row.inherit is Inherit.NEAREST and name != "notify"
)


def nested(parent, *levels, place=Place.BLOCK):
    for level in levels:
        parent = handed_down(parent, from_value(level, HERE), place)
    return parent


def test_the_model_has_every_keyword_that_is_built_and_inherited():
    inherited = {
        name for name, row in KEYWORDS.items() if row.built and row.inherit is not Inherit.OWN
    }
    ours = {"params", "places", "outer", "home", "late_tags"}
    assert set(Keywords.__struct_fields__) - ours == inherited


@pytest.mark.parametrize("name", NEAREST)
def test_the_innermost_value_applies(name):
    assert getattr(nested(Keywords(), {name: "outer"}, {}), name) == "outer"
    assert getattr(nested(Keywords(), {name: "outer"}, {name: "inner"}), name) == "inner"


@pytest.mark.parametrize("name", NEAREST)
def test_an_empty_value_hides_the_outer_one(name):
    assert getattr(nested(Keywords(), {name: "outer"}, {name: None}), name) is None


def test_notify_is_the_innermost_ones():
    words = nested(Keywords(), {"notify": ["a", "b"]}, {"notify": "c"})
    assert words.notify == ("c",)
    assert nested(Keywords(), {"notify": ["a", "b"]}, {}).notify == ("a", "b")
    assert nested(Keywords(), {"notify": "a"}, {"notify": None}).notify == ()


def test_conditions_of_all_levels_apply_parents_first():
    words = nested(Keywords(), {"when": "a"}, {"when": ["b", None, "c"]}, {"when": None})
    assert [condition.source for condition in words.when] == ["a", "b", "c"]


def test_environments_of_all_levels_apply_parents_first():
    words = nested(Keywords(), {"environment": {"A": 1}}, {"environment": [{"B": 2}, None]})
    assert words.environment == ({"A": 1}, {"B": 2})
    template = Template("{{ env }}")
    assert nested(Keywords(), {"environment": template}).environment == (template,)


def test_variables_of_all_levels_are_one_with_the_inner_ones_on_top():
    words = nested(Keywords(), {"vars": {"a": 1, "b": 1}}, {"vars": {"b": 2}}, {"vars": None})
    assert words.vars == {"a": 1, "b": 2}


def test_a_plays_own_variables_are_not_among_those_of_its_tasks():
    assert nested(Keywords(), {"vars": {"a": 1}}, place=Place.PLAY).vars == {}


@pytest.mark.parametrize(
    ("given_tags", "tags"),
    [
        ("a", {"a"}),
        ("a, b,c", {"a", "b", "c"}),
        (["a", "b"], {"a", "b"}),
        (["a,b"], {"a,b"}),
        ([["a", "b"], "c"], {"a", "b", "c"}),
        ([1, None], {"1"}),
        ([], set()),
    ],
)
def test_tags_are_text_with_commas_or_a_list(given_tags, tags):
    assert nested(Keywords(), {"tags": given_tags}).tags == tags
    assert nested(Keywords(), {"tags": "z"}, {"tags": given_tags}).tags == tags | {"z"}


def test_what_nobody_inherits_stays_out():
    assert nested(Keywords(), {"name": "x", "block": []}) == Keywords()


WORD = st.sampled_from(["a", "b", "c"])
LEVEL = st.fixed_dictionaries(
    {},
    optional={
        "become": st.booleans(),
        "port": st.integers(1, 9),
        "when": st.lists(WORD, max_size=2),
        "tags": st.lists(WORD, max_size=2),
        "vars": st.dictionaries(WORD, st.integers(0, 9), max_size=2),
        "environment": st.lists(st.dictionaries(WORD, WORD), max_size=2),
        "notify": st.lists(WORD, max_size=2),
    },
)


@given(st.lists(LEVEL, max_size=5))
def test_any_nesting_comes_to_the_nearest_and_the_sum_of_all(levels):
    words = nested(Keywords(), *levels)
    for name in ("become", "port"):
        given_values = [level[name] for level in levels if name in level]
        assert getattr(words, name) == (given_values[-1] if given_values else None)
    assert [c.source for c in words.when] == [w for level in levels for w in level.get("when", [])]
    assert words.tags == {tag for level in levels for tag in level.get("tags", [])}
    merged = {}
    for level in levels:
        merged |= level.get("vars", {})
    assert words.vars == merged


def test_a_template_knows_what_applies_if_it_omits_itself():
    text = Template("{{ omit }}")
    words = nested(Keywords(), {"become": True}, {"become": text}, {"become": text})
    assert words.outer == {"become": (text, True)}
    assert nested(words, {"become": False}).become is False


def test_the_places_of_what_one_object_decides_are_known():
    assert nested(Keywords(), {"port": 1, "tags": "a"}).places.keys() == {"port"}


def test_the_names_in_module_defaults_are_text():
    with pytest.raises(PlaybookError, match="must be static action, module, or group names"):
        nested(Keywords(), {"module_defaults": {1: {}}})


@pytest.mark.parametrize(
    ("given_tags", "now", "late"),
    [
        (Template("{{ a }}"), set(), ["{{ a }}"]),
        (Template("{{ a }}, b,{{ c }}"), {"b"}, ["{{ a }}", "{{ c }}"]),
        (["b", Template("{{ a, c }}")], {"b"}, ["{{ a, c }}"]),
        ([["b", Template("{{ a }}")]], {"b"}, ["{{ a }}"]),
    ],
)
def test_tags_that_are_templates_wait(given_tags, now, late):
    words = nested(Keywords(), {"tags": given_tags}, {"tags": Template("{{ z }}")})
    assert words.tags == now
    assert [tag.text for tag in words.late_tags] == [*late, "{{ z }}"]
