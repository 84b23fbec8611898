"""What a stack of layers means, said a second time and as simply as possible: entries applied one after the other to a tree in memory.

It refuses (:class:`Ambiguous`) what the specification leaves open or forbids, so that the rest can be compared exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.engine.image.archives import Archive


class Ambiguous(Exception):
    """The order of entries would matter, or real engines disagree."""


@dataclass
class Node:
    """A directory (``children``), a link (``target``) or a file (``content``)."""

    kind: str
    mode: int = 0o755
    content: bytes = b""
    target: str = ""
    children: dict[str, Node] = field(default_factory=dict)
    mine: bool = False  # made by the layer being applied
    implied: bool = False  # made on the way by that layer


@dataclass(frozen=True, order=True)
class Step:
    """One archive entry. ``kind``: dir, file, link, hard, white, opaque."""

    path: str
    kind: str
    argument: str = ""
    mode: int = 0o755


class Model:
    """The merged tree."""

    def __init__(self) -> None:
        self.root = Node("dir")

    def apply(self, steps: list[Step]) -> None:
        """Apply a layer: what it hides first, then what it has."""
        solid = {step.path for step in steps if step.kind in ("file", "link", "hard")}
        for step in steps:
            parts = step.path.split("/")
            if any("/".join(parts[:count]) in solid for count in range(1, len(parts))):
                raise Ambiguous(step)
            if step.kind == "opaque" and step.path in solid:
                raise Ambiguous(step)
            if step.kind in ("white", "opaque"):
                self._check_described(step, {each.path for each in steps if each.kind == "dir"})
        self._seen = set(map(id, self._nodes()))
        hiding = [step for step in steps if step.kind in ("white", "opaque")]
        places = [self._hide(step) for step in hiding]
        there = set(map(id, self._nodes()))
        for step, place in zip(hiding, places, strict=True):
            if place.kind == "dir" and id(place) not in there:
                if id(place) in self._seen:
                    raise Ambiguous(step)  # one hides where another has its name
                self._directory(step.path.split("/")[: len(step.path.split("/")) - (step.kind == "white")])
        self._sources: list[tuple[Node, str, Node]] = []
        for step in steps:
            if step.kind not in ("white", "opaque"):
                self._put(step)
        if any(above.children.get(name) is not found for above, name, found in self._sources):
            raise Ambiguous("a hard link's source was replaced afterwards")
        self._settle(self.root)

    def _hide(self, step: Step) -> Node:
        """Empty or remove, and say in which directory."""
        if step.kind == "opaque":
            place = self._directory(step.path.split("/"), make=False)
            place.children.clear()
        else:
            place, name = self._parent(step.path, make=False)
            place.children.pop(name, None)
        return place

    def _nodes(self) -> list[Node]:
        found, pending = [], [self.root]
        while pending:
            node = pending.pop()
            found.append(node)
            pending += node.children.values()
        return found

    def _check_described(self, step: Step, described: set[str]) -> None:
        """What hides may not go through a link that this layer makes a directory: before or after?"""
        parts = step.path.split("/")
        for count in range(1, len(parts) + (step.kind == "opaque")):
            path = "/".join(parts[:count])
            if path in described:
                above, name = self._parent(path, make=False)
                if name in above.children and above.children[name].kind == "link":
                    raise Ambiguous(step)

    def _put(self, step: Step) -> None:
        above, name = self._parent(step.path)
        there = above.children.get(name)
        if there is not None and (there.mine or there.implied) and not (there.kind == "dir" and step.kind == "dir"):
            raise Ambiguous(step)
        if step.kind == "dir":
            if there is None or there.kind != "dir":
                there = above.children[name] = Node("dir")
            elif there.mine:
                raise Ambiguous(step)  # described twice, or described after it was needed
            there.mode, there.mine = step.mode, True
        elif step.kind == "file":
            above.children[name] = Node("file", step.mode, step.argument.encode(), mine=True)
        elif step.kind == "link":
            above.children[name] = Node("link", 0o777, target=step.argument, mine=True)
        else:
            over, source = self._parent(step.argument, make=False)
            found = over.children.get(source)
            if found is None or found.kind == "dir" or found is there or (there is not None and there.kind == "dir"):
                raise Ambiguous(step)
            self._sources.append((over, source, found))
            above.children[name] = Node(found.kind, found.mode, found.content, found.target, mine=True)

    def _parent(self, path: str, *, make: bool = True) -> tuple[Node, str]:
        *above, name = path.split("/")
        return self._directory(above, make=make), name

    def _directory(self, parts: list[str], *, make: bool = True) -> Node:
        stack = [self.root]
        todo, links = parts[::-1], 0
        while todo:
            name = todo.pop()
            if name in ("", "."):
                continue
            if name == "..":
                stack = stack[:-1] or stack
                continue
            found = stack[-1].children.get(name)
            if found is None:
                if not make:
                    return Node("dir")
                found = stack[-1].children[name] = Node("dir", implied=True)
            if found.kind == "file":
                raise Ambiguous(parts)
            if found.kind == "link":
                links += 1
                if links > 30 or (found.mine and make):
                    raise Ambiguous(parts)
                if found.target.startswith("/"):
                    stack = [self.root]
                todo += found.target.split("/")[::-1]
                continue
            stack.append(found)
        return stack[-1]

    def _settle(self, node: Node) -> None:
        node.mine = node.implied = False
        for child in node.children.values():
            self._settle(child)

    def listing(self) -> dict[str, tuple[object, ...]]:
        """Type, mode and content by path."""
        found: dict[str, tuple[object, ...]] = {}
        pending = [("", self.root)]
        while pending:
            path, node = pending.pop()
            found[path] = (node.kind, node.mode, node.content, node.target)
            pending += [(f"{path}/{name}".lstrip("/"), child) for name, child in node.children.items()]
        return found


def archive(steps: list[Step]) -> Archive:
    """The layer as a tar."""
    tar = Archive()
    for step in steps:
        if step.kind == "dir":
            tar.directory(step.path, mode=step.mode)
        elif step.kind == "file":
            tar.file(step.path, step.argument.encode(), mode=step.mode)
        elif step.kind == "link":
            tar.symlink(step.path, step.argument)
        elif step.kind == "hard":
            tar.hardlink(step.path, step.argument)
        elif step.kind == "white":
            tar.whiteout(step.path)
        else:
            tar.opaque(step.path)
    return tar
