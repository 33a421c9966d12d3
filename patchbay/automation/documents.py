"""YAML as rules use it: the safe types of YAML 1.2, no aliases, no key twice, and the line of everything."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar

import yaml

Path = tuple[str | int, ...]
LARGEST = 256 * 1024
DEEPEST = 20


class MalformedDocument(ValueError):
    """A text that is no document; `line` counts from one, and is None where it is not about a line."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Document:
    """Plain values, and the line on which each of them, or its key, stands."""

    values: Any
    lines: dict[Path, int]


def read_document(text: str) -> Document:
    """The values of a YAML text with their lines. MalformedDocument says what is wrong and where."""
    if len(text) > LARGEST:
        raise MalformedDocument(f"the document is longer than {LARGEST:,} characters")
    try:
        return _read(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise MalformedDocument(error.problem or str(error), mark.line + 1 if mark else None) from error
    except yaml.YAMLError as error:
        raise MalformedDocument(str(error)) from error


def _read(text: str) -> Document:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise MalformedDocument("the document is empty")
        lines: dict[Path, int] = {}
        _note_lines(node, (), lines)
        return Document(_construct(loader, node), lines)
    finally:
        loader.dispose()


def _construct(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    try:
        return loader.construct_document(node)
    except ValueError as error:  # Python reads no whole number of more than 4300 digits
        raise MalformedDocument(str(error)) from error


def _note_lines(node: yaml.Node, path: Path, lines: dict[Path, int]) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _note_lines(item, (*path, index), lines)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            if inner in lines:
                raise MalformedDocument(f"the key {key.value!r} stands twice", key.start_mark.line + 1)
            lines[inner] = key.start_mark.line + 1
            _note_lines(value, inner, lines)


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    """Aliases, tags and deep nesting are refused while parsing: a few lines of them can fill any memory or stack."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        for wrong, message in (
            (isinstance(event, yaml.AliasEvent), "an alias (*name) is not allowed"),
            (getattr(event, "tag", None) is not None, "a tag (!name) is not allowed"),
            (self.depth >= DEEPEST, "too deeply nested"),
        ):
            if wrong:
                raise MalformedDocument(message, event.start_mark.line + 1)
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def _add_types() -> None:
    """YAML 1.2's core types. With those of 1.1 `off` is False, `1:30` is 90 and a date is no text."""
    number = r"[-+]?(?:[0-9]+|(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)"
    for tag, pattern, first in (
        ("bool", r"true|false", "tf"),
        ("null", r"null|~|", "n~"),
        ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
        ("float", number, "-+.0123456789"),
    ):
        starts = [*first, ""] if tag == "null" else list(first)
        _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})\Z"), starts)


_add_types()
