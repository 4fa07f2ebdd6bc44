"""A keyword's value comes to its type as it does in stock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.playbook.conversions import converted


@pytest.mark.parametrize(
    ("value", "type_name", "result"),
    [
        (True, "bool", True),
        ("yes", "bool", True),
        (" ON ", "bool", True),
        ("T", "bool", True),
        (1, "bool", True),
        (1.0, "bool", True),
        ("off", "bool", False),
        (0, "bool", False),
        (5, "int", 5),
        (True, "int", True),
        (" 5 ", "int", 5),
        (5.0, "int", 5),
        ("1e1", "int", 10),
        ("1_0", "int", 10),
        ("2.5", "float", 2.5),
        (2, "float", 2.0),
        ("30%", "percent", 30.0),
        (" 5 %", "percent", 5.0),
        (12.5, "percent", 12.5),
        ("anything", "string", "anything"),
        (["any"], "list", ["any"]),
    ],
)
def test_a_value_comes_to_its_type(value, type_name, result):
    read = converted(value, type_name)
    assert (read, type(read)) == (result, type(result))


@pytest.mark.parametrize(
    ("value", "type_name"),
    [
        *[(value, "bool") for value in ("maybe", "", 2, None, [], {"a": 1})],
        *[(value, "int") for value in ("x", "", 1.5, "1.5", "nan", "0x5", None, [], float("inf"))],
        *[(value, "float") for value in ("x", "", None, [1])],
        *[(value, "percent") for value in ("x", "%", None, {"a": 1})],
    ],
)
def test_what_is_not_of_the_type_is_refused_with_stocks_words(value, type_name):
    with pytest.raises(ValueError, match="could not be converted") as caught:
        converted(value, type_name)
    assert str(caught.value) == f"The value {value!r} could not be converted to {type_name!r}."


@given(
    st.integers() | st.floats() | st.text(max_size=6) | st.none(),
    st.sampled_from(["bool", "int", "float", "percent"]),
)
def test_any_value_is_converted_or_refused_and_nothing_else(value, type_name):
    try:
        converted(value, type_name)
    except ValueError as error:
        assert repr(value) in str(error)  # noqa: PT017  # whether it is raised is not ours to say


def test_a_template_in_the_header_waits_for_its_value(room):
    play = room.play("- hosts: all\n  gather_timeout: '{{ t }}'\n  gather_subset: ['{{ s }}']")
    assert play.gather_timeout.text == "{{ t }}"
