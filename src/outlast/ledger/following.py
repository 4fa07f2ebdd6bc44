"""What followed from an outcome, as it is stored beside it.

Knows how effects look as plain data, and that what is as usual is not written. Leaves what may
be kept to whoever emits it: under no_log nothing of it comes here.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import asdict

from outlast.events import Consequences, ItemEnded, TaskEnded


def of_item(event: ItemEnded) -> dict[str, object]:
    """Give what followed from an item."""
    return {**_changed(event.follows), **_shown(event)}


def of_task(event: TaskEnded) -> dict[str, object]:
    """Give what followed from a task."""
    found = {**_changed(event.follows), **_shown(event)}
    if event.notified:
        found["notified"] = list(event.notified)
    if event.register is not None:
        found["register"] = event.register
    if event.registered is not None:
        found["registered"] = event.registered
    return found


def _changed(follows: Consequences) -> dict[str, object]:
    found: dict[str, object] = {}
    if follows.effects:
        found["effects"] = [_named(effect) for effect in follows.effects]
    if follows.growth is not None:
        found["growth"] = _named(follows.growth)
    if follows.delegate_facts:
        found["delegate_facts"] = True
    return found


def _named(effect: Struct) -> Mapping[str, object]:
    return {"is": type(effect).__name__, **asdict(effect)}


def _shown(event: ItemEnded | TaskEnded) -> dict[str, object]:
    return {} if event.shown == "usual" else {"shown": event.shown}
