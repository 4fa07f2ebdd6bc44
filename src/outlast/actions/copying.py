"""copy: content, files and whole folders brought to a host.

Knows what stock accepts, and in which order it does the parts of a folder. Leaves a single
file to `placing`, and files that are on the host already to the copy module.
"""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from outlast.actions.argument_spec import boolean
from outlast.actions.modules import Modules
from outlast.actions.placing import Placing, place, placed, with_dest
from outlast.actions.saying import action_failed
from outlast.actions.source_files import Tree, find_source, read_source, walk
from outlast.call import Call
from outlast.errors import ActionFailed, Refused, SourceMissing
from outlast.outcome import Failed, Notice, Ok, Outcome, Performed

_COPY, _FILE = "ansible.builtin.copy", "ansible.builtin.file"
_INTERNAL = ("_original_basename", "_diff_peek")
_OF_FOLDERS = frozenset(
    {"attributes", "force", "group", "mode", "owner", "recurse", "selevel", "serole"}
    | {"setype", "seuser", "state", "unsafe_writes"}
)


async def copy(call: Call, modules: Modules) -> Performed:
    """Bring what the task names to the host."""
    args = call.args
    for name in _INTERNAL:
        if args.get(name) is not None:
            raise Refused(f'Invalid parameter specified: "{name}"')
    complaint = _complaint(args)
    if complaint:
        return Performed(action_failed({"msg": complaint}))
    if args.get("content") is not None:
        return await _content(call, modules)
    if _flag(args, "remote_src", default=False):
        return await modules.last(call, _COPY, args)
    try:
        source, folder = await asyncio.to_thread(_located, call)
    except SourceMissing as error:
        # The first words are stock's own slip; playbooks that look for them shall find them.
        raise Refused(f"Unexpected AnsibleActionFail error: {error}") from error
    if folder:
        top = source + "/" if str(args["src"]).endswith("/") else source
        return Performed(await _folder(call, modules, top))
    what = await _read(call, source, Path(source).name, str(args["dest"]))
    return await placed(call, modules, args, what)


def _located(call: Call) -> tuple[str, bool]:
    """Give the source's path, and whether it is a folder."""
    source = find_source(call, "files", str(call.args["src"]))
    return source, Path(source).is_dir()


def _complaint(args: Mapping[str, object]) -> str:
    source, content, dest = args.get("src"), args.get("content"), args.get("dest")
    if not source and content is None:
        return "src (or content) is required"
    if not dest:
        return "dest is required"
    if source and content is not None:
        return "src and content are mutually exclusive"
    if content is not None and str(dest).endswith("/"):
        return "can not use content with a dir as dest"
    return ""


def _flag(args: Mapping[str, object], name: str, *, default: bool) -> bool:
    return boolean(args.get(name, default), strict=False)


async def _content(call: Call, modules: Modules) -> Performed:
    content = call.args["content"]
    text = json.dumps(content) if isinstance(content, dict | list) else str(content)
    what = Placing(
        data=text.encode("utf-8", "surrogateescape"),
        name=".content",
        dest=str(call.args["dest"]),
        follow=_flag(call.args, "follow", default=False),
        force=_flag(call.args, "force", default=True),
        inline=True,
    )
    return await placed(call, modules, call.args, what)


async def _read(
    call: Call, source: str, name: str, dest: str, *, follow: bool | None = None
) -> Placing:
    try:
        data, mode = await asyncio.to_thread(_data_and_mode, call, Path(source))
    except OSError as error:
        raise ActionFailed(f"could not read src={source}, {error.strerror}") from error
    return Placing(
        data=data,
        name=name,
        dest=dest,
        follow=_flag(call.args, "follow", default=False) if follow is None else follow,
        force=_flag(call.args, "force", default=True),
        source=source,
        mode=mode if call.args.get("mode") == "preserve" else None,
    )


def _data_and_mode(call: Call, source: Path) -> tuple[bytes, str]:
    return read_source(call, str(source)), f"0{stat.S_IMODE(source.stat().st_mode):03o}"


# -- folders --------------------------------------------------------------------------------


class _Sum(Struct):
    """What the parts of a folder came to."""

    changed: bool = False
    notices: list[Notice] = field(default_factory=list)
    last: Outcome | None = None

    def add(self, outcome: Outcome) -> None:
        self.changed |= outcome.changed
        self.notices += outcome.notices
        self.last = outcome


async def _folder(call: Call, modules: Modules, top: str) -> Outcome:
    follow = _flag(call.args, "local_follow", default=True)
    tree = await asyncio.to_thread(walk, top, follow=follow)
    dest = str(call.args["dest"]).rstrip("/") + "/"
    total = _Sum()
    failed = (
        await _files(call, modules, tree, dest, total)
        or await _empty_folders(call, modules, tree, dest, total)
        or await _links(call, modules, tree, dest, total)
    )
    if failed is not None:
        return failed
    notices = tuple(total.notices)
    if len(tree.files) == 1 and total.last is not None:
        return Ok(with_dest(total.last.payload), total.last.changed, notices)
    return Ok({"dest": dest, "src": top}, total.changed, notices)


async def _files(call: Call, modules: Modules, tree: Tree, dest: str, total: _Sum) -> Failed | None:
    # Links on the host are only followed where nothing is copied below folders.
    follow = False if tree.folders else None
    for source, name in tree.files:
        what = await _read(call, source, name, dest, follow=follow)
        outcome = await place(call, modules, call.args, what)
        if isinstance(outcome, Failed):
            return outcome
        if outcome is not None:
            total.add(outcome)
    return None


async def _empty_folders(
    call: Call, modules: Modules, tree: Tree, dest: str, total: _Sum
) -> Failed | None:
    mode = call.args.get("directory_mode")
    for _, name in tree.folders:
        args = {key: value for key, value in call.args.items() if key in _OF_FOLDERS}
        args |= {"path": dest + name, "state": "directory", "mode": mode, "recurse": False}
        outcome = await modules.run(call, _FILE, args)
        if isinstance(outcome, Failed):
            return outcome
        total.add(outcome)
    return None


async def _links(call: Call, modules: Modules, tree: Tree, dest: str, total: _Sum) -> Failed | None:
    for target, name in tree.links:
        args = {key: value for key, value in call.args.items() if key in _OF_FOLDERS}
        args |= {"path": dest + name, "src": target, "state": "link", "force": True}
        if tree.folders:
            args["follow"] = False
        if args.get("mode") == "preserve":
            del args["mode"]
        outcome = await modules.run(call, _FILE, args)
        if isinstance(outcome, Failed):
            return outcome
        total.add(outcome)
    return None
