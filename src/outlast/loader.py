"""From YAML text to values, with positions.

Knows that every scalar with template marks in a trusted file becomes a `Template` carrying
its place, that what stands below `!unsafe` never does, and how to say what is wrong with a
text. Files are decrypted on the way in. Leaves what the values mean to its callers: the
playbook parser walks the `Node`s, inventories and variable files take whole values.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import TypeAlias

import yaml
from msgspec import Struct
from msgspec.structs import replace

from outlast.errors import Cause, PlaybookError, SourceMissing
from outlast.names import RESERVED, named
from outlast.outcome import Notice, Warned
from outlast.values import Origin, Template, Value, Vaulted, looks_like_template, nowhere
from outlast.vault import LOCKED, Vault
from outlast.yaml_faults import TOO_DEEP, explained
from outlast.yaml_tags import PLAINER, deprecation

try:
    from yaml import CSafeLoader as _Reader
except ImportError:  # PyYAML built without libyaml: ten times slower, the same result
    from yaml import SafeLoader as _Reader  # type: ignore[assignment]

Node: TypeAlias = yaml.nodes.Node
MapNode: TypeAlias = yaml.nodes.MappingNode
SeqNode: TypeAlias = yaml.nodes.SequenceNode
ScalarNode: TypeAlias = yaml.nodes.ScalarNode
Warn: TypeAlias = Callable[[Notice], None]
_Pairs: TypeAlias = list[tuple[Node, Node]]

_MAX_DEPTH = 100
_MANY_NODES = 100_000  # aliases multiply: a bomb of nine lines would ask for billions
_NODES_PER_CHARACTER = 10
_MANY_OPENED = 10_000  # before 0.2.6 libyaml falls off an 8 MB stack above 20 000

_YAML = "tag:yaml.org,2002:"
_STR, _MAP, _SEQ = _YAML + "str", _YAML + "map", _YAML + "seq"
_MERGE = _YAML + "merge"
_VAULT = {"!vault", "!vault-encrypted"}


class Entry(Struct, frozen=True):
    """One entry of a mapping that a caller reads piece by piece."""

    key: object
    """The key as YAML has it: nearly always text."""
    key_origin: Origin
    node: Node


class Document:
    """One YAML text as nodes with places; gives values for nodes."""

    def __init__(
        self, path: str, text: str, warn: Warn | None = None, vault: Vault = LOCKED
    ) -> None:
        self.path = path
        self.vault = vault
        """Opens what this document leads to; its own text has been decrypted."""
        self._text = text
        self._warn = warn or (lambda _notice: None)
        self._resolver = yaml.SafeLoader("")  # constructs scalars by YAML 1.1's rules
        self._budget = _MANY_NODES + _NODES_PER_CHARACTER * len(text)
        self._told: set[Node] = set()
        """Keys whose repetition was told."""
        self._merged: dict[int, _Pairs] = {}
        """Mappings by identity, with what `<<` brings in; nodes live as long as we do."""
        self._entries: dict[int, list[Entry]] = {}
        self.root = self._compose(text)

    def another(self, path: str, text: str) -> Document:
        """Give another text as a document whose oddities are told to the same listener."""
        return Document(path, text, self._warn, self.vault)

    def another_file(self, path: str | Path) -> Document:
        """Give a file as such a document, decrypted if need be; raises as `read_text` does."""
        return self.another(str(path), read_text(path, self.vault))

    def _compose(self, text: str) -> Node | None:
        try:
            self._check_depth(text)
            reader = _Reader(text)
            try:
                return reader.get_single_node()
            finally:
                reader.dispose()
        except yaml.YAMLError as error:
            raise explained(error, self.path, text) from error
        except RecursionError as error:
            raise PlaybookError(TOO_DEEP, Origin(self.path)) from error

    def _check_depth(self, text: str) -> None:
        """Refuse what would take libyaml, which nests on C's stack, out of this world."""
        if sum(map(text.count, "[{-?")) < _MANY_OPENED:
            return
        depth = 0
        for event in yaml.parse(text, Loader=_Reader):
            if isinstance(event, yaml.events.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.events.CollectionEndEvent):
                depth -= 1
            if depth > _MAX_DEPTH:
                mark = event.start_mark
                line = mark.line + 1 if mark else 0
                raise PlaybookError(TOO_DEEP, Origin(self.path, line))

    def _fault(
        self, problem: str, node: Node, *, context: str | None = None, look_closer: bool = True
    ) -> PlaybookError:
        """Say what is wrong with *node* as the YAML library would."""
        error = yaml.constructor.ConstructorError(context, None, problem, node.start_mark)
        return explained(error, self.path, self._text, look_closer=look_closer)

    def origin(self, node: Node) -> Origin:
        """Give the place where *node* begins."""
        mark = node.start_mark
        return Origin(self.path, mark.line + 1, mark.column + 1)

    def entries(self, node: MapNode) -> list[Entry]:
        """Give a mapping's entries, merges applied, the last of several with one key."""
        known = self._entries.get(id(node))
        if known is None:  # asked for again, duplicates must not be told again
            self.check_tag(node)
            found: dict[Hashable, Entry] = {}
            for key, key_node, value_node in self._unique(node, 0, unsafe=False):
                found[key] = Entry(key, self.origin(key_node), value_node)
            known = self._entries[id(node)] = list(found.values())
        return known

    def check_tag(self, node: Node) -> None:
        """Refuse a tag that nobody knows on what a caller reads piece by piece."""
        if not node.tag.startswith(_YAML) and node.tag not in ("!", "!unsafe", *_VAULT):
            raise self._no_constructor(node)

    def value(self, node: Node | None) -> Value:
        """Give the value of *node*: scalars by YAML 1.1, templates marked, duplicates told."""
        return None if node is None else self._value(node, 0, unsafe=False)

    def _value(self, node: Node, depth: int, *, unsafe: bool) -> Value:
        self._budget -= 1
        if depth > _MAX_DEPTH or self._budget < 0:
            raise PlaybookError(TOO_DEEP, self.origin(node))
        tag = node.tag
        if isinstance(node, ScalarNode) and tag == _STR:  # by far the most frequent
            return self._text_of(node.value, node, unsafe=unsafe)
        if not tag.startswith(_YAML):
            return self._tagged(node, depth, unsafe=unsafe)
        if tag in PLAINER:
            return self._value(self._plainer(node), depth + 1, unsafe=unsafe)
        if isinstance(node, MapNode) and tag == _MAP:
            return self._mapping(node, depth, unsafe=unsafe)
        if isinstance(node, SeqNode) and tag == _SEQ:
            return [self._value(member, depth + 1, unsafe=unsafe) for member in node.value]
        return self._typed(node)

    def _plainer(self, node: Node) -> Node:
        """Give a node with one of YAML's older tags as one without."""
        notice = deprecation(node.tag, self.origin(node))
        if notice is not None:
            self._warn(notice)
        try:
            return PLAINER[node.tag](node)
        except ValueError as error:
            told = f"wrong use of {node.tag!r}: {error}"
            raise self._fault(told, node, look_closer=False) from error

    def variables(self, node: Node | None) -> Value:
        """Give the value of *node*, a mapping of variables or a list of them; as `value` does.

        Reserved names among the variables keep their places.
        """
        if isinstance(node, SeqNode) and node.tag == _SEQ:
            return [self.variables(member) for member in node.value]
        value = self.value(node)
        if isinstance(node, MapNode) and isinstance(value, dict):
            return self.with_places(node, value)
        return value

    def with_places(self, node: MapNode, variables: dict[str, Value]) -> dict[str, Value]:
        """Give *variables*, the value of *node*, the reserved names among them placed."""
        if RESERVED.isdisjoint(variables):
            return variables
        places = {entry.key: entry.key_origin for entry in self.entries(node)}
        if self.path.startswith("<"):  # no file can show the line
            places = {name: replace(at, shown=str(name)) for name, at in places.items()}
        return {named(name, places.get(name)): value for name, value in variables.items()}

    def _text_of(self, text: str, node: Node, *, unsafe: bool) -> Value:
        if not unsafe and looks_like_template(text):
            return Template(text, self.origin(node))
        return text

    def _tagged(self, node: Node, depth: int, *, unsafe: bool) -> Value:
        """Give the value below one of Ansible's own tags."""
        if node.tag == "!unsafe":
            plain = self._untagged(node)
            return self._value(plain, depth + 1, unsafe=True)
        if node.tag in _VAULT:
            if not isinstance(node, ScalarNode):
                problem = f"the {node.tag!r} tag requires a string value"
                raise self._fault(problem, node, look_closer=False)
            return Vaulted(node.value, self.origin(node))
        if node.tag == "!" and isinstance(node, ScalarNode):
            return self._value(self._untagged(node), depth + 1, unsafe=unsafe)
        raise self._no_constructor(node)

    def _no_constructor(self, node: Node) -> PlaybookError:
        return self._fault(f"could not determine a constructor for the tag {node.tag!r}", node)

    def _untagged(self, node: Node) -> Node:
        """Give *node* with the tag it would have had without one."""
        tag = self._resolver.resolve(type(node), node.value, (True, False))  # type: ignore[no-untyped-call]
        return type(node)(tag, node.value, node.start_mark, node.end_mark)

    def _mapping(self, node: MapNode, depth: int, *, unsafe: bool) -> Value:
        result: dict[str, Value] = {}
        for key, _key_node, value_node in self._unique(node, depth, unsafe=unsafe):
            # YAML keys may be numbers or null; the type says what is meant to be there.
            result[key] = self._value(value_node, depth + 1, unsafe=unsafe)  # type: ignore[index]
        return result

    def _unique(
        self, node: MapNode, depth: int, *, unsafe: bool
    ) -> Iterator[tuple[Hashable, Node, Node]]:
        """Yield the entries of a mapping with their keys' values; duplicates are told."""
        seen = set()
        for key_node, value_node in self._pairs(node, depth):
            key = self._key(key_node, depth, unsafe=unsafe)
            if key in seen and key_node not in self._told:
                self._told.add(key_node)  # merged again and again, it is one mistake
                self._warn(
                    Warned(
                        f"Found duplicate mapping key {key!r}.",
                        self.origin(key_node),
                        "Using last defined value only.",
                    )
                )
            seen.add(key)
            yield key, key_node, value_node

    def _key(self, node: Node, depth: int, *, unsafe: bool) -> Hashable:
        if node.tag == _STR and isinstance(node, ScalarNode):
            return str(node.value)  # a key is never evaluated: stock's are not either
        key = self._value(node, depth + 1, unsafe=unsafe)
        if isinstance(key, Template):
            return key.text
        if isinstance(key, list | dict):
            context = "while constructing a mapping"
            raise self._fault("found unhashable key", node, context=context)
        return key

    def _pairs(self, node: MapNode, depth: int) -> _Pairs:
        """Give a mapping's entries with those that `<<` brings in before its own.

        A key that is both merged and its own stands there twice: stock warns of it.
        """
        if all(key.tag != _MERGE for key, _ in node.value):
            return node.value  # type: ignore[no-any-return]
        known = self._merged.get(id(node))
        if known is not None:
            return known
        if depth > _MAX_DEPTH:
            raise PlaybookError(TOO_DEEP, self.origin(node))
        merged: _Pairs = []
        own: _Pairs = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged += self._brought_in(value_node, depth)
            else:
                own.append((key_node, value_node))
        self._merged[id(node)] = merged + own
        return self._merged[id(node)]

    def _brought_in(self, source: Node, depth: int) -> _Pairs:
        if isinstance(source, MapNode):
            found = list(self._pairs(source, depth + 1))
        elif isinstance(source, SeqNode):
            found = []
            for member in reversed(source.value):  # the first of them wins: it comes last
                if not isinstance(member, MapNode):
                    raise self._no_merge("expected a mapping for merging", member)
                found += self._pairs(member, depth + 1)
        else:
            raise self._no_merge("expected a mapping or list of mappings for merging", source)
        self._budget -= len(found)
        if self._budget < 0:
            raise PlaybookError(TOO_DEEP, self.origin(source))
        return found

    def _no_merge(self, expected: str, node: Node) -> PlaybookError:
        kind = "scalar" if isinstance(node, ScalarNode) else "sequence"
        problem = f"{expected}, but found {kind}"
        return self._fault(problem, node, context="while constructing a mapping")

    def _typed(self, node: Node) -> Value:
        """Give a scalar that is not text; a tag that does not fit its node is an error."""
        try:
            value = self._resolver.construct_object(node)
        except yaml.constructor.ConstructorError as error:
            raise explained(error, self.path, self._text) from error
        except (ValueError, OverflowError, KeyError) as error:
            # Stock knows no more than the file here; we know the place.
            raise PlaybookError(f"YAML parsing failed: {error}", self.origin(node)) from error
        if value is None or isinstance(value, bool | int | float | str | dt.date):
            return value
        raise self._no_constructor(node)


def read_text(path: str | Path, vault: Vault = LOCKED) -> str:
    """Give a file's text, decrypted if it is encrypted.

    Raises `SourceMissing` with the reason, `PlaybookError` for what is no UTF-8 text, and
    `VaultError`.
    """
    try:
        text = vault.opened(Path(path).read_bytes(), str(path)).decode("utf-8")
    except OSError as error:
        raise SourceMissing(
            f"Could not read {str(path)!r}", causes=(Cause(str(error.strerror)),)
        ) from error
    except UnicodeDecodeError as error:
        line = bytes(error.object[: error.start]).count(b"\n") + 1
        where = f"byte 0x{error.object[error.start]:02x} in line {line}"
        raise PlaybookError(
            f"{str(path)!r} is not UTF-8 text: {where}.",
            Origin(str(path)),
            help_text="Save the file as UTF-8, or convert it with iconv.",
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def load_file(path: str | Path, warn: Warn | None = None, vault: Vault = LOCKED) -> Value:
    """Give the value of a whole YAML or JSON file.

    Raises `SourceMissing`, `PlaybookError` or `VaultError`.
    """
    return load_text(read_text(path, vault), str(path), warn)


def load_text(text: str, path: str, warn: Warn | None = None) -> Value:
    """Give the value of trusted YAML or JSON text; *path* names it in errors.

    Reserved names at its top keep their places: it may be that these are variables.
    """
    if text.lstrip()[:1] in ("{", "["):
        try:
            return placed_nowhere(trusted(json.loads(text), Origin(path)))
        except (ValueError, RecursionError):
            pass  # YAML's own braces; JSON proper goes first, for YAML knows neither tabs nor 1e3
    document = Document(path, text, warn)
    return document.variables(document.root)


def placed_nowhere(value: Value) -> Value:
    """Give variables that JSON names: such names stand nowhere, and say so where they are told."""
    if isinstance(value, dict) and not RESERVED.isdisjoint(value):
        return {named(name, nowhere(name)): member for name, member in value.items()}
    return value


def trusted(value: object, origin: Origin, depth: int = 0) -> Value:
    """Mark the templates in data from a trusted source that is not YAML.

    Text under `__ansible_unsafe` is none, whatever is in it.
    """
    if isinstance(value, str):
        return Template(value, origin) if looks_like_template(value) else value
    if depth > _MAX_DEPTH:
        raise PlaybookError("This JSON is too deeply nested.", origin)
    if isinstance(value, list):
        return [trusted(member, origin, depth + 1) for member in value]
    if not isinstance(value, dict):
        return value  # type: ignore[return-value]  # JSON has nothing but scalars left
    if value.keys() == {"__ansible_unsafe"} and isinstance(text := value["__ansible_unsafe"], str):
        return text
    if value.keys() == {"__ansible_vault"} and isinstance(text := value["__ansible_vault"], str):
        return Vaulted(text, origin)
    return {key: trusted(member, origin, depth + 1) for key, member in value.items()}
