"""Where a job is, in words for whoever looked for it in the wrong place."""

from __future__ import annotations

from collections.abc import Mapping

from outlast.job import RunJob


def user_of(address: Mapping[str, object]) -> str:
    """Give whom a host is reached as; empty: nobody said."""
    identity = address.get("identity")
    if isinstance(identity, Mapping):
        return str(identity.get("user", "root"))
    return str(address.get("user", ""))


def elsewhere(
    job: RunJob, host: str, async_dir: str = "", address: Mapping[str, object] | None = None
) -> str:
    """Say where *job* is, and that it is not where it was looked for.

    Empty when it was looked for in the right place. Without *async_dir* and *address* only
    the host counts.
    """
    intent = job.intent
    here, there = user_of(address or {}), user_of(intent.address)
    other_user = address is not None and here != there
    other_folder = bool(async_dir) and async_dir != intent.async_dir
    if intent.host == host and not other_user and not other_folder:
        return ""
    told = [f"async_dir {intent.async_dir}"]
    looked = [f"async_dir {async_dir}"] if other_folder else []
    if other_user:
        told.append(f"as {there}" if there else "as the login user")
        looked.append(f"as {here}" if here else "as the login user")
    aside = f" ({', '.join(looked)})" if looked else ""
    return f"Job {job.jid} is on {intent.host} ({', '.join(told)}), not on {host}{aside}."
