"""One file brought to a host: looked at, compared, sent only when it differs.

Knows how stock decides between sending and only setting attributes, and what a diff of it
holds. Leaves writing to the copy and file modules. `copying` and `templates` say what is
to be placed.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import PurePosixPath

from msgspec import Struct, field
from msgspec.structs import replace

from outlast.actions.modules import Modules, started
from outlast.actions.saying import action_failed, with_warning
from outlast.call import Call
from outlast.errors import ActionFailed
from outlast.outcome import Failed, Ok, Outcome, Payload, Performed
from outlast.session import FileState, Session
from outlast.work import Finish, ModuleRun

_LARGE = 1 << 20  # bytes; what takes milliseconds is kept off the loop
_HIDDEN = (
    " [[ Diff output has been hidden because 'no_log: true' was specified for this result ]]\n"
)
_COPY, _FILE = "ansible.builtin.copy", "ansible.builtin.file"
_FOR_FILE = frozenset(
    [
        "attributes",
        "force",
        "group",
        "mode",
        "owner",
        "path",
        "recurse",
        "selevel",
        "serole",
        "setype",
        "seuser",
        "state",
        "unsafe_writes",
    ]
)
"""Arguments of a copy that the file module understands as well."""


class Placing(Struct, frozen=True, kw_only=True):
    """A file to be placed."""

    data: bytes
    name: str
    """Its path below the destination, if that is a folder."""
    dest: str
    follow: bool
    force: bool = True
    inline: bool = False
    """It is the task's `content`: there is no file on the controller."""
    source: str = ""
    """The file on the controller, for the diff's header."""
    mode: str | None = None
    """Instead of the task's mode: the source's own."""


class _Step(Struct, frozen=True, kw_only=True):
    """What is left to be done on the host once all is compared, and what is told of it."""

    module: str
    args: Mapping[str, object]
    sha1: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    file_names: Mapping[str, str] = field(default_factory=dict)
    diffs: list[object] = field(default_factory=list)
    warning: str = ""

    async def order(self, call: Call, modules: Modules) -> ModuleRun:
        return await modules.order(
            call, self.module, self.args, files=self.files, file_names=self.file_names
        )

    async def run(self, call: Call, modules: Modules) -> Outcome:
        outcome = await modules.run(
            call, self.module, self.args, files=self.files, file_names=self.file_names
        )
        outcome = _completed(outcome, self.sha1, self.diffs)
        return with_warning(outcome, self.warning) if self.warning else outcome

    @property
    def finish(self) -> Finish:
        """The same as `run` and `reported` do, for a job."""
        return Finish(
            fill={"checksum": self.sha1},
            add={"diff": self.diffs},
            alike={"dest": "path"},
            warnings=(self.warning,) if self.warning else (),
        )


async def placed(
    call: Call, modules: Modules, args: Mapping[str, object], what: Placing
) -> Performed:
    """Place the one file a task is about; under `async`, writing it is the job."""
    step = await _next(call, args, what)
    if not isinstance(step, _Step):
        return Performed(reported(step, what))
    if call.limit:
        return await started(
            call, await call.session(), await step.order(call, modules), step.finish
        )
    return Performed(reported(await step.run(call, modules), what))


async def place(
    call: Call, modules: Modules, args: Mapping[str, object], what: Placing
) -> Outcome | None:
    """Place a file; None: something is there already and is not to be replaced."""
    step = await _next(call, args, what)
    return await step.run(call, modules) if isinstance(step, _Step) else step


async def _next(call: Call, args: Mapping[str, object], what: Placing) -> Outcome | _Step | None:
    """Look and compare; give what is to be done, or what came of it if that is nothing."""
    session = await call.session()
    path = _joined(what.dest, what.name) if what.dest.endswith("/") else what.dest
    state = await _look(session, path, what)
    if state is not None and state.kind == "directory":
        if what.inline:
            return action_failed({"msg": "can not use content with a dir as dest", "diff": []})
        path = _joined(what.dest, what.name)
        state = await _look(session, path, what)
    if state is not None and not what.force:
        return None
    sha1 = await checksum(what.data)
    if state is not None and state.sha1 == sha1:
        return _attributes(args, what, sha1)
    diffs: list[object] = []
    warning = ""
    if call.diff:
        difference, warning = await _difference(call, session, path, state, what)
        diffs = [difference]
    if call.check_mode:
        outcome = Ok({"diff": diffs}, changed=True)
        return with_warning(outcome, warning) if warning else outcome
    return replace(_sending(args, what, path, sha1), diffs=diffs, warning=warning)


def reported(outcome: Outcome | None, what: Placing) -> Outcome:
    """Give the result of a task that places one file."""
    if outcome is None:  # something is there already
        return Ok({"dest": what.dest, "src": what.source or what.name})
    if isinstance(outcome, Failed):
        return outcome
    return replace(outcome, payload=with_dest(outcome.payload))


def with_dest(payload: Payload) -> Payload:
    """Give *payload* with `dest`, which the file module calls `path`."""
    return {"dest": payload["path"], **payload} if "path" in payload else payload


async def checksum(data: bytes) -> str:
    """Give the SHA-1 of *data*, by which stock compares files."""
    if len(data) > _LARGE:
        return await asyncio.to_thread(_sha1, data)
    return _sha1(data)


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()  # noqa: S324  # not a matter of security


def _joined(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}"


async def _look(session: Session, path: str, what: Placing) -> FileState | None:
    """Look at the destination as stock's stat does, which follows links only when told to."""
    state = await session.inspect(path, checksum=what.force)
    if state is None or state.kind != "link":
        return state
    if not what.follow:
        return replace(state, sha1=None)  # a link is replaced by the file, whatever it points to
    if state.sha1 is None:
        return await session.inspect(f"{path}/.") or state
    return state


def _sending(args: Mapping[str, object], what: Placing, path: str, sha1: str) -> _Step:
    told = {key: value for key, value in args.items() if key not in ("content", "decrypt", "src")}
    told |= {"dest": what.dest, "_original_basename": what.name, "follow": what.follow}
    if not told.get("checksum"):
        told["checksum"] = sha1
    if what.mode is not None:
        told["mode"] = what.mode
    # What `validate` runs may look at the ending.
    names = {"src": f".source{PurePosixPath(path).suffix}"}
    return _Step(module=_COPY, args=told, sha1=sha1, files={"src": what.data}, file_names=names)


def _attributes(args: Mapping[str, object], what: Placing, sha1: str) -> _Step:
    """The content is right already; the file module sees to owner, mode and the like."""
    told = {key: value for key, value in args.items() if key in _FOR_FILE}
    told |= {"dest": what.dest, "_original_basename": what.name}
    told |= {"recurse": False, "state": "file"}
    if what.mode is not None:
        told["mode"] = what.mode
    return _Step(module=_FILE, args=told, sha1=sha1)


def _completed(outcome: Outcome, sha1: str, diffs: list[object]) -> Outcome:
    payload = dict(outcome.payload)
    if not payload.get("checksum"):
        payload["checksum"] = sha1
    payload.setdefault("diff", diffs)
    return replace(outcome, payload=payload)


# -- the diff -------------------------------------------------------------------------------


async def _difference(
    call: Call, session: Session, path: str, state: FileState | None, what: Placing
) -> tuple[dict[str, object], str]:
    """Give the two sides of the diff, and a warning if the old one cannot be had."""
    diff: dict[str, object] = {}
    if state is None:
        diff["before"] = ""
    elif 0 < call.max_diff_size < state.size:
        diff["dst_larger"] = call.max_diff_size
    else:
        try:
            old = await session.read(path, max(state.size, call.max_diff_size))
        except ActionFailed as error:
            return {}, f"Failed to get diff between '{what.name}' and '{path}': {error}"
        if b"\x00" in old[:8192]:
            diff["dst_binary"] = 1
        else:
            diff |= {"before_header": path, "before": _text(old)}
    diff |= _after(path, what, call.max_diff_size)
    if call.no_log:
        if "before" in diff:
            diff["before"] = ""
        if "after" in diff:
            diff["after"] = _HIDDEN
    return diff, ""


def _after(path: str, what: Placing, limit: int) -> dict[str, object]:
    if 0 < limit < len(what.data):
        return {"src_larger": limit}
    if b"\x00" in what.data:
        return {"src_binary": 1}
    header = path if what.inline else what.source
    return {"after_header": header, "after": _text(what.data)}


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
