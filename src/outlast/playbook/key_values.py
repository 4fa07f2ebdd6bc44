"""Arguments written on one line: `src=a dest="b c"`, or a command with a few of them.

Knows stock's rules for cutting such a line into words: quotes and Jinja blocks hold
together what they enclose, line breaks and runs of blanks survive inside a word. Leaves
which modules take free text to `calls`.
"""

from __future__ import annotations

import re

from msgspec import Struct, field

_COMMAND_OPTIONS = frozenset(
    [
        "creates",
        "removes",
        "chdir",
        "executable",
        "warn",
        "stdin",
        "stdin_add_newline",
        "strip_empty_ends",
    ]
)
"""All that may stand as `key=value` beside the words of a command."""

_ESCAPE = re.compile(
    r"""\\U[0-9a-fA-F]{8} | \\u[0-9a-fA-F]{4} | \\x[0-9a-fA-F]{2} | \\N\{[^}]+\}
        | \\[\\'"abfnrtv]""",
    re.VERBOSE,
)
_BRACKETS = (("{{", "}}"), ("{%", "%}"), ("{#", "#}"))


class UnbalancedText(ValueError):
    """A quote or a Jinja block is opened and never closed."""


class _Words(Struct):
    """The words found so far, each in pieces, and what is still open at this point of the text."""

    words: list[list[str]] = field(default_factory=list)
    quote: str = ""
    depth: list[int] = field(default_factory=lambda: [0] * len(_BRACKETS))

    @property
    def open(self) -> bool:
        return bool(self.quote) or any(self.depth)

    def stick(self, text: str) -> None:
        """Add *text* to the last word."""
        if not self.words:
            self.words.append([])
        self.words[-1].append(text)

    def take(self, token: str, *, first: bool) -> None:
        """Take the next token of a line: a word of its own, or more of the last one."""
        was_quoted, in_block = bool(self.quote), any(self.depth)
        self.quote = _quote_after(token, self.quote)
        goes_on = in_block or was_quoted
        if goes_on:
            self.stick(token if first and was_quoted else ("" if first else " ") + token)
        elif self.quote:
            self.words.append([token])
        changed = self._count(token)
        if not goes_on and not self.quote and (changed or (token and not any(self.depth))):
            self.words.append([token])

    def _count(self, token: str) -> bool:
        """Follow the Jinja blocks that *token* opens and closes; tells whether any did."""
        before = list(self.depth)
        for at, (opening, closing) in enumerate(_BRACKETS):
            moved = token.count(opening) - token.count(closing)
            self.depth[at] = max(0, before[at] + moved)
        return self.depth != before


def split(text: str) -> list[str]:
    """Cut *text* into words, as stock does; raises `UnbalancedText`."""
    if not text:
        return []
    found = _Words()
    lines = text.split("\n")
    for number, line in enumerate(lines):
        continued = _split_line(found, line)
        if number < len(lines) - 1 and not continued:
            found.stick("\n")
    if found.open:
        raise UnbalancedText(
            "failed at splitting arguments, either an unbalanced jinja2 block or quotes: "
            + text.rstrip()
        )
    return ["".join(pieces) for pieces in found.words]


def _split_line(found: _Words, line: str) -> bool:
    """Take the tokens of one line; tells whether a lone backslash joins the next one to it."""
    continued = False
    for at, piece in enumerate(line.split(" ")):
        if not piece and at:
            found.stick(" ")
        elif piece == "\\" and not found.quote:
            continued = True
        else:
            found.take(piece, first=at == 0)
    return continued


def _quote_after(token: str, quote: str) -> str:
    """Give the quote that is open after *token*, when *quote* was open before it."""
    previous = ""
    for char in token:
        if char in "\"'" and previous != "\\":
            if not quote:
                quote = char
            elif char == quote:
                quote = ""
        previous = char
    return quote


def join(words: list[str]) -> str:
    """Put words back together; `join(split(text))` keeps the line breaks of *text*."""
    joined = ""
    for word in words:
        joined += word if not joined or joined.endswith("\n") else f" {word}"
    return joined


def parse(text: str, *, command: bool) -> dict[str, str]:
    """Give the arguments in *text*; what is not `key=value` stands under `_raw_params`.

    Of a *command* only its few options are arguments: `a=b` is one of its words. Raises
    `UnbalancedText`.
    """
    options: dict[str, str] = {}
    raw: list[str] = []
    for word in split(text):
        plain = _ESCAPE.sub(_unescaped, word)
        at = _equals_sign(plain)
        if at is None:
            raw.append(plain.replace("\\=", "=") if "=" in plain else word)
        elif command and plain[:at] not in _COMMAND_OPTIONS:
            raw.append(word)
        else:
            options[plain[:at].strip()] = _unquoted(plain[at + 1 :].strip())
    if raw:
        options["_raw_params"] = join(raw)
    return options


def _equals_sign(word: str) -> int | None:
    """Give where the first `=` is that parts key and value: not the first character, not `\\=`."""
    at = word.find("=", 1)
    while at > 0 and word[at - 1] == "\\":
        at = word.find("=", at + 1)
    return at if at > 0 else None


def _unescaped(match: re.Match[str]) -> str:
    return match.group(0).encode("ascii", "backslashreplace").decode("unicode-escape")


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and text[-2] != "\\":
        return text[1:-1]
    return text
