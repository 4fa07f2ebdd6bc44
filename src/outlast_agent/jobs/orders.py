"""From what the controller asks to what a supervisor is told: everything a job needs, at once.

A job outlives the agent, so nothing in an order may lie in the agent's memory or folder. What
can be decided before the start (a command that is not to run because of `creates`) is decided
here, and becomes a job that has its result already. Leaves starting it to `launching`.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import time
import zlib
from collections.abc import Mapping

from outlast_agent import spool
from outlast_agent.agent import Agent
from outlast_agent.carrying import Carrier
from outlast_agent.commands import Command
from outlast_agent.jobs import module_job, script_job, teeing
from outlast_agent.request import Refused, Request
from outlast_agent.supervision.supervisor import GRACE

COMMAND_PATIENCE = 1.0
"""Seconds of silence after which what a command has left behind is not listened to any more."""
_TERMS = {
    "idle_limit": 0,
    "grace": GRACE,
    "reboots": 0,
    "host_limit": 0,
    "nice": 0,
    "memory_limit": 0,
    "cpu_limit": 0,
}
"""What may be asked of a job, and what it is unless it is asked for."""
_JID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAME = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.@:+-]{0,99})?")
_DIGEST = re.compile(r"[0-9a-f]{0,128}")


def carrier_of(agent: Agent) -> Carrier:
    """Give the one that knows this agent's own modules."""
    return agent.lasting(Carrier, lambda: Carrier(agent.bundle))


def order_for(agent: Agent, request: Request) -> dict[str, object]:
    """Give the order for a `job.start`; raises `Refused`."""
    jid, async_dir = request.text("jid"), request.text("async_dir")
    if not _JID.fullmatch(jid):
        raise Refused("a job cannot be called %r" % jid)
    run = request.body.get("run")
    if not isinstance(run, dict):
        raise Refused("a job needs something to run")
    environment = {"ANSIBLE_ASYNC_DIR": async_dir}  # stock's jobs see it, too
    environment.update({str(name): str(value) for name, value in run["environment"].items()})
    place = {"folder": spool.expand(async_dir), "jid": jid}
    work = _work(agent, run, environment, place)
    terms, label = terms_of(request), _label(request)
    order: dict[str, object] = {
        **place,
        **terms,
        "label": label,
        "content": _matching(_DIGEST, request.body.get("content", ""), "content"),
        "facts": _facts(request, work, terms, label),
        "limit": request.number("limit"),
        "argv": [],
        "answers": False,
        "executable": "",
        "cwd": "",
        "environment": environment,
        "payload": b"",
        "files": [],
        "patience": 0.0,
    }
    order.update(work)
    _add_rules(request, order)
    return order


def _work(
    agent: Agent,
    run: Mapping[str, object],
    environment: Mapping[str, str],
    place: Mapping[str, object],
) -> dict[str, object]:
    """Give the parts of an order that depend on what kind of thing is to be run."""
    if "given" in run:
        finish = {"module": str(run["action"]), "result": json.dumps(run["given"])}
        return {"finish": finish}
    if "command" not in run:
        return _module(agent, run, place)
    plan = _command(run, environment)
    return _with_script(agent, run, plan, place) if "script" in run else plan


def _add_rules(request: Request, order: Mapping[str, object]) -> None:
    """Add what is to be made of the answer; as one text it waits in little room."""
    rules, finish = request.body.get("finish"), order["finish"]
    if rules and isinstance(finish, dict):
        finish["rules"] = json.dumps(rules)


def terms_of(request: Request) -> dict[str, float]:
    """Give what is asked of the job in numbers."""
    given = request.body.get("terms")
    if not isinstance(given, dict):
        raise Refused("the terms of a job are a mapping")
    terms = {name: given.get(name, unless) for name, unless in _TERMS.items()}
    for name, value in terms.items():
        if not isinstance(value, (int, float)):
            raise Refused("%s must be a number, not %s" % (name, json.dumps(value)))
    if terms["reboots"] and not spool.boot_id():
        raise Refused("this host does not tell one of its boots from another (no boot_id in /proc)")
    return terms


def _label(request: Request) -> str:
    """Give the name by which there is one job at a time; empty: it has none."""
    given = request.body.get("terms")
    return _matching(_NAME, given.get("name", "") if isinstance(given, dict) else "", "name")


def _matching(form: re.Pattern[str], value: object, what: str) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise Refused("this is no %s of a job: %s" % (what, json.dumps(value)))
    return value


def _facts(
    request: Request, work: Mapping[str, object], terms: Mapping[str, float], label: str
) -> str:
    """Give what job.json says, but for its end, which only the supervisor knows."""
    finish = work["finish"]
    facts = {
        "version": 2,
        "name": request.text("name"),
        "label": label,
        "module": finish.get("module", "") if isinstance(finish, dict) else "",
        "answers": bool(work.get("answers")),
        "limit": request.number("limit"),
        **terms,
        "reboots": bool(terms["reboots"]),
        "started": time.time(),
        "uid": os.geteuid(),
        "user": getpass.getuser(),
    }
    return json.dumps(facts)[:-1]


class PlannedCommand(Command):
    """A command that a supervisor is to start, just as it would be started here."""

    def plan(self) -> dict[str, object]:
        """Give what an order says of it, or its result if it is not to run."""
        started = self.start()
        return started if isinstance(started, dict) else {}

    def _popen(self) -> dict[str, object]:  # type: ignore[override]  # it is planned, not started
        return {
            "argv": self._program,
            "executable": self._program[0],
            "cwd": os.getcwd(),
            "environment": dict(os.environ),
            "payload": self.data or b"",
        }


def _command(run: Mapping[str, object], environment: Mapping[str, str]) -> dict[str, object]:
    fields = run["command"]
    if not isinstance(fields, dict):
        raise Refused("a command is a mapping")
    name = "ansible.legacy.command"
    plan = PlannedCommand(fields, environment).plan()
    if "argv" not in plan:
        return {"finish": {"module": name, "result": json.dumps(plan)}}
    finish = {"module": name, "command": json.dumps(fields)}
    return {**plan, "patience": COMMAND_PATIENCE, "finish": finish}


def _with_script(
    agent: Agent,
    run: Mapping[str, object],
    plan: dict[str, object],
    place: Mapping[str, object],
) -> dict[str, object]:
    """Give *plan* with the file that it needs: it lies in the job's folder while it runs."""
    script = run["script"]
    if not isinstance(script, dict):
        raise Refused("a script is a mapping")
    path = agent.stored.path(str(script["key"]))
    if "argv" in plan:
        work = {
            **place,
            "stands_as": script["stands_as"],
            "argv": plan["argv"],
            "environment": plan["environment"],
        }
        argv, payload = carrier_of(agent).program(
            script_job.BEGIN, script_job.NEEDED, work=work, flags=("-S", "-E", "-I")
        )
        files = [(path, script_job.FOLDER)]
        plan = {**plan, "argv": argv, "executable": argv[0], "payload": payload, "files": files}
    return plan


def forget_files(agent: Agent, request: Request) -> None:
    """Remove what was sent for a job and is still the agent's: the job was refused."""
    run = request.body["run"]
    if isinstance(run, dict):
        script, files = run.get("script", {}), run.get("files", {})
        for key in (*files.values(), *([script["key"]] if script else ())):
            agent.stored.discard(str(key))


def _module(
    agent: Agent, run: Mapping[str, object], place: Mapping[str, object]
) -> dict[str, object]:
    parcel = agent.modules.parcel(str(run["parcel"]))
    given = run.get("files", {})
    if not isinstance(given, dict) or not isinstance(run["args"], dict):
        raise Refused("arguments and files are mappings")
    paths = {name: agent.stored.path(str(key)) for name, key in given.items()}
    places = {name: "given-%s/%s" % (name, os.path.basename(paths[name])) for name in paths}
    work = {
        **place,
        "main": parcel.main,
        "files": parcel.files,
        "sources": parcel.sources,
        "on_disk": parcel.on_disk,
        "program": parcel.program,
        "interpreter": run.get("interpreter", []),
        "args": run["args"],
        "given": places,
    }
    if parcel.on_disk:
        source = carrier_of(agent).source("jobs.teeing").encode()
        work["files"] = {**parcel.files, teeing.NAME: (False, teeing.NAME)}
        work["sources"] = {**parcel.sources, teeing.NAME: zlib.compress(source)}
    argv, payload = carrier_of(agent).program(module_job.BEGIN, module_job.NEEDED, work=work)
    return {
        "files": [(path, "given-%s" % name) for name, path in paths.items()],
        "argv": argv,
        "answers": True,
        "executable": argv[0],
        "cwd": os.getcwd(),
        "payload": payload,
        "finish": {"module": parcel.name},
    }
