"""What is said of playbooks that cannot be used: what stock says, to the letter."""

from __future__ import annotations

import json
import sys

import pytest
from real.wrong_texts.cases import CASES, STOCK, seen

OURS = [sys.executable, "-m", "outlast", "playbook"]
RECORDED = json.loads(STOCK.read_text())


@pytest.mark.parametrize("name", CASES)
def test_a_text_that_is_wrong_is_told_as_stock_tells_it(name, tmp_path):
    assert seen(OURS, name, tmp_path) == RECORDED[name]


def test_a_playbook_that_is_no_text_is_refused_with_the_place(tmp_path):
    case = tmp_path / "p.yml"
    case.write_bytes(b"- hosts: all\n  name: caf\xe9\n")
    CASES["no text"] = {"files": {}}
    code, _, err = seen(OURS, "no text", tmp_path)
    assert code == 4
    assert err[0] == "[ERROR]: 'DIR/p.yml' is not UTF-8 text: byte 0xe9 in line 2."
