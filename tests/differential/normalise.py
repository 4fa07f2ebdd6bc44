"""Makes two outputs of one case comparable: what differs from run to run gets a name.

Knows job ids, times, process ids, temporary folders, and which lines come in what number as
the clock wills. Leaves what must be equal to the tests.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_RULES = [
    (re.compile(pattern), name)
    for pattern, name in (
        (r"\bj\d{1,12}\.\d+", "JID"),
        (r"/\.ansible/tmp/[^\s\"',]+", "/.ansible/tmp/TMP"),
        (r"payload_\w{8}", "payload_X"),
        (r'("(?:start|end|stop)": )"\d{4}-\d\d-\d\d [\d:.]+"', r'\1"TIME"'),
        (r"((?:start|end|stop): )'\d{4}-\d\d-\d\d [\d:.]+'", r"\1TIME"),
        (r"\d+:\d\d:\d\d\.\d{6}", "DELTA"),
        (r'("(?:child_pid|pid)": )\d+', r"\1PID"),
        (r'("(?:atime|ctime|mtime|inode|dev|size|gid|uid)": )[\d.]+', r"\1N"),
        (r'("version": )"\d+"', r'\1"N"'),
        (r"still runs as process \d+", "still runs as process PID"),
        (r"Paused for [\d.]+ seconds", "Paused for S seconds"),
        (r'("?(?:owner|group)"?: "?)\w+', r"\1SOMEBODY"),
        (r"(?m)^((?:  \w[\w ]* (?:path|location|version|file)) = ).*", r"\1SOMETHING"),
    )
]
_ATTEMPTS = (re.compile(r'("attempts": )\d+'), r"\1N")
_BANNER = re.compile(r"^[A-Z][A-Za-z ]*(\[.*\] )?\*{3,}")


def normalised(text: str, folder: str, *, retries_count: bool = False) -> str:
    """Give *text* with names for what the machine, the clock and *folder* decide.

    How often a task is retried is up to the clock, unless *retries_count*.
    """
    text = text.replace(f"{folder}/", "DIR/").replace(folder, "DIR")
    text = text.replace(sys.prefix, "PREFIX")
    text = text.replace(str(Path.home()), "HOME")
    for pattern, name in _RULES if retries_count else (*_RULES, _ATTEMPTS):
        text = pattern.sub(name, text)
    dropped = ("ASYNC POLL on",) if retries_count else ("ASYNC POLL on", "FAILED - RETRYING")
    lines = [line for line in text.splitlines() if not line.startswith(dropped)]
    return "\n".join(lines) + ("\n" if lines else "")


def in_any_order(text: str) -> str:
    """Give *text* with the lines between two banners sorted: hosts answer as they please."""
    sections: list[list[str]] = [[]]
    for line in text.splitlines():
        if _BANNER.match(line):
            sections.append([line])
        else:
            sections[-1].append(line)
    return "\n".join(line for section in sections for line in (section[:1] + sorted(section[1:])))


def as_a_set(text: str) -> str:
    """Give each line of *text* once, sorted: where banners come again as hosts please."""
    return "\n".join(sorted(set(text.splitlines())))
