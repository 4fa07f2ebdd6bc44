"""A module is told what it accepts, and nothing else."""

from __future__ import annotations

import asyncio
import datetime as dt
import json

import pytest
from unit.actions.scratch import ScratchHost

from outlast.call import Call
from outlast.content.answers import judge
from outlast.content.arguments import jsonable, module_args
from outlast.content.cache import Cache
from outlast.content.core import AnsibleCore
from outlast.content.places import open_content
from outlast.values import DictScope
from outlast.work import ModuleRun


def a_call(**kwargs):
    asked = {"action": "ansible.builtin.stat", "written_as": "stat", "args": {}, "host": "h"}
    return Call(**asked | {"scope": DictScope(), "evaluate": None, "session": None} | kwargs)


def test_every_internal_argument_of_this_version_is_sent():
    core = AnsibleCore.installed()
    sent = module_args(core, a_call(check_mode=True, no_log=True), {"path": "/x"}, name="stat")
    assert {key.removeprefix("_ansible_") for key in sent} == {*core.accepted, "path"}
    assert sent["_ansible_check_mode"] is True
    assert sent["_ansible_no_log"] is True
    assert sent["_ansible_version"] == core.version


def test_a_version_that_knows_less_is_sent_less(tmp_path):
    common = tmp_path / "module_utils" / "common"
    common.mkdir(parents=True)
    (common / "parameters.py").write_text("PASS_VARS = {'check_mode': 1, 'unheard_of': 2}\n")
    (tmp_path / "release.py").write_text("__version__ = '9'\n__author__ = 'us'\n")
    sent = module_args(AnsibleCore(tmp_path), a_call(), {}, name="stat")
    assert sent == {"_ansible_check_mode": False}


def test_what_json_cannot_carry_is_turned_into_what_stock_sends():
    value = {"d": dt.date(2030, 1, 2), "t": (1, {"s": {3}}), 5: None}
    assert json.dumps(jsonable(value)) == '{"d": "2030-01-02", "t": [1, {"s": [3]}], "5": null}'


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_parcel_with_these_arguments_really_runs(tmp_path, check_mode):
    content = open_content([], library=(), cache=Cache.at(None))
    parcel = content.parcels.parcel("ansible.builtin.file")
    call = a_call(check_mode=check_mode)
    args = {"path": str(tmp_path / "made"), "state": "directory"}
    run = ModuleRun(parcel=parcel, args=module_args(content.core, call, args, name="file"))
    outcome = judge(asyncio.run(ScratchHost(tmp_path).run(run)))
    assert outcome.changed
    assert (tmp_path / "made").is_dir() is not check_mode
