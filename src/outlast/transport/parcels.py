"""What of the modules a host has got already.

Knows ids and digests. Leaves sending to `conversation`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping

from msgspec import Struct, field

from outlast.transport.conversation import Conversation
from outlast.work import Parcel


class Manifest(Struct, frozen=True):
    """A parcel as the wire describes it."""

    id: str
    body: Mapping[str, object]
    parcel: Parcel


class Manifests(Struct):
    """Manifests by parcel, made once for all hosts."""

    _made: dict[int, Manifest] = field(default_factory=dict)

    def of(self, parcel: Parcel) -> Manifest:
        """Give the manifest of *parcel*."""
        made = self._made.get(id(parcel))
        if made is None:  # it keeps the parcel, so that its id stays its own
            made = self._made[id(parcel)] = _manifest(parcel)
        return made


def _manifest(parcel: Parcel) -> Manifest:
    files = {name: (package, _short(digest)) for name, (package, digest) in parcel.files.items()}
    body: dict[str, object] = {
        "name": parcel.name,
        "main": parcel.main,
        "files": files,
        "on_disk": parcel.on_disk,
    }
    if parcel.program:
        body["program"] = {"kind": parcel.program.kind, "file": parcel.program.file}
    name = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
    return Manifest(name, {"id": name, **body}, parcel)


def _short(digest: str) -> str:
    """Give as much of *digest* as tells texts apart: there are some fifty in each parcel."""
    return digest[:20]


class Delivery(Struct):
    """Brings modules to one agent, each source once."""

    conversation: Conversation
    manifests: Manifests
    _parcels: set[str] = field(default_factory=set)
    _digests: set[str] = field(default_factory=set)
    _sending: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def deliver(self, parcel: Parcel) -> str:
        """See to it that the agent has *parcel*; gives its id there.

        Does not wait for the agent: what is asked next is read by it after the parcel.
        """
        manifest = self.manifests.of(parcel)
        if manifest.id in self._parcels:
            return manifest.id
        async with self._sending:
            if manifest.id not in self._parcels:
                await self._send(manifest)
        return manifest.id

    async def _send(self, manifest: Manifest) -> None:
        wanted = {digest for _, digest in manifest.parcel.files.values()} - self._digests
        missing = sorted(wanted)
        blobs = tuple(map(manifest.parcel.source, missing))
        body = {**manifest.body, "digests": [_short(digest) for digest in missing]}
        await self.conversation.post("parcel", body, blobs=blobs)
        self._digests |= wanted  # only now: half a parcel is none
        self._parcels.add(manifest.id)
