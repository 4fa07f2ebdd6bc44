"""What a module remarks beside its result: warnings and deprecations, in 2.19's typed form.

Knows both spellings, the typed one and the older plain one, what a playbook sees of them,
and the sentence a person reads. Leaves showing them to `output`.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from outlast.errors import joined
from outlast.outcome import Deprecated, Notice, Warned
from outlast.removal import removal


class _Deprecation(Struct, frozen=True):
    text: str
    plugin: str | None = None
    plugin_type: str | None = None
    date: str | None = None
    version: str | None = None
    help_text: str = ""

    @property
    def collection(self) -> str | None:
        return ".".join(self.plugin.split(".")[:2]) if self.plugin else None

    def registered(self) -> dict[str, object]:
        """Give it as a playbook sees it."""
        when = {"date": self.date} if self.date else {"version": self.version}
        by = {"resolved_name": self.plugin, "type": self.plugin_type} if self.plugin else None
        return {"msg": self.text, "collection_name": self.collection, **when, "deprecator": by}

    def removed_in(self) -> str:
        """Give stock's sentence about who will remove it, and when."""
        plugin, collection = self._who()
        return removal(collection, plugin=plugin, version=self.version, date=self.date)

    def _who(self) -> tuple[str, str | None]:
        if not self.plugin or not self.plugin_type:
            return "", self.plugin
        kind = self.plugin_type if self.plugin_type == "module" else f"{self.plugin_type} plugin"
        if self.plugin == "ansible.builtin":
            return f"the {kind} API", self.plugin
        parts = self.plugin.split(".")
        alone = 2  # a plugin's name without a collection before it
        return f"{kind} {parts[-1]!r}", self.collection if len(parts) > alone else None


class Remarks(Struct):
    """The warnings and deprecations of one result, each once, in the order they were made."""

    _said: list[Warned] = field(default_factory=list)
    _deprecations: list[_Deprecation] = field(default_factory=list)

    def say(self, text: str, help_text: str = "") -> None:
        """Add a warning; *help_text* is for people, a playbook does not see it."""
        warned = Warned(text, help_text=help_text)
        if warned not in self._said:
            self._said.append(warned)

    def take(self, data: Mapping[str, object]) -> None:
        """Add what the module itself remarked."""
        for key, add in (("warnings", self._warned), ("deprecations", self._deprecated)):
            remarks = data.get(key)
            if isinstance(remarks, list):
                for remark in remarks:
                    add(remark)
            elif remarks:
                kind = f"{type(remarks)} instead of {list}"
                self.say(f"Task result `{key}` was {kind}.")

    def registered(self) -> dict[str, object]:
        """Give the keys a playbook sees; none where there was nothing to say."""
        seen: dict[str, object] = {}
        if self._said:
            seen["warnings"] = [warned.text for warned in self._said]
        if self._deprecations:
            seen["deprecations"] = [one.registered() for one in self._deprecations]
        return seen

    def notices(self) -> tuple[Notice, ...]:
        """Give what people are to read."""
        old = [Deprecated(one.text, one.removed_in()) for one in self._deprecations]
        return (*self._said, *old)

    def _warned(self, remark: object) -> None:
        if isinstance(remark, Mapping) and isinstance(remark.get("event"), Mapping):
            event = remark["event"]
            self.say(brief(event), str(event.get("help_text") or ""))
        else:
            self.say(str(remark))

    def _deprecated(self, remark: object) -> None:
        made = _typed(remark) or _plain(remark)
        if made is None:
            self.say("Task result `deprecations` contained an invalid item.")
        elif made not in self._deprecations:
            self._deprecations.append(made)


def brief(event: Mapping[str, object]) -> str:
    """Give an event and what caused it as one sentence."""
    messages = []
    while True:
        messages.append(str(event.get("msg", "")))
        chain = event.get("chain")
        if not isinstance(chain, Mapping) or chain.get("follow") is False:
            return joined(messages)
        event = chain["event"]


def _typed(remark: object) -> _Deprecation | None:
    if not isinstance(remark, Mapping) or not isinstance(remark.get("event"), Mapping):
        return None
    by = remark.get("deprecator")
    kind = by.get("type") if isinstance(by, Mapping) else None
    if isinstance(kind, Mapping):
        kind = kind.get("value")
    return _Deprecation(
        text=brief(remark["event"]),
        plugin=by.get("resolved_name") if isinstance(by, Mapping) else None,
        plugin_type=kind,
        date=remark.get("date"),
        version=remark.get("version"),
    )


def _plain(remark: object) -> _Deprecation | None:
    """Read the older form: msg, version or date, collection_name."""
    if not isinstance(remark, Mapping) or "msg" not in remark:
        return None
    return _Deprecation(
        text=str(remark["msg"]),
        plugin=remark.get("collection_name"),
        date=remark.get("date"),
        version=remark.get("version"),
    )
