"""What an INI line says does not depend on whether the short way to read it was taken."""

from __future__ import annotations

import ast
import shlex
import warnings

from hypothesis import example, given
from hypothesis import strategies as st

from outlast.inventory.addresses import expand, split_port
from outlast.inventory.ini import _SHELL_SIGNS, typed
from outlast.values import Origin, Template

HERE = Origin("hosts", 1)
texts = st.text(alphabet="abTNrue01.-+_/:@{}[]()'\"\\,# xeE=jo", max_size=8)


@given(texts)
@example("True")
@example("None")
@example("007")
@example("10.0.0.1")
@example("set()")
@example("a/b")
@example("1e3")
@example("9" * 30)
def test_a_value_is_the_literal_it_spells_or_text(text):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        expected = text
    found = typed(text, HERE)
    if isinstance(expected, bool | int | float | None):
        assert (type(found), repr(found)) == (type(expected), repr(expected))
    elif isinstance(expected, str):
        assert (found.text if isinstance(found, Template) else found) == expected


def test_bytes_are_text_but_never_a_template():
    assert typed("b'{{ x }}'", HERE) == "{{ x }}"
    assert typed("{'k': b'x', 'l': (1, '{{ y }}')}", HERE) == {
        "k": "x",
        "l": [1, Template("{{ y }}")],
    }


@given(texts)
def test_a_line_without_shell_signs_is_cut_at_blanks(text):
    if not _SHELL_SIGNS.search(text):
        assert text.split() == shlex.split(text, comments=True)


@given(st.from_regex(r"[a-z0-9]{1,3}([-_.][a-z0-9]{1,3}){0,3}", fullmatch=True), st.integers(0, 9))
def test_a_plain_name_is_itself_with_or_without_a_port(name, port):
    assert split_port(name, ranges=False) == (name, None)
    assert split_port(f"{name}:{port}", ranges=False) == (name, port)
    assert split_port(f"[{name}]:{port}", ranges=False) == (name, port)
    assert expand(name) == ([name], None)


def test_ranges_count_letters_and_numbers_with_steps():
    assert expand("h[08:10]") == (["h08", "h09", "h10"], None)
    assert expand("h[1:9:4]x:22") == (["h1x", "h5x", "h9x"], 22)
    assert expand("[a:c]-[:1]")[0] == ["a-0", "a-1", "b-0", "b-1", "c-0", "c-1"]
    assert expand("fe80::[1:2]") == (["fe80::1", "fe80::2"], None)
