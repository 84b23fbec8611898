"""``longshore cp``"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import AsyncGenerator, Iterator

from engine.cli import copying
from engine.cli.context import Context
from engine.cli.copying import Destination, Plan, Source
from engine.cli.flags import Flag, Options, Spec, UsageError
from engine.errors import InvalidArgument, LongshoreError
from engine.image import pack
from engine.image.extract import Extractor
from engine.model.units import human_size
from engine.store import faults

SPEC = Spec(
    usage="[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tlongshore cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
    summary="Copy files/folders between a container and the local filesystem",
    flags=(
        Flag(name="archive", short="a", help="Archive mode (copy all uid/gid information)"),
        Flag(name="follow-link", short="L", help="Always follow symbol link in SRC_PATH"),
        Flag(name="quiet", short="q", help="Suppress progress output during copy"),
    ),
    least=2,
    most=2,
    completes="container",
    aliases=("container cp", "cp"),
)
_CHUNK = 1 << 18


def run(context: Context, options: Options) -> int:
    source, destination = options.args
    if not source or not destination:
        raise UsageError(f"{'source' if not source else 'destination'} can not be empty")
    from_container, from_path = _split(source)
    to_container, to_path = _split(destination)
    if from_container and to_container:
        raise UsageError("copying between containers is not supported")
    if not from_container and not to_container:
        raise UsageError("must specify at least one container source")
    quiet = options.on("quiet") if options.has("quiet") else not sys.stdout.isatty()
    follow = options.on("follow-link")
    if from_container:
        size = _out(context, from_container, from_path, to_path, follow=follow)
        shown = to_path
    else:
        size = _in(context, from_path, to_container, to_path, follow=follow, copy_owner=options.on("archive"))
        shown = f"{to_container}:{to_path}"
    if not quiet and to_path != "-":
        print(f"Successfully copied {human_size(size, 3)} to {shown}", file=context.err)
    return 0


def _split(argument: str) -> tuple[str, str]:
    """Container and path; no container for a path of this machine."""
    container, colon, path = argument.partition(":")
    if argument.startswith("/") or not colon or container.startswith("."):
        return "", argument
    return container, path


class _Counted:
    """Counts what streams past."""

    def __init__(self) -> None:
        self.size = 0

    def of(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.size += len(piece)
            yield piece


def _out(context: Context, container: str, path: str, to: str, *, follow: bool) -> int:
    files = context.engine.containers
    destination = copying.local_destination(to) if to != "-" else None
    rebase = ""
    if follow:
        found = context.run(files.stat(container, path))
        if stat.S_ISLNK(found.mode):
            path, rebase = copying.rebase_name(path, found.link_target)
    counted = _Counted()
    pieces = counted.of(context.iterate(files.get_archive(container, path)))
    if destination is None:
        for piece in pieces:
            _write(sys.stdout.fileno(), piece)
        return counted.size
    found = context.run(files.stat(container, path))
    source = Source(path=path or "/", is_directory=stat.S_ISDIR(found.mode), rebase=rebase)
    _unpack(pieces, copying.plan(source, destination))
    return counted.size


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _unpack(pieces: Iterator[bytes], plan: Plan) -> None:
    try:
        root = os.open(plan.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            Extractor(root, "", keep_owner=False).run(copying.Renaming(pieces, plan))
        finally:
            os.close(root)
    except OSError as error:
        raise faults.from_os(error, f"copy to {plan.directory}") from error


def _in(context: Context, path: str, container: str, to: str, *, follow: bool, copy_owner: bool) -> int:
    destination = _destination(context, container, to)
    counted = _Counted()
    if path == "-":
        if not destination.is_directory:
            raise InvalidArgument(f'destination "{container}:{to}" must be a directory')
        pieces, target = counted.of(_stdin()), destination.path
    else:
        source = copying.local_source(path, follow=follow)
        plan = copying.plan(source, destination)
        pieces, target = counted.of(_packed(source, plan)), plan.directory
    context.run(context.engine.containers.put_archive(container, target, _sent(pieces), copy_owner=copy_owner))
    return counted.size


def _destination(context: Context, container: str, path: str) -> Destination:
    """What is at the destination; a link is followed, and what can not be looked at does not exist."""
    files = context.engine.containers
    try:
        found = context.run(files.stat(container, path))
        if stat.S_ISLNK(found.mode):
            path = found.link_target
            found = context.run(files.stat(container, path))
    except LongshoreError:
        return Destination(path=path)
    return Destination(path=path, exists=True, is_directory=stat.S_ISDIR(found.mode))


def _packed(source: Source, plan: Plan) -> Iterator[bytes]:
    above, base = copying.split(source.path)
    try:
        root = os.open(above, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield from pack.ended(pack.tree(root, base, os.fsencode(plan.new)))
        finally:
            os.close(root)
    except OSError as error:
        raise faults.from_os(error, f"copy {source.path}") from error


def _stdin() -> Iterator[bytes]:
    while piece := os.read(0, _CHUNK):
        yield piece


async def _sent(pieces: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    for piece in pieces:
        yield piece
