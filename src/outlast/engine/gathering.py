"""The fact gathering that a play implies."""

from __future__ import annotations

from msgspec.structs import replace

from outlast.playbook.model import ActionCall, Play, Task
from outlast.settings import Settings
from outlast.values import Origin, Value

_GATHER = ActionCall("gather_facts", "ansible.builtin.gather_facts", {}, Origin(""))


def gathering_task(play: Play, settings: Settings) -> Task | None:
    """Give the implicit `Gathering Facts` task of *play*, if it is to have one.

    By stock's rule: `implicit` and `smart` gather unless the play says no, `explicit` only if
    it says yes. It is tagged `always` unless the play itself has tags.
    """
    wanted = play.gather_facts
    if not (settings.gathering != "explicit" if wanted is None else wanted):
        return None
    options = {
        "gather_subset": play.gather_subset,
        "gather_timeout": play.gather_timeout,
        "fact_path": play.fact_path,
    }
    args: dict[str, Value] = {name: value for name, value in options.items() if value is not None}
    tags = play.keywords.tags or frozenset({"always"})
    return Task(
        name="Gathering Facts",
        action=replace(play.gather or _GATHER, args=args, origin=play.origin),
        origin=play.origin,
        keywords=replace(play.keywords, tags=tags),
        implicit=True,
    )
