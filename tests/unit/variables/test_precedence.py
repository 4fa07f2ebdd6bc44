"""Layers fold by precedence: the later wins, whatever the order and grouping of folding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.variables.precedence import LayeredScope, Precedence, TaskScope, folded

names = st.sampled_from("abcde")
layers = st.dictionaries(
    st.sampled_from(Precedence), st.dictionaries(names, st.integers(), max_size=5)
)


@given(layers)
def test_a_scope_shows_what_folding_gives(given_layers):
    scope = LayeredScope(given_layers)
    assert dict(scope) == folded(given_layers)
    assert len(scope) == len(folded(given_layers))
    assert all((name in scope) == (name in folded(given_layers)) for name in "abcdef")


@given(layers)
def test_the_later_level_wins(given_layers):
    for name, value in folded(given_layers).items():
        strongest = max(level for level in given_layers if name in given_layers[level])
        assert value == given_layers[strongest][name]


@given(layers, st.sampled_from(Precedence))
def test_folding_is_associative(given_layers, cut):
    low = {level: layer for level, layer in given_layers.items() if level < cut}
    high = {level: layer for level, layer in given_layers.items() if level >= cut}
    assert folded(low) | folded(high) == folded(given_layers)
    # Folding what is below a level beforehand, as is done for a host, changes nothing.
    beforehand = {Precedence.ROLE_DEFAULTS: folded(low), **high} if low else high
    assert dict(LayeredScope(beforehand)) == folded(given_layers)


@given(layers)
def test_the_order_layers_are_given_in_does_not_count(given_layers):
    assert folded(dict(reversed(given_layers.items()))) == folded(given_layers)


@given(layers)
def test_vars_is_the_scope_without_itself(given_layers):
    scope = TaskScope(given_layers)
    assert dict(scope["vars"]) == folded(given_layers)
    assert set(scope) == {*folded(given_layers), "vars"}
    assert len(scope) == len(folded(given_layers)) + 1
    assert scope["vars"] is scope["vars"]
    assert "vars" in scope


def test_a_missing_name_is_missing():
    with pytest.raises(KeyError):
        LayeredScope({Precedence.FACTS: {"a": 1}})["b"]
