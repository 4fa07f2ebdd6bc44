"""From YAML text to values, with positions.

Knows that every scalar with template marks in a trusted file becomes a `Template` carrying
its place, that `!unsafe` text never does, and how to say what is wrong with a text. Leaves
what the values mean to its callers: the playbook parser walks the `Node`s, inventories and
variable files take whole values.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import yaml

from outlast.errors import Cause, NotSupportedYet, PlaybookError, SourceMissing
from outlast.values import Origin, Template, Value, looks_like_template

try:
    from yaml import CSafeLoader as _Reader
except ImportError:  # PyYAML built without libyaml: ten times slower, the same result
    from yaml import SafeLoader as _Reader  # type: ignore[assignment]

Node: TypeAlias = yaml.nodes.Node
MapNode: TypeAlias = yaml.nodes.MappingNode
SeqNode: TypeAlias = yaml.nodes.SequenceNode
ScalarNode: TypeAlias = yaml.nodes.ScalarNode
Warn: TypeAlias = Callable[[str, Origin], None]

_MAX_DEPTH = 100
_MAX_NODES = 2_000_000  # aliases multiply: a bomb of nine lines would ask for billions


class Document:
    """One YAML text as nodes with places; gives values for nodes."""

    def __init__(self, path: str, text: str, warn: Warn | None = None) -> None:
        self.path = path
        self._warn = warn or (lambda _text, _origin: None)
        self._resolver = yaml.SafeLoader("")  # constructs scalars by YAML 1.1's rules
        self._budget = _MAX_NODES
        self.root = self._compose(text)

    def _compose(self, text: str) -> Node | None:
        try:
            reader = _Reader(text)
            try:
                return reader.get_single_node()
            finally:
                reader.dispose()
        except yaml.YAMLError as error:
            raise self._parsing_failed(error) from error
        except RecursionError as error:
            raise PlaybookError(
                "YAML parsing failed: nested too deeply", Origin(self.path)
            ) from error

    def _parsing_failed(self, error: yaml.YAMLError) -> PlaybookError:
        """Say it as stock does: context and problem as one sentence, at the problem's place."""
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        origin = Origin(self.path, mark.line + 1, mark.column + 1) if mark else Origin(self.path)
        parts = [getattr(error, "context", None), getattr(error, "problem", None)]
        said = " ".join(part for part in parts if part) or str(error)
        return PlaybookError(f"YAML parsing failed: {said[:1].upper()}{said[1:]}.", origin)

    def origin(self, node: Node) -> Origin:
        """Give the place where *node* begins."""
        mark = node.start_mark
        return Origin(self.path, mark.line + 1, mark.column + 1)

    def entries(self, node: MapNode) -> Iterator[tuple[str, Node, Node]]:
        """Yield a mapping's entries as (key as text, key node, value node), merges applied."""
        self._resolver.flatten_mapping(node)
        for key_node, value_node in node.value:
            key = self.value(key_node)
            if isinstance(key, Template):
                key = key.text
            yield ("" if key is None else str(key)), key_node, value_node

    def value(self, node: Node | None, depth: int = 0) -> Value:
        """Give the value of *node*: scalars by YAML 1.1, templates marked, duplicates told."""
        if node is None:
            return None
        self._budget -= 1
        if depth > _MAX_DEPTH or self._budget < 0:
            raise PlaybookError("This YAML is too deeply nested or too large.", self.origin(node))
        if isinstance(node, yaml.nodes.MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, yaml.nodes.SequenceNode):
            return [self.value(member, depth + 1) for member in node.value]
        return self._scalar(node)

    def _mapping(self, node: MapNode, depth: int) -> Value:
        self._resolver.flatten_mapping(node)
        result: dict[str, Value] = {}
        for key_node, value_node in node.value:
            key = self.value(key_node, depth + 1)
            if isinstance(key, Template):
                key = key.text
            if isinstance(key, list | dict):
                raise PlaybookError(
                    "YAML parsing failed: Found unhashable key.", self.origin(key_node)
                )
            if key in result:
                self._warn(
                    f"Found duplicate mapping key {key!r}. Using last defined value only.",
                    self.origin(key_node),
                )
            result[key] = self.value(value_node, depth + 1)  # type: ignore[index]  # YAML keys may be numbers
        return result

    def _scalar(self, node: Node) -> Value:
        text: str = node.value
        match node.tag:
            case "tag:yaml.org,2002:str" | "!":
                return Template(text, self.origin(node)) if looks_like_template(text) else text
            case "!unsafe":
                return text
            case "!vault" | "!vault-encrypted":
                raise NotSupportedYet(
                    "vault-encrypted values are not supported yet", self.origin(node)
                )
            case tag if tag.startswith("tag:yaml.org,2002:"):
                return self._typed(node)
            case tag:
                raise PlaybookError(
                    f"YAML parsing failed: Could not determine a constructor for the tag {tag!r}.",
                    self.origin(node),
                )

    def _typed(self, node: Node) -> Value:
        try:
            value = self._resolver.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            raise PlaybookError(f"YAML parsing failed: {error}", self.origin(node)) from error
        if value is None or isinstance(value, bool | int | float | str | dt.date):
            return value
        return str(value)


def read_text(path: str | Path) -> str:
    """Give a file's text; raises `SourceMissing` with the reason."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SourceMissing(
            f"Could not read {str(path)!r}", causes=(Cause(str(reason)),)
        ) from error


def load_file(path: str | Path, warn: Warn | None = None) -> Value:
    """Give the value of a whole YAML file; raises `SourceMissing` or `PlaybookError`."""
    document = Document(str(path), read_text(path), warn)
    return document.value(document.root)


def load_text(text: str, path: str, warn: Warn | None = None) -> Value:
    """Give the value of trusted YAML (or JSON) text; *path* names it in errors."""
    document = Document(path, text, warn)
    return document.value(document.root)
