"""Stock Ansible, asked itself, reads playbooks as we say it does."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from outlast.playbook import key_values
from outlast.playbook.keywords import ALLOWED, KEYWORDS, Place

HERE = Path(__file__).parent
FAULTS = yaml.safe_load((HERE.parent / "unit/playbook/faults.yml").read_text(encoding="utf-8"))
PIECES = [
    *"ab= \n\"'\\",
    *("{{", "}}", "{%", "%}", "{#", "#}", "creates=", "chdir=/x", "\\n", "\\x41", "\\u00e9"),
    *(
        "\\=",
        "x y",
        "=é",
        "\t",
        "\\\n",
        " \\ ",
        "\\N{BULLET}",
        "\\N{NO SUCH}",
        'k="v w"',
        "{{ a b }}",
    ),
]


def lines_to_cut():
    """Give lines that are odd in every way, always the same ones."""
    choose = random.Random(7)
    return ["".join(choose.choices(PIECES, k=choose.randint(0, 9))) for _ in range(4000)]


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """What stock answers; asked once, since importing it takes seconds."""
    folder = tmp_path_factory.mktemp("books")
    paths = {fault["case"]: folder / f"{fault['case'].replace(' ', '_')}.yml" for fault in FAULTS}
    for fault in FAULTS:
        paths[fault["case"]].write_text(fault["text"], encoding="utf-8")
    asked = {"books": [str(path) for path in paths.values()], "lines": lines_to_cut()}
    answer = subprocess.run(
        [sys.executable, str(HERE / "stock_parser.py")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = json.loads(answer.stdout)
    answers["folder"] = folder
    answers["faults"] = {case: answers["books"][str(path)] for case, path in paths.items()}
    return answers


def test_stock_says_the_same_of_every_wrong_playbook(stock):
    folder = f"{stock['folder'].resolve()}/"
    for fault in FAULTS:
        if "unlike_stock" in fault:
            continue
        answer = stock["faults"][fault["case"]]
        assert answer, f"stock sees nothing wrong in {fault['case']!r}"
        said = [message.replace(folder, "FOLDER/") for message, _ in answer]
        assert said == fault["says"]
        assert answer[0][1] in ("", fault["at"]), fault["case"]


def test_what_we_say_otherwise_stock_does_not_say(stock):
    for fault in FAULTS:
        if "unlike_stock" in fault:
            said = [message for message, _ in stock["faults"][fault["case"]] or []]
            assert said != fault["says"], f"{fault['case']!r} is like stock by now"


def test_the_table_of_keywords_is_stocks(stock):
    for place in (Place.PLAY, Place.BLOCK, Place.TASK, Place.HANDLER, Place.ROLE):
        theirs = stock["keywords"][place.value]
        internal = {"async_val", "loop_with"}
        ours = {name: row.type_name for name, row in ALLOWED[place].items()} | {}
        ours.pop("local_action", None)  # stock looks at it before it knows any keyword
        assert ours == {name: facts[0] for name, facts in theirs.items() if name not in internal}


def test_keywords_are_inherited_as_in_stock(stock):
    # Their vars and collections reach what is inside by ways of their own.
    for name, (_, inheritance) in stock["keywords"]["Task"].items():
        if name in KEYWORDS and name not in ("vars", "collections"):
            assert KEYWORDS[name].inherit.name == inheritance, name


@pytest.mark.parametrize("place", [Place.INCLUDE, Place.HANDLER_INCLUDE])
def test_includes_take_the_keywords_they_take_in_stock(stock, place):
    theirs = set(stock["keywords"][place.value]) - {"loop_with"}
    assert set(ALLOWED[place]) - {"local_action"} == theirs


def test_loop_control_has_stocks_keywords(stock):
    assert set(ALLOWED[Place.LOOP_CONTROL]) == set(stock["keywords"]["LoopControl"])


def test_one_line_arguments_are_cut_as_stock_cuts_them(stock):
    for line, answers in zip(lines_to_cut(), stock["lines"], strict=True):
        for command, theirs in zip((False, True), answers, strict=True):
            try:
                ours = key_values.parse(line, command=command)
            except ValueError:
                assert isinstance(theirs, str), line
            else:
                assert ours == theirs, line


@pytest.mark.parametrize("case", ["conflict", "regbad", "kvquote", "yunquoted", "argtwo"])
def test_a_person_reads_the_same_lines_as_with_stock(tmp_path, case):
    texts = {fault["case"]: fault["text"] for fault in FAULTS}
    texts["argtwo"] = "- hosts: all\n  tasks:\n  - command: ls chdir=/\n    args: {stdin: x}\n"
    book = tmp_path / "book.yml"
    book.write_text(texts[case], encoding="utf-8")
    asked = ["-i", "localhost,", "--syntax-check", str(book)]
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    ours, theirs = (
        subprocess.run([*argv, *asked], capture_output=True, text=True, check=False, env=bare)
        for argv in (
            [str(Path(sys.executable).with_name("outlast")), "playbook"],
            [str(Path(sys.executable).with_name("ansible-playbook"))],
        )
    )
    assert (ours.returncode, ours.stderr) == (theirs.returncode, theirs.stderr)
