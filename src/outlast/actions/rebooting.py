"""reboot: restarting a host, and waiting until it is another boot's.

Knows stock's commands for each kind of system, its order of steps and its words. Leaves
connecting to the call's session.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from msgspec import Struct

from outlast.actions.argument_spec import only
from outlast.actions.modules import Modules
from outlast.actions.reconnecting import whole
from outlast.actions.saying import action_failed
from outlast.call import Call
from outlast.content.answers import judge
from outlast.errors import ActionFailed, HostUnreachable, InterpreterMissing
from outlast.outcome import Failed, Ok, Performed
from outlast.values import is_list
from outlast.work import CommandRun

_SETUP, _FIND = "ansible.builtin.setup", "ansible.builtin.find"
_OPTIONS = (
    *("boot_time_command", "connect_timeout", "msg", "post_reboot_delay", "pre_reboot_delay"),
    *("reboot_command", "reboot_timeout", "search_paths", "test_command"),
)
_PATHS = ("/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin")
_LONGEST_PAUSE = 12
_BOOT: Final = {
    "freebsd": "/sbin/sysctl kern.boottime",
    "openbsd": "/sbin/sysctl kern.boottime",
    **dict.fromkeys(("macosx", "solaris", "sunos", "aix"), "who -b"),
    "vmkernel": "grep booted /var/log/vmksummary.log | tail -n 1",
}
_BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
_SHUTDOWN: Final = {"alpine": "reboot", "vmkernel": "reboot"}
_USUAL = '-r {delay_min} "{message}"'
_ARGUMENTS: Final = {
    "alpine": "",
    **dict.fromkeys(("void", "macosx", "openbsd"), '-r +{delay_min} "{message}"'),
    "freebsd": '-r +{delay_sec}s "{message}"',
    **dict.fromkeys(("solaris", "sunos"), '-y -g {delay_sec} -i 6 "{message}"'),
    "vmkernel": "-d {delay_sec}",
    "aix": "-Fr",
}
_TEST: Final = {"solaris": "who", "vmkernel": "who"}


async def reboot(call: Call, modules: Modules) -> Performed:
    """Restart the host and wait until it can be worked on again."""
    if (await call.session()).address.get("kind") == "local":
        msg = f"Running {call.written_as} with local connection would reboot the control node."
        return Performed(action_failed({"elapsed": 0, "rebooted": False, "msg": msg}))
    if call.check_mode:
        return Performed(Ok({"elapsed": 0, "rebooted": True}, changed=True))
    only(call.args, _OPTIONS, call.written_as)
    system = await _System.of(call, modules)
    try:
        before = await system.boot()
    except ActionFailed as error:
        return Performed(action_failed({"reboot": False, "msg": error.message}))
    refusal = await _asked(call, await system.command(modules))
    if refusal:
        start = dt.datetime.now(dt.UTC).isoformat()
        told = {"elapsed": 0, "rebooted": False, "start": start, "msg": refusal}
        return Performed(action_failed(told))
    return await _back(call, system, before)


async def _asked(call: Call, command: str) -> str:
    """Ask the host to restart; gives why it does not, or nothing."""
    try:
        rc, stdout, stderr = await _ran(call, command)
    except HostUnreachable:
        return ""  # it was quick
    if rc == 0:
        return ""
    return f"Reboot command failed. Error was: '{stdout.strip()}, {stderr.strip()}'"


async def _back(call: Call, system: _System, before: str) -> Performed:
    clock = asyncio.get_running_loop()
    began = clock.time()
    await asyncio.sleep(max(0, whole(call, "post_reboot_delay", 0)))
    patience = whole(call, "reboot_timeout", 600)
    late = ""
    for what, attempt in (
        ("last boot time check", lambda: system.has_booted(before)),
        ("post-reboot test command", system.test),
    ):
        if not late and not await _in_time(call, attempt, patience):
            late = f"Timed out waiting for {what} (timeout={patience})"
    told = {"elapsed": int(clock.time() - began), "rebooted": True}
    if late:
        return Performed(action_failed({**told, "msg": late}))
    return Performed(Ok(told, changed=True))


async def _in_time(call: Call, attempt: Callable[[], Awaitable[None]], patience: int) -> bool:
    """Try until it works, ever less often; tells whether it did before the time was over."""
    failures = 0
    try:
        async with asyncio.timeout(patience):
            while True:
                try:
                    await attempt()
                except HostUnreachable:
                    await call.reset()
                except (ActionFailed, InterpreterMissing):
                    pass  # it is not down yet, or not quite up
                else:
                    return True
                chance = secrets.randbelow(1000) / 1000
                await asyncio.sleep(min(2**failures, _LONGEST_PAUSE) + chance)
                failures += 1
    except TimeoutError:
        return False


class _System(Struct, frozen=True):
    """What the host's kind of system makes of a reboot."""

    call: Call
    names: tuple[str, ...]
    """The distribution with its version, the distribution, its family."""

    @classmethod
    async def of(cls, call: Call, modules: Modules) -> _System:
        found = await modules.run(call, _SETUP, {"gather_subset": "min"})
        facts = found.payload.get("ansible_facts")
        if isinstance(found, Failed) or not isinstance(facts, Mapping):
            said = found.payload.get("msg", "")
            raise ActionFailed(f"Failed to determine system distribution. {said}")
        wanted = ("distribution", "distribution_version", "os_family")
        for fact in wanted:
            if f"ansible_{fact}" not in facts:
                missing = f'Missing "ansible_{fact}" in output.'
                raise ActionFailed(f"Failed to get distribution information. {missing}")
        name, version, family = (str(facts[f"ansible_{fact}"]) for fact in wanted)
        name, version = name.lower(), version.partition(".")[0]
        return cls(call, (name + version, name, family.lower()))

    def _pick(self, choices: Mapping[str, str], unset: str) -> str:
        return next((choices[name] for name in self.names if name in choices), unset)

    def _text(self, option: str, unset: str) -> str:
        value = self.call.args.get(option)
        if value is not None and not isinstance(value, str):
            why = f"'{value!r}' is not a string and conversion is not allowed"
            raise ActionFailed(f"Invalid value given for {option!r}: {why}.")
        return value or unset

    async def boot(self) -> str:
        """Give what tells this boot from all others."""
        command = self._text("boot_time_command", self._pick(_BOOT, _BOOT_ID))
        rc, stdout, stderr = await _ran(self.call, command)
        if rc != 0:
            what = f"{self.call.written_as}: failed to get host boot time info"
            raise ActionFailed(f"{what}, rc: {rc}, stdout: {stdout}, stderr: {stderr}")
        return stdout.strip()

    async def command(self, modules: Modules) -> str:
        """Give the command line that restarts the host."""
        delay = max(0, whole(self.call, "pre_reboot_delay", 0))
        words = {
            "delay_sec": delay,
            "delay_min": delay // 60,
            "message": self.call.args.get("msg", "Reboot initiated by Ansible"),
        }
        usual = self._pick(_ARGUMENTS, _USUAL).format(**words)
        given = self._text("reboot_command", "")
        program, _, arguments = given.partition(" ")
        if not given:
            program, arguments = self._pick(_SHUTDOWN, "shutdown"), usual
        if not program.startswith("/"):
            program = await self._found(program, modules)
        return f"{program} {arguments}"

    async def _found(self, program: str, modules: Modules) -> str:
        paths = self.call.args.get("search_paths", list(_PATHS))
        paths = list(paths) if is_list(paths) else str(paths).split(",")
        args = {"paths": paths, "patterns": [program], "file_type": "any"}
        files = (await modules.run(self.call, _FIND, args)).payload.get("files")
        for file in files if is_list(files) else ():
            if isinstance(file, Mapping):
                return str(file["path"])
        raise ActionFailed(f'Unable to find command "{program}" in search paths: {paths}')

    async def has_booted(self, before: str) -> None:
        """Return if the host has booted since; else raise `ActionFailed` or `HostUnreachable`."""
        connecting = whole(self.call, "connect_timeout", 0)
        if connecting:
            await self.call.reset()
        try:
            async with asyncio.timeout(connecting or None):
                await self.call.session()
        except TimeoutError as error:
            raise HostUnreachable("it does not answer in time") from error
        if await self.boot() in ("", before):
            raise ActionFailed("boot time has not changed")

    async def test(self) -> None:
        """Return if the host does what it is told; else raise `ActionFailed`."""
        rc, stdout, stderr = await _ran(
            self.call, self._text("test_command", self._pick(_TEST, "whoami"))
        )
        if rc != 0:
            raise ActionFailed(f"Test command failed: {stderr} {stdout}")


async def _ran(call: Call, line: str) -> tuple[int, str, str]:
    """Run a command line; gives its code and its output."""
    run = CommandRun(shell=line, strip_empty_ends=False)  # the user's line
    payload = judge(await (await call.session()).run(run)).payload
    rc = payload.get("rc")
    code = rc if isinstance(rc, int) else 1
    return code, str(payload.get("stdout", "")), str(payload.get("stderr", ""))
