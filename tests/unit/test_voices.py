"""What a job says becomes whole lines, wherever it is cut and whoever speaks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from outlast.voices import Voice, Voices, harmless

text = st.lists(st.sampled_from([b"a", b"\xc3\xa9", b"\r", b"\n", b"\r\n", b"\x1b[1m", b" "]))


def lines_of(blocks, stream=1):
    voice = Voice()
    return [line for block in blocks for line in voice.take(stream, block)] + voice.rest()


@given(st.lists(text.map(b"".join), max_size=6))
def test_cuts_make_no_difference(blocks):
    assert lines_of(blocks) == lines_of([b"".join(blocks)])


@given(st.lists(st.tuples(st.sampled_from([1, 2]), text.map(b"".join)), max_size=8))
def test_no_line_is_mixed_from_two_streams(said):
    voice = Voice()
    together = sorted(line for number, block in said for line in voice.take(number, block))
    together = sorted(together + voice.rest())
    apart = [lines_of([block for n, block in said if n == number]) for number in (1, 2)]
    assert together == sorted(apart[0] + apart[1])
    assert voice.offset == sum(len(block) for _, block in said)


def test_lines_are_whole_and_in_order():
    voice = Voice()
    assert voice.take(1, b"one\ntw") == ["one"]
    assert voice.take(2, b"oops\n") == ["oops"]
    assert voice.take(1, b"o\n\nrest") == ["two", ""]
    assert voice.rest() == ["rest"]
    assert voice.rest() == []


def test_progress_is_a_line_each_time():
    assert lines_of([b"10%\r20%", b"\r\n"]) == ["10%", "20%"]
    assert Voice().take(1, b"10%\r20%") == ["10%"], "it is not waited for the end of the line"


def test_a_line_without_end_is_not_held_for_ever():
    voice = Voice()
    told = [line for _ in range(100) for line in voice.take(1, b"x" * 10_000)]
    assert sum(map(len, told + voice.rest())) == 1_000_000
    assert len(told) > 10


def test_what_would_act_on_a_terminal_is_taken_away():
    assert harmless(b"\x1b[31mred\x1b[0m\x07 \x1b]0;title\x07end") == "red  end"
    assert harmless("\u202eevil \x9b2J".encode()) == " evil  2J"
    assert harmless(b"a\tb") == "a       b"
    assert harmless(b"\xff") == "\ufffd"


def test_a_voice_is_one_jobs_on_one_host():
    voices = Voices()
    assert voices.of("a", "j1.2") is voices.of("a", "j1.2")
    assert voices.of("a", "j1.2") is not voices.of("b", "j1.2")
