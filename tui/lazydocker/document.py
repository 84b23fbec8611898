"""A YAML file that somebody else wrote, as plain values with their lines.

What YAML can do beyond that is refused: aliases, which multiply, tags, which construct, and more nesting or nodes than a
configuration has. PyYAML's parser works event by event, so that the limits hold before anything is built.
"""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from engine.errors import InvalidArgument

LARGEST = 256 << 10
"""Bytes of a file. PyYAML reads about 100 KiB in a second."""
DEEPEST = 30
NODES = 20_000

Path = tuple[str | int, ...]


def read_document(data: bytes, name: str) -> tuple[object, Mapping[Path, int]]:
    """The document and the line of each of its keys and list items, from 1; ``name`` is for messages.

    Raises:
        InvalidArgument: it is no YAML, or none that a configuration would be.
    """
    if len(data) > LARGEST:
        raise InvalidArgument(f"{name}: larger than {LARGEST} bytes")
    try:
        text = data.decode("utf-8")
        _check(text, name)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Path, int] = {}
        if root is not None:
            _note_lines(root, (), lines)
        return yaml.safe_load(text), lines
    except UnicodeDecodeError:
        raise InvalidArgument(f"{name}: no UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}" if mark else ""
        raise InvalidArgument(f"{name}{place}: no valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        # Dates that are none and numbers of thousands of digits come out of the constructors as ValueError.
        raise InvalidArgument(f"{name}: no valid YAML: {str(error).splitlines()[0]}") from None


def _check(text: str, name: str) -> None:
    """Refuse what no configuration has."""
    depth = count = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        place = f"{name}:{event.start_mark.line + 1 if event.start_mark else 1}"
        if isinstance(event, yaml.AliasEvent):
            raise InvalidArgument(f"{place}: aliases are not taken: write the value out")
        if isinstance(event, yaml.NodeEvent):
            count += 1
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST or count > NODES:
            raise InvalidArgument(f"{place}: {'nested too deeply' if depth > DEEPEST else f'more than {NODES} values'}")


def _note_lines(node: yaml.Node, path: Path, lines: dict[Path, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines[(*path, str(key.value))] = key.start_mark.line + 1
            _note_lines(value, (*path, str(key.value)), lines)
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            lines[(*path, place)] = value.start_mark.line + 1
            _note_lines(value, (*path, place), lines)
