"""Reading from a host's variables how it is to be reached.

Fits the engine's `Reach` to transport's `Sessions`: the one knows scopes and evaluated
keywords, the other endpoints.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from outlast.call import Evaluate
from outlast.engine.ports import Target
from outlast.session import Session
from outlast.settings import Settings
from outlast.transport.endpoint import Endpoint, Wishes, endpoint_for
from outlast.transport.sessions import Sessions


class ReachByVariables(Struct, frozen=True):
    """Implements `engine.ports.Reach`."""

    sessions: Sessions
    evaluate: Evaluate
    settings: Settings
    become_password: str | None

    async def open(self, target: Target) -> Session:
        """Give a live session for *target*; raises as `Sessions.open` does."""
        return await self.sessions.open(self._endpoint(target))

    async def reset(self, target: Target) -> None:
        """Close what is open to *target*."""
        await self.sessions.close(self._endpoint(target))

    def _endpoint(self, target: Target) -> Endpoint:
        return endpoint_for(
            self._lookup(target),
            Wishes(**target.keywords),
            self.settings,
            become_password=self.become_password,
        )

    def _lookup(self, target: Target) -> Callable[[str], object | None]:
        def lookup(name: str) -> object | None:
            if name not in target.scope:
                return None
            value: object = self.evaluate.render(target.scope[name], target.scope)
            return value

        return lookup
