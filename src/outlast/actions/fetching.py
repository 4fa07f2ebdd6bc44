"""fetch: a file of a host brought to the controller.

Knows where it is kept and when it is the same already. Leaves reading it to the session.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from outlast.actions.argument_spec import boolean
from outlast.actions.modules import Modules
from outlast.actions.saying import action_failed
from outlast.call import Call
from outlast.errors import ActionFailed, Cause, Refused
from outlast.outcome import Failed, Ok, Outcome, Performed, Skipped
from outlast.session import Session

_LARGEST = 250 * 1024 * 1024  # bytes; more does not fit into one message
_GONE = "the remote file does not exist, not transferring, ignored"
_FOLDER = "remote file is a directory, fetch cannot work on directories"


async def fetch(call: Call, _modules: Modules) -> Performed:
    """Bring a file here, below a folder with the host's name or to the very path given."""
    if call.check_mode:
        msg = "check mode not (yet) supported for this module"
        return Performed(Skipped({"msg": msg}))
    source, dest = call.args.get("src"), call.args.get("dest")
    if source is None or dest is None:
        raise Refused("src and dest are required")
    for name, value in (("source", source), ("dest", dest)):
        if not isinstance(value, str):
            raise Refused(f"Invalid type supplied for {name} option, it must be a string")
    session = await call.session()
    missing = await _not_a_file(call, session, str(source))
    if missing is not None:
        return Performed(missing)
    here = await asyncio.to_thread(_destination, call, str(source), str(dest))
    data = await session.read(str(source), _LARGEST)
    return Performed(await asyncio.to_thread(_kept, str(source), here, data))


async def _not_a_file(call: Call, session: Session, source: str) -> Outcome | None:
    state = await session.inspect(source)
    if state is not None and state.kind == "link":
        folder = await session.inspect(f"{source}/.")
        state = folder or state
    strict = _flag(call.args, "fail_on_missing", default=True)
    if state is None:
        if not strict:
            return Ok({"msg": _GONE, "file": source})
        reason = f"File not found: {source}: [Errno 2] No such file or directory: '{source}'"
        return Failed({"msg": _GONE}, (Cause("Module failed."), Cause(reason)))
    if state.kind == "directory":
        if not strict:
            return Ok({"msg": f"{_FOLDER}, not transferring, ignored"})
        return action_failed({"msg": _FOLDER})
    return None


def _destination(call: Call, source: str, dest: str) -> str:
    beside = call.search_path[-1] if call.search_path else "."
    if not _flag(call.args, "flat", default=False):
        home = os.path.join(beside, Path(dest).expanduser())  # noqa: PTH118  # text in, text out
        return os.path.normpath(f"{home}/{_name_of(call)}/{source}")
    if Path(dest).is_dir() and not dest.endswith("/"):
        raise Refused(
            "dest is an existing directory, use a trailing slash if you want to fetch src into"
            " that directory"
        )
    if dest.endswith("/"):
        dest += Path(source).name
        if Path(dest).is_dir():
            raise Refused(
                f"calculated dest '{dest}' is an existing directory, use another path that does"
                " not point to an existing directory"
            )
    return os.path.normpath(os.path.join(beside, Path(dest).expanduser()))  # noqa: PTH118


def _name_of(call: Call) -> str:
    return str(call.scope.get("inventory_hostname", call.host))


class _Sums(Struct, frozen=True):
    """What stock compares and reports files by."""

    sha1: str
    md5: str

    @classmethod
    def of(cls, data: bytes) -> _Sums:
        sha1, md5 = hashlib.sha1(data), hashlib.md5(data)  # noqa: S324  # not a matter of security
        return cls(sha1.hexdigest(), md5.hexdigest())


def _kept(source: str, here: str, data: bytes) -> Outcome:
    """Write the file unless it is there already, and report it."""
    sums = _Sums.of(data)
    path = Path(here)
    known = {"dest": here, "checksum": sums.sha1, "md5sum": sums.md5}
    try:
        if path.is_file() and _Sums.of(path.read_bytes()) == sums:
            return Ok({**known, "file": source})
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise ActionFailed(f"Failed to fetch the file: {error}") from error
    told = {"remote_md5sum": None, "remote_checksum": sums.sha1}
    return Ok({**known, **told}, changed=True)


def _flag(args: Mapping[str, object], name: str, *, default: bool) -> bool:
    return boolean(args.get(name, default), strict=False)
