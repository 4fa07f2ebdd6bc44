"""What the blocks around a step keep for those that fail in it."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace


class Shelter(Struct, frozen=True):
    """What is still to come, at one place in a play, for a host that fails there."""

    rescue: bool = False
    """A `rescue` waits: the recap counts the host as rescued."""
    always: bool = False
    """An `always` does."""
    flush: bool = False
    """So do the handlers that the host has asked for (`force_handlers`)."""

    def within(self, *, rescue: bool = False, always: bool = False) -> Shelter:
        """Give what waits further inside, where a block has these sections still before it."""
        return replace(self, rescue=self.rescue or rescue, always=self.always or always)

    def awaits(self, *, notified: bool) -> bool:
        """Tell whether anything waits for a host; *notified*: it has asked for handlers."""
        return self.rescue or self.always or (self.flush and notified)


OPEN = Shelter()
"""Where nothing waits."""
