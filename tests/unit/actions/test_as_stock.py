"""Every case of cases.yml registers what stock registered for it (pinned.json)."""

from __future__ import annotations

import asyncio
import io
import json
import re
from pathlib import Path

import pytest
import yaml
from unit.actions.calls import a_call, actions, done, marked
from unit.actions.pin_from_stock import name_of, steps, tree
from unit.actions.scratch import ScratchHost

HERE = Path(__file__).parent
CASES = yaml.safe_load((HERE / "cases.yml").read_text())
PINNED = json.loads((HERE / "pinned.json").read_text())
ONCE_ONLY = {
    "src",  # of what was sent: a path of the moment
    "start",
    "stop",
    "end",
    "delta",
    "backup_file",
    "results_file",
    "erased",
    "after_header",  # stock's names a temporary file of its own for templates
}
"""Keys whose values are of the moment; that they are there counts."""
BOOLEANS = re.compile(r"Valid booleans include: .*")
PLACE = re.compile(r" at '[^']*'")
HOW_LONG = re.compile(r"Paused for \S+")


def cases(*groups):
    return [
        pytest.param(group, case, id=name_of(group, case)[:100])
        for group in groups
        for case in CASES[group]
    ]


def settled(value, key=""):
    """Give *value* without what differs from run to run."""
    if key in ONCE_ONLY and value:
        return "<of the moment>"
    if isinstance(value, dict):
        return {name: settled(member, name) for name, member in value.items()}
    if isinstance(value, list):
        return [settled(member) for member in value]
    if isinstance(value, str):
        value = BOOLEANS.sub("Valid booleans include: ...", value)
        value = HOW_LONG.sub("Paused for a while", PLACE.sub(" at PLACE", value))
    return value


def without_dates(files):
    """Give files by name, a backup's name cut off before its process id and date."""
    return {re.sub(r"\.\d+\.\d{4}-.*", ".backup", name): text for name, text in files.items()}


def prepared(tmp_path, case):
    folder = tmp_path / "home"
    folder.mkdir()
    for name, text in case.get("files", {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder, json.loads(json.dumps(case["tasks"]).replace("DIR", str(folder)))


async def compare(tmp_path, group, case):
    full = steps(case)
    folder, tasks = await asyncio.to_thread(prepared, tmp_path, full)
    options = {"check_mode": full.get("check", False), "diff": full.get("diff", False)}
    session = ScratchHost(tmp_path)
    performing = await asyncio.to_thread(actions, tmp_path)
    for task in tasks:
        ((action, args),) = task.items()
        written = marked(args) if isinstance(args, dict) else {"_raw_params": args}
        call = a_call(action, written, session=session, folder=folder, **options)
        seen, _ = await done(performing, call)
    pinned = PINNED[name_of(group, case)]
    ours = json.loads(json.dumps(seen).replace(str(folder), "DIR"))
    stocks = dict(pinned["registered"])
    stocks.pop("deprecations", None)  # of templating, which tells them to the run, not to us
    assert settled(ours) == settled(stocks)
    return await asyncio.to_thread(tree, folder), pinned["tree"]


@pytest.mark.parametrize(
    ("group", "case"),
    cases("debug", "set_fact", "fail", "assert", "set_stats", "include_vars", "async_status"),
)
async def test_an_action_on_the_controller_registers_what_stock_does(tmp_path, group, case):
    await compare(tmp_path, group, case)


@pytest.mark.parametrize(("group", "case"), cases("copy", "template"))
async def test_files_are_placed_as_stock_places_them(tmp_path, group, case):
    ours, stocks = await compare(tmp_path, group, case)
    assert without_dates(ours) == without_dates(stocks)


@pytest.mark.parametrize(("group", "case"), cases("command"))
async def test_a_command_is_told_as_stock_tells_it(tmp_path, group, case):
    await compare(tmp_path, group, case)


@pytest.mark.parametrize(("group", "case"), cases("pause"))
async def test_a_pause_is_told_as_stock_tells_it(tmp_path, monkeypatch, group, case):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    await compare(tmp_path, group, case)
