"""command and shell: a program run by the agent itself, without a module's start-up.

Knows which arguments say plainly what is to be run. Whatever is odd about them (unknown
ones, none at all, unbalanced quotes) is left to the module, which complains in its own words.
"""

from __future__ import annotations

import shlex

from outlast.actions.argument_spec import boolean
from outlast.actions.modules import Modules, perform_run
from outlast.call import Call
from outlast.errors import Refused
from outlast.outcome import Performed
from outlast.values import is_list
from outlast.work import CommandRun

_MODULE = "ansible.builtin.command"
_PATHS = ("chdir", "creates", "removes", "executable")
_FLAGS = ("stdin_add_newline", "strip_empty_ends", "expand_argument_vars")
_KNOWN = frozenset({"_raw_params", "_uses_shell", "cmd", "argv", "stdin", *_PATHS, *_FLAGS})


class _Odd(Exception):
    """These arguments are for the module to judge."""


async def command(call: Call, modules: Modules) -> Performed:
    """Run a program."""
    return await _run(call, modules, shell=False)


async def shell(call: Call, modules: Modules) -> Performed:
    """Run a command line through a shell."""
    if "expand_argument_vars" in call.args:
        what = f"Unsupported parameters for ({call.written_as}) module: expand_argument_vars"
        raise Refused(what)
    return await _run(call, modules, shell=True)  # noqa: S604  # what the action is


async def _run(call: Call, modules: Modules, *, shell: bool) -> Performed:
    try:
        return await perform_run(call, _plain(call, shell=shell))
    except _Odd:
        args = {**call.args, "_uses_shell": True} if shell else call.args
        return await perform_run(call, await modules.order(call, _MODULE, args))


def _plain(call: Call, *, shell: bool) -> CommandRun:
    """Give the run that plain arguments ask for; raises `_Odd` for all others."""
    args = call.args
    if not args.keys() <= _KNOWN or "_uses_shell" in args:
        raise _Odd
    if shell and "argv" in args:
        raise _Odd
    line, argv = _what(call)
    try:
        words = shlex.split(line) if line is not None and not shell else argv
        flags = {name: boolean(args.get(name, True)) for name in _FLAGS}
    except (TypeError, ValueError) as error:
        raise _Odd from error
    paths = {name: _text(call, name) for name in _PATHS}
    return CommandRun(
        argv=words,
        shell=line if shell else None,
        written=line,
        stdin=_text(call, "stdin"),
        check_mode=call.check_mode,
        environment=call.environment,
        executable=paths["executable"],
        chdir=paths["chdir"],
        creates=paths["creates"],
        removes=paths["removes"],
        stdin_add_newline=flags["stdin_add_newline"],
        strip_empty_ends=flags["strip_empty_ends"],
        expand_argument_vars=flags["expand_argument_vars"],
    )


def _what(call: Call) -> tuple[str | None, list[str]]:
    """Give the command line or the words: exactly one of them is there."""
    given = [name for name in ("_raw_params", "cmd", "argv") if name in call.args]
    if len(given) != 1:
        raise _Odd
    value = call.args[given[0]]
    if isinstance(value, str) and value.strip() and given[0] != "argv":
        return value, []
    if given[0] == "argv" and is_list(value) and value:
        words = [word for word in value if isinstance(word, str)]
        if len(words) == len(value):
            return None, words
    raise _Odd


def _text(call: Call, name: str) -> str | None:
    value = call.args.get(name)
    if value is None or isinstance(value, str):
        return value
    raise _Odd
