"""gather_facts: one or several modules find out about a host.

Knows which modules those are, what of the action's arguments each is given, and what their
answers come to together. They run side by side or one after the other; no job is needed for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from outlast.actions.facts import boolean_of
from outlast.actions.modules import Modules
from outlast.call import Call
from outlast.errors import ActionFailed, Cause, Refused
from outlast.outcome import Failed, Notice, Ok, Outcome, Performed, Skipped, Warned
from outlast.values import is_list

_SMART = "smart"
_SETUP = "ansible.legacy.setup"
_SETUPS = frozenset({"setup", _SETUP, "ansible.builtin.setup"})
_OF_SETUP = {"gather_subset": "subset", "gather_timeout": "timeout", "filter": "filter"}
"""Arguments that other modules do not get, and stock's word for each."""
_SYSTEMS = {
    "asa": "cisco.asa.asa",
    "eos": "arista.eos.eos",
    "frr": "frr.frr.frr",
    "ios": "cisco.ios.ios",
    "iosxr": "cisco.iosxr.iosxr",
    "junos": "junipernetworks.junos.junos",
    "nxos": "cisco.nxos.nxos",
    "vyos": "vyos.vyos.vyos",
    "exos": "extreme.exos.exos",
    "slxos": "extreme.slxos.slxos",
    "voss": "extreme.voss.voss",
    "ironware": "community.network.ironware",
}
"""Network systems by their short and full names; the module of each is called after it."""
_ODD = (
    "Detected 'setup' module and a network OS is set, the output when running it will reflect"
    " 'localhost' and not the target when a networking connection plugin is used."
)
_UNSEEN = "(traceback unavailable)"


class _Source(Struct, frozen=True):
    """One module that gathers."""

    name: str
    """As it was asked for."""
    module: str
    args: dict[str, object]
    seconds: float | None = None
    """How long it may take; None: it sees to that itself."""


async def gather_facts(call: Call, modules: Modules) -> Performed:
    """Find out about the host, with every module that is configured for it."""
    warnings: list[str] = []
    names = _names(call, modules, warnings.append)
    args = dict(call.args)
    wanted = args.pop("parallel", None)
    if "ansible_facts_parallel" in call.scope:
        wanted = call.evaluate.render(call.scope["ansible_facts_parallel"], call.scope)
    parallel = len(names) > 1 if wanted is None else boolean_of(wanted)
    sources = [
        await _source(call, modules, name, args, warnings.append, limited=parallel)
        for name in names
    ]
    if parallel:
        async with asyncio.TaskGroup() as group:
            works = [group.create_task(_gather(call, modules, source)) for source in sources]
        outcomes = [work.result() for work in works]
    else:
        outcomes = [await _gather(call, modules, source) for source in sources]
    found = _together(list(zip(names, outcomes, strict=True)), warnings)
    return Performed(found, shown="never")


def _names(call: Call, modules: Modules, warn: Callable[[str], None]) -> list[str]:
    """Give the modules that gather; raises `Refused` where none is known for the host's system."""
    names = list(modules.facts_modules)
    if "ansible_facts_modules" in call.scope:
        names = _listed(call.evaluate.render(call.scope["ansible_facts_modules"], call.scope))
    if _SMART not in names:
        return names
    names.remove(_SMART)
    system = _system(call)
    if not system:
        return names if _SETUPS.intersection(names) else [*names, _SETUP]
    known = _modules_of_systems()
    if system in known:
        names.append(known[system])
    elif not names:
        raise Refused(
            "No fact modules available and we could not find a fact module for your network OS"
            f" ({system}), try setting one via the `FACTS_MODULES` configuration."
        )
    if _SETUPS.intersection(names):
        warn(_ODD)
    return names


def _listed(value: object) -> list[str]:
    if is_list(value):
        return [str(one) for one in value]
    return [one.strip() for one in str(value).split(",")]


def _system(call: Call) -> str:
    """Give the network system that the host has, if it has one."""
    if "network_os" in call.args:
        return str(call.args["network_os"] or "")
    if "ansible_network_os" in call.scope:
        return str(call.evaluate.render(call.scope["ansible_network_os"], call.scope) or "")
    facts = call.scope.get("ansible_facts")
    return str(facts.get("network_os") or "") if isinstance(facts, Mapping) else ""


def _modules_of_systems() -> dict[str, str]:
    short = {system: f"ansible.legacy.{system}_facts" for system in _SYSTEMS}
    return short | {full: f"{full}_facts" for full in _SYSTEMS.values()}


async def _source(
    call: Call,
    modules: Modules,
    name: str,
    given: Mapping[str, object],
    warn: Callable[[str], None],
    *,
    limited: bool,
) -> _Source:
    """Give the module called *name* with its arguments; raises `ActionFailed` if there is none."""
    file = await asyncio.to_thread(modules.content.catalogue.find, name)
    if file is None:
        raise ActionFailed(f"The module {name} was not found in configured module paths")
    args = dict(given)
    if name not in _SETUPS:
        for option, word in _OF_SETUP.items():
            value = args.pop(option, None)
            everything = option == "gather_subset" and value in ("all", ["all"])
            if value is not None and not everything:
                warn(f"Not passing {word}({value}) to {name}")
    args = {key: value for key, value in args.items() if value is not None}
    args = {**call.defaults_of(file.fqcn), **args}
    timeout = given.get("gather_timeout")
    itself = not limited or not timeout or "gather_timeout" in args
    return _Source(name, file.fqcn, args, None if itself else int(str(timeout)))


async def _gather(call: Call, modules: Modules, source: _Source) -> Outcome:
    await call.session()  # coming there is not the module's time
    try:
        async with asyncio.timeout(source.seconds):
            return await modules.run(call, source.module, source.args, name=source.name)
    except TimeoutError:
        return Failed({"msg": "Timeout exceeded"})


def _together(outcomes: Sequence[tuple[str, Outcome]], warnings: Sequence[str]) -> Outcome:
    """Give what the answers of all modules come to."""
    fine = [outcome for _, outcome in outcomes if isinstance(outcome, Ok)]
    told: dict[str, object] = {"ansible_facts": {}}
    if warnings:
        told["warnings"] = list(warnings)
    notices: tuple[Notice, ...] = tuple(map(Warned, warnings))
    for outcome in fine:
        new = outcome.notices
        notices = (*(notice for notice in notices if notice not in new), *new)
        kept = ("ansible_facts", "warnings", "deprecations")
        told = _joined(told, {key: outcome.payload[key] for key in kept if key in outcome.payload})
    skipped = {name: one for name, one in outcomes if isinstance(one, Skipped)}
    failed = {name: one for name, one in outcomes if isinstance(one, Failed)}
    if skipped:
        told["msg"] = f"The following modules were skipped: {', '.join(skipped)}."
        reports = {name: _report(one) for name, one in skipped.items()}
        told["skipped_modules"] = reports
    if failed:
        return replace(_failed(told, failed), notices=notices)
    if skipped and len(skipped) == len(outcomes):
        return Skipped({**told, "failed": False}, notices=notices)
    return Ok(told, notices=notices)


def _report(skipped: Skipped) -> dict[str, object]:
    told = {name: value for name, value in skipped.payload.items() if name != "failed"}
    return {**told, "skipped": True}


def _failed(told: Mapping[str, object], failed: Mapping[str, Failed]) -> Failed:
    reports = {
        name: {"exception": _UNSEEN, **one.payload, "failed": True} for name, one in failed.items()
    }
    msg = f"The following modules failed to execute: {', '.join(failed)}."
    parts = tuple(str(one.payload.get("msg", "")) for one in failed.values())
    why = (Cause("Action failed."), Cause(msg, apart=True, parts=parts))
    return Failed({**told, "failed_modules": reports, "msg": msg}, why)


def _joined(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    """Give *above* on top of *below*: mappings member by member, lists one after the other."""
    result = dict(below)
    for name, value in above.items():
        known = result.get(name)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            result[name] = _joined(known, value)
        elif is_list(known) and is_list(value):
            result[name] = [*(one for one in known if one not in value), *value]
        else:
            result[name] = value
    return result
