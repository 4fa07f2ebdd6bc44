"""YAML text becomes data with templates marked, and says what is wrong with it."""

from __future__ import annotations

import datetime as dt
import time
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.errors import PlaybookError, SourceMissing, VaultError
from outlast.loader import Document, load_file, load_text
from outlast.values import Template, Vaulted, has_templates
from outlast.vault import Vault, VaultSecret, encrypted


def load(text, notices=None):
    return load_text(dedent(text), "some.yml", None if notices is None else notices.append)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("off", False),
        ("y", "y"),
        ("~", None),
        ("Null", None),
        ("", None),
        ("017", 15),
        ("0999", "0999"),
        ("0o17", "0o17"),
        ("0x1f", 31),
        ("0b11", 3),
        ("1_000", 1000),
        ("1:30", 90),
        ("1e3", "1e3"),
        ("1.0e+3", 1000.0),
        ("5.", 5.0),
        (".inf", float("inf")),
        ("2024-01-01", dt.date(2024, 1, 1)),
        ("2024-01-01T10:00:00Z", dt.datetime(2024, 1, 1, 10, tzinfo=dt.UTC)),
        ("'5'", "5"),
        ("! 5", 5),
        ("!!str 5", "5"),
        ("!!str", ""),
        ("!!bool yes", True),
        ("[1, a]", [1, "a"]),
        ("{a: 1, 2: b, true: c, ~: d}", {"a": 1, 2: "b", True: "c", None: "d"}),
        ("|\n  a\n  b\n", "a\nb\n"),
        (">-\n  a\n  b\n", "a b"),
        ('"caf\\u00e9"', "café"),
    ],
)
def test_scalars_have_the_types_of_yaml_1_1(text, value):
    read = load_text(text, "some.yml")
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("text", ["{{ a }}", "x {{ a }} y", "{% if a %}b{% endif %}", "{# a #}"])
def test_text_with_template_marks_is_a_template_with_its_place(text):
    value = load_text(f'a:\n  - "{text}"\n', "some.yml")["a"][0]
    assert value == Template(text)
    assert (value.origin.path, value.origin.line, value.origin.column) == ("some.yml", 2, 5)


@pytest.mark.parametrize("text", ["a { b } }}", "}} {", "{ { a } }", "%}"])
def test_other_braces_are_plain_text(text):
    assert load_text(f"'{text}'", "some.yml") == text


def test_keys_are_never_templates():
    assert load("'{{ a }}': 1") == {"{{ a }}": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!unsafe '{{ a }}'", "{{ a }}"),
        ("!unsafe 5", 5),
        ("!unsafe", None),
        ("!unsafe yes", True),
        ("!unsafe [a, '{{ b }}', {c: '{{ d }}'}]", ["a", "{{ b }}", {"c": "{{ d }}"}]),
        ("!unsafe {a: [['{{ b }}']]}", {"a": [["{{ b }}"]]}),
    ],
)
def test_nothing_below_unsafe_is_a_template(text, value):
    assert load(text) == value


@given(
    st.recursive(
        st.sampled_from(["'{{ a }}'", "b"]),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda members: f"[{', '.join(members)}]"),
            st.lists(inner, max_size=2).map(
                lambda members: "{" + ", ".join(f"k{i}: {m}" for i, m in enumerate(members)) + "}"
            ),
        ),
    )
)
def test_unsafe_reaches_all_depths_and_ends_where_its_value_ends(text):
    value = load_text(f"- !unsafe {text}\n- '{{{{ after }}}}'", "some.yml")
    assert not has_templates(value[0])
    assert value[1] == Template("{{ after }}")


def test_anchors_give_the_same_value_again():
    assert load("{a: &x [1, '{{ b }}'], c: *x}") == {
        "a": [1, Template("{{ b }}")],
        "c": [1, Template("{{ b }}")],
    }


def test_an_anchor_read_as_unsafe_is_still_a_template_elsewhere():
    value = load("- &x '{{ a }}'\n- !unsafe [*x]\n- *x")
    assert value == [Template("{{ a }}"), ["{{ a }}"], Template("{{ a }}")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{<<: *b, z: 3}", {"x": 1, "y": 2, "z": 3}),
        ("{z: 3, <<: *b}", {"x": 1, "y": 2, "z": 3}),
        ("{<<: *b, x: 9}", {"x": 9, "y": 2}),
        ("{x: 9, <<: *b}", {"x": 9, "y": 2}),
        ("{<<: [*c, *b]}", {"x": 5, "y": 2}),
        ("{<<: [*b, *c]}", {"x": 1, "y": 2}),
        ("{<<: []}", {}),
    ],
)
def test_merges_bring_in_what_is_not_said_nearer(text, value):
    assert load(f"b: &b {{x: 1, y: 2}}\nc: &c {{x: 5}}\nv: {text}")["v"] == value


def test_a_merged_key_that_is_said_again_is_told_of_as_stock_does():
    notices = []
    load("b: &b {x: 1}\nv: {<<: *b, x: 2}", notices)
    (notice,) = notices
    assert notice.text == "Found duplicate mapping key 'x'."
    assert notice.help_text == "Using last defined value only."
    assert (notice.origin.line, notice.origin.column) == (2, 13)


@pytest.mark.parametrize(("text", "key"), [("{a: 1, a: 2}", "'a'"), ("{1: a, 1: b}", "1")])
def test_of_a_doubled_key_the_last_value_counts_and_it_is_told(text, key):
    notices = []
    assert next(iter(load(text, notices).values())) in (2, "b")
    assert [notice.text for notice in notices] == [f"Found duplicate mapping key {key}."]


@pytest.mark.parametrize("tag", ["!vault", "!vault-encrypted"])
def test_a_vaulted_string_waits_encrypted_with_its_place(tag):
    found = load(f"a: {tag} |\n  $ANSIBLE_VAULT;1.1;AES256\n  61\n")["a"]
    assert type(found) is Vaulted
    assert found.text == "$ANSIBLE_VAULT;1.1;AES256\n61\n"
    assert (found.origin.line, found.origin.column) == (1, 4)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 50_000,
        "[" * 500 + "]" * 500,
        "- " * 5_000 + "a",
        "- " * 50_000 + "a",
        "{a: " * 50_000,
        "? " * 50_000,
        "a: &a [*a]",
        "a: &a {b: *a}",
        "a: &a {<<: *a}",
        "a: &a {<<: [*a, *a]}",
    ],
)
def test_what_is_nested_without_end_is_refused(text):
    with pytest.raises(PlaybookError):
        load(text)


NINE = ", ".join(["{0}"] * 9)


@pytest.mark.parametrize("entry", [f"[{NINE}]", f"{{{{<<: [{NINE}]}}}}"])
def test_a_bomb_of_aliases_is_refused_in_good_time(entry):
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{i}: &a{i} {entry.format(f'*a{i - 1}')}" for i in range(1, 12)]
    started = time.process_time()
    with pytest.raises(PlaybookError, match="too deeply nested or too large"):
        load("\n".join(lines))
    assert time.process_time() - started < 20


def test_entries_are_given_with_places_and_read_when_asked():
    document = Document("some.yml", "a: 1\nb: [x]\na: !nonsense 2\n")
    entries = document.entries(document.root)
    assert [(entry.key, entry.key_origin.line) for entry in entries] == [("a", 3), ("b", 2)]
    assert document.value(entries[1].node) == ["x"]
    with pytest.raises(PlaybookError, match="'!nonsense'"):
        document.value(entries[0].node)


def test_doubled_keys_are_told_once_however_often_they_are_asked_for():
    notices = []
    document = Document("some.yml", "a: 1\na: 2\n", notices.append)
    document.entries(document.root)
    document.entries(document.root)
    assert len(notices) == 1


def test_a_file_is_read_as_utf_8(tmp_path):
    path = tmp_path / "a.yml"
    path.write_bytes("a: é".encode())
    assert load_file(path) == {"a": "é"}
    path.write_bytes("\ufeffa: 1".encode())
    assert load_file(path) == {"a": 1}
    path.write_bytes(b"a: \xe9")
    with pytest.raises(PlaybookError, match="not UTF-8 text: byte 0xe9 in line 1"):
        load_file(path)


def test_a_file_that_is_not_there_or_is_a_folder_is_missing(tmp_path):
    with pytest.raises(SourceMissing, match="No such file"):
        load_file(tmp_path / "nowhere.yml")
    with pytest.raises(SourceMissing, match="Is a directory"):
        load_file(tmp_path)


@given(st.text(alphabet="ab:{}[]-'\"\n &*!<|>#%@`,?~\t", max_size=25))
def test_any_text_is_read_or_refused_and_nothing_else(text):
    try:
        load_text(text, "some.yml")
    except PlaybookError as error:
        assert error.message  # noqa: PT017  # whether it is raised is not ours to say here


def test_json_goes_before_yaml_and_its_texts_are_templates_too(tmp_path):
    text = '{"n": 1e3,\n\t"t": "{{ x }}", "u": {"__ansible_unsafe": "{{ y }}"}}'
    assert load_text(text, "f.json") == {"n": 1000.0, "t": Template("{{ x }}"), "u": "{{ y }}"}
    assert load_text("{a: 1, b: yes}", "f.yml") == {"a": 1, "b": True}, "YAML has braces, too"


def test_a_vaulted_string_in_json_waits_encrypted():
    found = load_text('{"a": {"__ansible_vault": "x"}}', "f.json")["a"]
    assert type(found) is Vaulted
    assert found.text == "x"


def test_a_file_is_decrypted_on_the_way_in(tmp_path):
    secret = VaultSecret("default", b"pw")
    path = tmp_path / "f.yml"
    path.write_bytes(encrypted(b"a: '{{ x }}'\r\nb: 1\n", secret))
    found = load_file(path, vault=Vault((secret,)))
    assert found == {"a": Template("{{ x }}"), "b": 1}
    assert found["a"].origin.line == 1
    with pytest.raises(VaultError, match="no vault secrets found") as told:
        load_file(path)
    assert told.value.origin.path == str(path)


def test_json_that_nests_too_deep_is_refused():
    with pytest.raises(PlaybookError):
        load_text("[" * 100_000 + "]" * 100_000, "f.json")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('!!set {b, "{{ a }}", 3}', ["b", "{{ a }}", 3]),
        ("!!omap [a: 1, b: [2]]", [["a", 1], ["b", [2]]]),
        ("!!pairs []", []),
        ("!!binary aGk=", "hi"),
    ],
)
def test_the_older_tags_are_lists_and_text(text, value):
    assert load(text) == value
    assert not any(isinstance(member, Template) for member in value)


@pytest.mark.parametrize(
    ("text", "should"),
    [
        ("!!set [a]", "mapping without values"),
        ("!!omap {a: 1}", "list of mappings with one key each"),
        ("!!pairs [{a: 1, b: 2}]", "list of mappings with one key each"),
        ("!!binary /w==", "not the base64 of a UTF-8 text"),
        ("!!binary é", "not the base64 of a UTF-8 text"),
    ],
)
def test_an_older_tag_that_does_not_fit_says_what_would(text, should):
    with pytest.raises(PlaybookError, match=f"YAML parsing failed: Wrong use of .*{should}"):
        load(text)
