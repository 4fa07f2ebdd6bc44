"""unarchive: an archive of the controller's, or one that is on the host, unpacked there."""

from __future__ import annotations

import asyncio

from outlast.actions.argument_spec import boolean
from outlast.actions.modules import Modules
from outlast.actions.source_files import find_source, read_source
from outlast.call import Call
from outlast.errors import Refused
from outlast.outcome import Performed, Skipped
from outlast.session import Session

_MODULE = "ansible.builtin.unarchive"


async def unarchive(call: Call, modules: Modules) -> Performed:
    """Send an archive, unless it is there already, and unpack it."""
    args = {key: value for key, value in call.args.items() if key != "decrypt"}
    if "copy" in args:
        if "remote_src" in args:
            raise Refused("parameters are mutually exclusive: ('copy', 'remote_src')")
        args["remote_src"] = not boolean(args.pop("copy"), strict=False)
    source, dest = args.get("src"), args.get("dest")
    if source is None or dest is None:
        raise Refused("src (or content) and dest are required")
    session = await call.session()
    creates = args.get("creates")
    if creates and await session.inspect(str(creates)) is not None:
        return Performed(Skipped({"msg": f"skipped, since {creates} exists"}))
    files: dict[str, bytes] = {}
    if not boolean(args.get("remote_src", False), strict=False):
        if "://" in str(source):
            what = f"an URI src ({source}) is only supported when remote_src is True"
            raise Refused(f"Unsupported option, {what}")
        files["src"] = await asyncio.to_thread(_content, call, str(source))
        del args["src"]
    await _refuse_no_folder(session, str(dest))
    return await modules.last(call, _MODULE, args, files=files)


async def _refuse_no_folder(session: Session, dest: str) -> None:
    state = await session.inspect(f"{dest}/.")
    if state is None or state.kind != "directory":
        raise Refused(f"dest '{dest}' must be an existing dir")


def _content(call: Call, source: str) -> bytes:
    return read_source(call, find_source(call, "files", source))
