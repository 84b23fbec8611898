"""Archives made to break out, to break things, or to exhaust them; after every CVE of the kind that we know of.

``OUTSIDE`` stands for the absolute path of a directory outside of the layer that must stay as it is. Each case says which names may exist in
the layer afterwards (``made``), or that it has to be refused (``None``); a refused one leaves nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.engine.image.archives import Archive, header, padded

UP = "../" * 30


@dataclass(frozen=True)
class Case:
    """One hostile archive, given the absolute path of the directory outside."""

    name: str
    build: Callable[[str], Archive]
    made: frozenset[str] | None


CASES: list[Case] = []


def case(*made: str, refused: bool = False) -> Callable[[Callable[[str], Archive]], Callable[[str], Archive]]:
    def add(build: Callable[[str], Archive]) -> Callable[[str], Archive]:
        CASES.append(Case(build.__name__, build, None if refused else frozenset(made)))
        return build

    return add


def within(outside: str) -> set[str]:
    """The relative path that an absolute path of the host has inside of the layer, with its parents."""
    parts = outside.strip("/").split("/")
    return {"/".join(parts[: number + 1]) for number in range(len(parts))}


# -- traversal (CVE-2014-6407, CVE-2014-9357, CVE-2007-4559)


@case(refused=True)
def dot_dot(outside: str) -> Archive:
    return Archive().file("../evil", b"evil")


@case(refused=True)
def many_dot_dots(outside: str) -> Archive:
    return Archive().file(f"{UP}{outside}/evil", b"evil")


@case(refused=True)
def dot_dot_in_the_middle(outside: str) -> Archive:
    return Archive().directory("a").file(f"a/../../{UP}{outside}/evil", b"evil")


@case(refused=True)
def dot_dot_directory(outside: str) -> Archive:
    return Archive().directory("..", mode=0o777).directory("../..", mode=0o777)


@case(refused=True)
def dot_dot_in_pax(outside: str) -> Archive:
    return Archive().file("good", b"evil", pax={b"path": f"{UP}{outside}/evil".encode()})


@case(refused=True)
def dot_dot_in_a_prefix(outside: str) -> Archive:
    return Archive().raw(header(b"evil", fields={345: b"../../../../.."}))


@case(refused=True)
def dot_dot_whiteout(outside: str) -> Archive:
    return Archive().file("../.wh.victim")


@case("ok", "evil")
def harmless_dot_dots(outside: str) -> Archive:
    return Archive().file("a/b/../../ok", b"1").file("./././/evil", b"2")


@case("*")
def absolute(outside: str) -> Archive:
    return Archive().file(f"{outside}/victim", b"evil").file("//double", b"x")


# -- symbolic links (CVE-2018-15664, CVE-2021-32760, CVE-2025-4138)


@case("*", "link")
def through_an_absolute_link(outside: str) -> Archive:
    return Archive().symlink("link", outside).file("link/victim", b"evil").file("link/new", b"evil")


@case("*", "link")
def through_a_climbing_link(outside: str) -> Archive:
    return Archive().symlink("link", f"{UP}{outside}").file("link/victim", b"evil")


@case("*", "a", "a/b", "c")
def through_a_chain_of_links(outside: str) -> Archive:
    return (
        Archive()
        .directory("a")
        .symlink("a/b", "..")
        .symlink("c", f"a/b/a/b{outside}")
        .file("c/victim", b"evil")
        .directory("c/dir", mode=0o777)
    )


@case("victim")
def file_over_a_link(outside: str) -> Archive:
    return Archive().symlink("victim", f"{outside}/victim").file("victim", b"evil", mode=0o4777, uid=1)


@case("dir", "dir/victim")
def directory_over_a_link(outside: str) -> Archive:
    return Archive().symlink("dir", outside).directory("dir", mode=0o777, uid=77).file("dir/victim", b"evil")


@case("dir", "dir/a")
def link_over_a_directory_and_back(outside: str) -> Archive:
    return (
        Archive().directory("dir").file("dir/victim", b"1").symlink("dir", outside).directory("dir", mode=0o777).symlink("dir/a", outside)
    )


@case("*", "dir")
def link_swapped_in_after_use(outside: str) -> Archive:
    return Archive().file("dir/one", b"1").symlink("dir", outside).file("dir/victim", b"evil").directory("dir/sub", mode=0o777)


@case("root")
def metadata_through_links(outside: str) -> Archive:
    return (
        Archive()
        .symlink("root", outside, mode=0o777, uid=99, gid=99, pax={b"SCHILY.xattr.user.evil": b"1"})
        .symlink("root", f"{outside}/victim", mode=0o777, uid=98, gid=98, mtime=1)
    )


@case(refused=True)
def link_loop(outside: str) -> Archive:
    return Archive().symlink("a", "b").symlink("b", "a").file("a/x", b"1")


@case(refused=True)
def link_to_itself_below(outside: str) -> Archive:
    return Archive().symlink("a", "a/a/a").file("a/x", b"1")


@case("*", "proc-link")
def magic_links(outside: str) -> Archive:
    return Archive().symlink("proc-link", "/proc/self/root/../../..").file(f"proc-link{outside}/victim", b"evil")


@case(refused=True)
def empty_link(outside: str) -> Archive:
    return Archive().symlink("a", "")


# -- hard links


@case(refused=True)
def hard_link_up(outside: str) -> Archive:
    return Archive().hardlink("stolen", f"{UP}{outside}/victim").file("stolen", b"evil")


@case(refused=True)
def hard_link_absolute(outside: str) -> Archive:
    return Archive().hardlink("stolen", f"{outside}/victim")


@case(refused=True)
def hard_link_through_a_link(outside: str) -> Archive:
    return Archive().symlink("dir", outside).hardlink("stolen", "dir/victim")


@case("link", "same")
def hard_link_to_a_link_then_written(outside: str) -> Archive:
    return Archive().symlink("link", f"{outside}/victim").hardlink("same", "link").file("same", b"evil", mode=0o777)


@case("a", "b")
def write_through_a_hard_link(outside: str) -> Archive:
    return Archive().file("a", b"first").hardlink("b", "a").file("b", b"second!")


@case("d")
def hard_link_over_the_directory_that_holds_it(outside: str) -> Archive:
    return Archive().directory("d").file("d/f", b"1").hardlink("d", "d/f")


@case(refused=True)
def hard_link_to_the_root(outside: str) -> Archive:
    return Archive().hardlink("a", "/")


@case(refused=True)
def hard_link_to_a_whiteout(outside: str) -> Archive:
    return Archive().whiteout("a").hardlink("b", ".wh.a")


# -- whiteouts


@case(refused=True)
def whiteout_of_the_parent(outside: str) -> Archive:
    return Archive().directory("a").file("a/.wh...", b"")


@case(refused=True)
def whiteout_of_itself(outside: str) -> Archive:
    return Archive().directory("a").file("a/.wh..", b"")


@case(refused=True)
def whiteout_of_nothing(outside: str) -> Archive:
    return Archive().file(".wh.", b"")


@case("*", "dir")
def whiteout_through_a_link(outside: str) -> Archive:
    return Archive().symlink("dir", outside).whiteout("dir/victim")


@case("*", "dir")
def opaque_through_a_link(outside: str) -> Archive:
    return Archive().symlink("dir", outside).opaque("dir")


@case(refused=True)
def whiteout_as_directory(outside: str) -> Archive:
    return Archive().file(".wh.dir/file", b"1")


@case()
def aufs_leftovers(outside: str) -> Archive:
    return Archive().directory(".wh..wh.plnk").file(".wh..wh.aufs", b"").directory(".wh..wh.orph")


# -- devices, attributes, owners


@case("disk", "mem", "fifo")
def devices(outside: str) -> Archive:
    return Archive().device("disk", b"4", 254, 0, mode=0o666).device("mem", b"3", 1, 1, mode=0o666).entry("fifo", b"6", mode=0o666)


@case(refused=True)
def impossible_device(outside: str) -> Archive:
    return Archive().device("x", b"3", 0o7777777, 0)


@case("a", "d", "l")
def overlay_attributes(outside: str) -> Archive:
    evil = {
        b"SCHILY.xattr.trusted.overlay.redirect": f"{outside}".encode(),
        b"SCHILY.xattr.trusted.overlay.metacopy": b"",
        b"SCHILY.xattr.trusted.overlay.opaque": b"y",
        b"SCHILY.xattr.user.overlay.opaque": b"y",
        b"LIBARCHIVE.xattr.trusted%2eoverlay%2eorigin": b"AAAA",
    }
    return Archive().file("a", b"1", pax=evil).directory("d", pax=evil).symlink("l", "a", pax=evil)


@case("a")
def attributes_without_sense(outside: str) -> Archive:
    return Archive().file("a", b"1", pax={b"SCHILY.xattr.": b"x", b"SCHILY.xattr.nonsense": b"x", b"SCHILY.xattr.system.evil": b"x"})


@case(refused=True)
def attribute_with_nul(outside: str) -> Archive:
    return Archive().file("a", b"1", pax={b"SCHILY.xattr.user.a\0b": b"x"})


@case(refused=True)
def attribute_too_large(outside: str) -> Archive:
    return Archive().file("a", b"1", pax={b"SCHILY.xattr.user.a": b"x" * 70_000})


@case(refused=True)
def root_that_is_a_file(outside: str) -> Archive:
    return Archive().file("./", b"evil")


@case(refused=True)
def root_that_is_a_link(outside: str) -> Archive:
    return Archive().symlink("/", outside)


@case(refused=True)
def unknown_type(outside: str) -> Archive:
    return Archive().entry("a", b"Z", b"data")


# -- exhaustion (CVE-2023-25153, CVE-2025-8194)


@case(refused=True)
def deep_directories(outside: str) -> Archive:
    return Archive().directory("d/" * 1500)


@case(refused=True)
def deep_through_links(outside: str) -> Archive:
    archive = Archive()
    for number in range(12):
        archive.directory(f"{'s/' if number else ''}{'d/' * 100}").symlink("s", ("s0/" if number else "") + "d/" * 100)
    return archive.raw(b"").file("d/" * 600 + "x", b"1")


@case(refused=True)
def long_component(outside: str) -> Archive:
    return Archive().file("n" * 300, b"1")


@case(refused=True)
def long_path(outside: str) -> Archive:
    return Archive().file("/".join(["n" * 200] * 30), b"1")


@case(refused=True)
def sparse_exabyte(outside: str) -> Archive:
    return Archive().file("a", b"", pax={b"GNU.sparse.size": b"1152921504606846976", b"GNU.sparse.map": b"0,0"})


@case(refused=True)
def trailing_bomb(outside: str) -> Archive:
    return Archive().file("a", b"1").raw(bytes(1024)).raw(bytes(80 << 20))


@case(refused=True)
def pax_bomb(outside: str) -> Archive:
    return Archive().raw(header(b"x", kind=b"x", size=3 << 20) + padded(bytes(3 << 20)))


@case(refused=True)
def size_that_lies(outside: str) -> Archive:
    return Archive().raw(header(b"a", size=1 << 30)).raw(b"short")


@case(refused=True)
def negative_size(outside: str) -> Archive:
    return Archive().raw(header(b"a", fields={124: b"\xff" * 12}))
