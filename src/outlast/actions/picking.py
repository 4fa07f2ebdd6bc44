"""package and service: the host's own module for the work, picked by its facts.

Knows how the choice is made. Leaves the work to the module that was picked.
"""

from __future__ import annotations

from collections.abc import Mapping

from outlast.actions.modules import Modules, perform_run
from outlast.actions.saying import with_warning
from outlast.call import Call
from outlast.errors import Refused
from outlast.outcome import Detached, Failed, Outcome, Performed

_SETUP = "ansible.builtin.setup"
_UNUSED_BY_SYSTEMD = ("pattern", "runlevel", "sleep", "arguments", "args")


async def package(call: Call, modules: Modules) -> Performed:
    """Install or remove packages with the host's package manager."""
    use = str(call.args.get("use", "auto"))
    if use == "auto" and "ansible_package_use" in call.scope:
        use = str(call.evaluate.render(call.scope["ansible_package_use"], call.scope))
    if use == "auto":
        use = await _manager(call, modules)
    if use in ("dnf", "dnf5", "yum"):
        raise Refused(f"package with {use} is not supported yet; use the {use} module by its name")
    if modules.content.catalogue.find(use) is None:
        raise Refused(f'Could not find a matching action for the "{use}" package manager.')
    return await _run(call, modules, use, _without_use(call.args))


async def _manager(call: Call, modules: Modules) -> str:
    known = _fact(call, "pkg_mgr")
    if known:
        return known
    found = await modules.run(
        call, _SETUP, {"filter": ["ansible_pkg_mgr"], "gather_subset": ["!all"]}
    )
    if isinstance(found, Failed):
        why = found.payload.get("msg")
        what = "Failed to fetch ansible_pkg_mgr to determine the package action backend"
        raise Refused(f"{what}: {why}")
    manager = _found(found, "ansible_pkg_mgr")
    if not manager:
        raise Refused('Could not detect a package manager. Try using the "use" option.')
    return manager


async def service(call: Call, modules: Modules) -> Performed:
    """Start, stop and enable services with the host's service manager."""
    use = str(call.args.get("use", "auto")).lower()
    if use == "auto":
        use = _fact(call, "service_mgr") or _found(
            await modules.run(
                call, _SETUP, {"filter": ["ansible_service_mgr"], "gather_subset": ["!all"]}
            ),
            "ansible_service_mgr",
        )
    if not use or use == "auto" or modules.content.catalogue.find(use) is None:
        use = "service"
    args = _without_use(call.args)
    unused = [name for name in _UNUSED_BY_SYSTEMD if use == "systemd" and name in args]
    for name in unused:
        del args[name]
    performed = await _run(call, modules, use, args)
    if isinstance(performed.outcome, Detached):
        return performed
    outcome: Outcome = performed.outcome
    for name in unused:
        outcome = with_warning(outcome, f'Ignoring "{name}" as it is not used in "{use}"')
    return Performed(outcome)


async def _run(call: Call, modules: Modules, use: str, args: Mapping[str, object]) -> Performed:
    module = modules.content.catalogue.find(use)
    fqcn = module.fqcn if module else use
    return await perform_run(call, await modules.order(call, fqcn, args))


def _without_use(args: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in args.items() if key != "use"}


def _fact(call: Call, name: str) -> str:
    facts = call.scope.get("ansible_facts")
    value = facts.get(name) if isinstance(facts, Mapping) else None
    return str(value or "")


def _found(outcome: Outcome, name: str) -> str:
    facts = outcome.payload.get("ansible_facts")
    return str(facts.get(name) or "") if isinstance(facts, Mapping) else ""
