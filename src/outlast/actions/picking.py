"""package, dnf, service, assemble, uri: modules that need a word from here before they run.

Knows how the host's own module for packages or services is picked by its facts, and that a
file to be sent to a web server stands here. Leaves the work to the module.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from outlast.actions.argument_spec import boolean
from outlast.actions.modules import Modules, perform_run
from outlast.actions.saying import action_failed, with_warning
from outlast.actions.source_files import find_source
from outlast.call import Call
from outlast.errors import Refused
from outlast.outcome import Detached, Failed, Outcome, Performed

_ASSEMBLE = "ansible.builtin.assemble"
_URI = "ansible.builtin.uri"
_SETUP = "ansible.builtin.setup"
_DNFS = {
    "yum": "ansible.builtin.dnf",
    "yum4": "ansible.builtin.dnf",
    "dnf4": "ansible.builtin.dnf",
    "dnf": "ansible.builtin.dnf",
    "dnf5": "ansible.builtin.dnf5",
}
_UNUSED_BY_SYSTEMD = ("pattern", "runlevel", "sleep", "arguments", "args")


async def package(call: Call, modules: Modules) -> Performed:
    """Install or remove packages with the host's package manager."""
    use = str(call.args.get("use", "auto"))
    if use == "auto" and "ansible_package_use" in call.scope:
        use = str(call.evaluate.render(call.scope["ansible_package_use"], call.scope))
    if use == "auto":
        use = await _manager(call, modules)
    module = await _module(modules, use)
    if module is None:
        raise Refused(f'Could not find a matching action for the "{use}" package manager.')
    return await _run(call, modules, module, _without_use(call.args))


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
    module = await _module(modules, use) if use and use != "auto" else None
    if module is None:
        use, module = "service", "ansible.builtin.service"
    args = _without_use(call.args)
    unused = [name for name in _UNUSED_BY_SYSTEMD if use == "systemd" and name in args]
    for name in unused:
        del args[name]
    performed = await _run(call, modules, module, args)
    if isinstance(performed.outcome, Detached):
        return performed
    outcome: Outcome = performed.outcome
    for name in unused:
        outcome = with_warning(outcome, f'Ignoring "{name}" as it is not used in "{use}"')
    return Performed(outcome)


async def dnf(call: Call, modules: Modules) -> Performed:
    """Install or remove packages with whichever dnf the host has."""
    if "use" in call.args and "use_backend" in call.args:
        raise Refused("parameters are mutually exclusive: ('use', 'use_backend')")
    use = str(call.args.get("use", call.args.get("use_backend", "auto")))
    if use in ("auto", "yum"):
        use = _fact(call, "pkg_mgr") or use
    detected = use not in _DNFS
    if detected:
        use = await _manager(call, modules)
    facts = {"ansible_facts": {"pkg_mgr": use}} if detected and not call.delegated else {}
    if use not in _DNFS:
        return Performed(_fail_for(facts))
    own = ("use", "use_backend")
    args = {key: value for key, value in call.args.items() if key not in own}
    performed = await _run(call, modules, _DNFS[use], args)
    if isinstance(performed.outcome, Detached):
        return performed
    outcome = performed.outcome
    return Performed(replace(outcome, payload={**facts, **outcome.payload}))


def _fail_for(facts: Mapping[str, object]) -> Failed:
    """Give stock's failure for a host without a dnf: its message is two sentences, apart."""
    said = [
        "Could not detect which major revision of dnf is in use, which is required to determine"
        " module backend.",
        "You should manually specify use_backend to tell the module whether to use the dnf4 or"
        " dnf5 backend})",
    ]
    return action_failed({**facts, "msg": said})


async def assemble(call: Call, modules: Modules) -> Performed:
    """Put a file together from fragments that are on the host."""
    if call.args.get("src") is None or call.args.get("dest") is None:
        raise Refused("src and dest are required")
    if not boolean(call.args.get("remote_src", True), strict=False):
        raise Refused("assemble with remote_src: false is not supported yet")
    return await modules.last(call, _ASSEMBLE, call.args)


async def uri(call: Call, modules: Modules) -> Performed:
    """Talk to a web server from the host."""
    source = call.args.get("src")
    files: dict[str, bytes] = {}
    if source and not boolean(call.args.get("remote_src", False), strict=False):
        files["src"] = await asyncio.to_thread(_content, call, str(source))
    elif call.args.get("body_format") == "form-multipart":
        raise Refused("uri with body_format: form-multipart is not supported yet")
    args = {key: value for key, value in call.args.items() if key not in files}
    return await perform_run(call, await modules.order(call, _URI, args, files=files))


def _content(call: Call, source: str) -> bytes:
    return Path(find_source(call, "files", source)).read_bytes()


async def _module(modules: Modules, name: str) -> str | None:
    """Give the full name of the module that *name* means."""
    file = await asyncio.to_thread(modules.content.catalogue.find, name)
    return file.fqcn if file else None


async def _run(call: Call, modules: Modules, module: str, args: Mapping[str, object]) -> Performed:
    return await perform_run(call, await modules.order(call, module, args))


def _without_use(args: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in args.items() if key != "use"}


def _fact(call: Call, name: str) -> str:
    facts = call.scope.get("ansible_facts")
    value = facts.get(name) if isinstance(facts, Mapping) else None
    return str(value or "")


def _found(outcome: Outcome, name: str) -> str:
    facts = outcome.payload.get("ansible_facts")
    return str(facts.get(name) or "") if isinstance(facts, Mapping) else ""
