"""The sentence that says who takes something away, and when.

Knows stock's words for it. Leaves what is taken away to whoever says so.
"""

from __future__ import annotations


def removal(
    collection: str | None,
    *,
    plugin: str = "",
    version: str | None = None,
    date: str | None = None,
    done: bool = False,
) -> str:
    """Give the sentence for what *collection* (None: nobody known) takes away.

    *plugin* is which of its plugins does, as `module 'ping'`; a *date* counts before a
    *version*. With *done* it is gone already.
    """
    source = ""
    if collection:
        core = collection == "ansible.builtin"
        source = "ansible-core" if core else f"collection {collection!r}"
    between = "in" if plugin and collection else ""
    words = ["from" if plugin or source else "", plugin, between, source]
    verb = "was" if done else "will be"
    words = [f"This feature {verb} removed", *words, _when(collection, version, date, done=done)]
    return f"{' '.join(filter(None, words))}."


def _when(collection: str | None, version: str | None, date: str | None, *, done: bool) -> str:
    if collection and date:
        return f"in a release after {date}"
    if collection and version:
        return f"version {version}"
    if done:
        return ""
    return "in a future release" if collection else "in the future"
