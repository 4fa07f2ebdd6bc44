"""A result is made of what was printed, as stock's wrapper makes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from job_host import order_fields

from outlast_agent import spool
from outlast_agent.supervision import result as job_result
from outlast_agent.supervision.order import Ending, Order
from outlast_agent.supervision.result import parse_output

JUNK = "Module invocation had junk after the JSON data: "


@pytest.mark.parametrize(
    ("output", "result", "junk"),
    [
        ('{"a": 1}', {"a": 1}, ""),
        ('\n{"a": 1}\n', {"a": 1}, ""),
        ('motd\n  {"a": 1}', {"a": 1}, ""),
        ('{"a": 1}\nbye\nbye', {"a": 1}, JUNK + "bye\nbye"),
        ('{\n"a":\n{}\n}\n', {"a": {}}, ""),
        ('x\n{"a": "}"}\nlast', {"a": "}"}, JUNK + "last"),
    ],
)
def test_the_json_is_found_in_what_was_printed(output, result, junk):
    assert parse_output(output) == (result, junk)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("", "No start of json char found"),
        ("hello", "No start of json char found"),
        ("[1]", "No start of json char found"),
        ('{"a": 1', "No end of json char found"),
        ("{a}", "Expecting property name"),
    ],
)
def test_why_there_is_none_is_said_as_stock_says_it(output, reason):
    with pytest.raises(ValueError, match=reason):
        parse_output(output)


def ended(cause="exited", rc=0):
    ending = Ending()
    ending.cause, ending.rc, ending.pid = cause, rc, 4711
    return ending


@pytest.fixture
def entry(tmp_path):
    spool.open_folder(str(tmp_path / "spool"))
    entry = spool.Entry(str(tmp_path / "spool"), "j1.7")
    spool.record_start(entry, "{}")
    return entry


def order(finish):
    return Order(order_fields(finish=finish))


def recorded(entry, finish, ending):
    job_result.record(order(finish), entry, ending)
    return json.loads(Path(entry.results_file).read_text())


@pytest.mark.parametrize("cause", ["limit", "cancelled", "idle"])
def test_what_was_ended_keeps_its_output(entry, cause):
    Path(entry.path("stdout")).write_bytes(b"one\ntw\xff\n\n")
    result = recorded(entry, {"module": "m"}, ended(cause, -15))
    assert result["failed"] is True
    assert result["child_pid"] == 4711
    assert result["stdout"] == "one\ntw\ufffd"
    assert "stderr" not in result, "it said nothing there"


def test_output_that_is_too_much_is_counted(entry):
    Path(entry.path("stdout")).write_bytes(b"x" * 9_000_000)
    result = recorded(entry, {"module": "m"}, ended("limit", -15))
    assert result["outlast_left_out"] == 9_000_000 - (8 << 20)
    assert result["stdout"].endswith("x\n[outlast left out 611392 more bytes of output]")


PADDING = "\u00e9" * 1_000_000


def test_a_large_result_of_a_module_is_passed_through(entry):
    printed = {"text": PADDING, "changed": True, "stderr": "mine"}
    Path(entry.path("stdout")).write_text("motd\n " + json.dumps(printed, ensure_ascii=False))
    Path(entry.path("stderr")).write_text("said\n")
    result = recorded(entry, {"module": "m"}, ended())
    assert result == {**printed, "stderr": "said\n"}
    assert json.loads(Path(entry.path("end.json")).read_text())["cause"] == "exited"


def test_a_large_result_that_has_lines_and_junk_after_it_is_found(entry):
    printed = {"list": ["x" * 70] * 20_000, "failed": True}
    text = json.dumps(printed, indent=1) + "\nbye\n" + "\n" * 100_000
    Path(entry.path("stdout")).write_text(text)
    result = recorded(entry, {"module": "m"}, ended(rc=1))
    assert result == {**printed, "warnings": [JUNK + "bye"]}
    assert json.loads(Path(entry.path("end.json")).read_text())["cause"] == "failed"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x" * 2_000_000, "No start of json char found"),
        ("{" + "x" * 2_000_000, "No end of json char found"),
        ("\n" * (64 << 20) + "{}", "it printed 67108866 bytes, and 67108864 are the most"),
    ],
)
def test_why_a_large_output_is_no_result_is_said(entry, text, reason):
    Path(entry.path("stdout")).write_text(text)
    result = recorded(entry, {"module": "m"}, ended())
    assert result["msg"] == f"The module m left no result (exit code 0): {reason}"


def test_a_single_warning_that_is_no_list_becomes_one(entry):
    Path(entry.path("stdout")).write_text('{"warnings": "w"}\njunk')
    result = job_result.module_result("m", entry, ended())
    assert result["warnings"] == ["w", JUNK + "junk"]


def test_text_that_is_not_utf8_survives(entry):
    Path(entry.path("stdout")).write_bytes(b'{"a": "\xff"}')
    job_result.record(order({"module": "m"}), entry, ended())
    assert json.loads(Path(entry.results_file).read_text()) == {"a": "\udcff"}


def test_output_that_was_removed_is_no_output(entry):
    Path(entry.path("stdout")).unlink()
    assert job_result.module_result("m", entry, ended())["failed"] is True


def test_without_room_for_the_result_the_end_is_kept(entry, monkeypatch):
    """The disk takes a hundred bytes in one file: enough for the end, not for the output."""
    Path(entry.path("stdout")).write_text(json.dumps({"answer": "x" * 1000}))
    put = spool.put_pieces

    def put_little(path, pieces):
        text = b"".join(pieces)
        if len(text) > 400:
            raise OSError(28, "No space left on device")
        put(path, [text])

    monkeypatch.setattr(spool, "put_pieces", put_little)
    job_result.record(order({"module": "m"}), entry, ended(rc=3))
    result = json.loads(Path(entry.results_file).read_text())
    assert result["failed"] is True
    assert result["msg"] == (
        "The job ended (exit code 3), but its result could not be recorded: No space left on device"
    )
    assert Path(entry.path("stdout")).stat().st_size == 0, "its output made room"
    assert json.loads(Path(entry.path("end.json")).read_text())["rc"] == 3


def test_a_job_that_was_cleaned_up_while_it_ran_still_tells_its_end(entry):
    Path(entry.path("stdout")).write_text("{}")
    spool.forget(entry)
    job_result.record(order({"module": "m"}), entry, ended())
    assert json.loads(Path(entry.results_file).read_text())["failed"] is True
    assert not Path(entry.private).exists()


def test_the_end_says_which_signal_it_was(entry):
    job_result.record(order({"module": "m"}), entry, ended("signalled", -15))
    end = json.loads(Path(entry.path("end.json")).read_text())
    assert (end["cause"], end["signal"]) == ("signalled", 15)
