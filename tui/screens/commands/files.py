"""The file browser's commands: look at a file, copy it out, copy one in. For containers, and for volumes through one that
has it, or that is made for it."""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from engine.errors import LongshoreError
from engine.model.volumes import Volume
from tui.feed.files import ContainerFiles
from tui.presenters.browser import text_lines
from tui.screens.commands.containers import chosen_one
from tui.screens.desk import Desk
from tui.screens.files import FilesModal, FileWish
from tui.screens.host_path import HostPathSuggester
from tui.screens.prompt import PromptModal
from tui.screens.reader import ReaderModal
from tui.snapshot import Noun
from tui.words import tr


async def _of_container(desk: Desk) -> None:
    one = chosen_one(desk)
    if one is not None:
        await _browse(desk, one.name, ContainerFiles(desk.engine, one.id), one.name)


async def _of_volume(desk: Desk) -> None:
    volume = desk.lists.selected(Noun.VOLUMES)
    if not isinstance(volume, Volume):
        return
    for one in desk.lists.snapshot.containers:
        for mount in one.mounts:
            if mount.kind == "volume" and mount.source == volume.name:
                files = ContainerFiles(desk.engine, one.id, mount.target)
                await _browse(desk, tr("{volume} through {container}", volume=volume.name, container=one.name), files, one.name)
                return
    await _of_unused(desk, volume)


async def _of_unused(desk: Desk, volume: Volume) -> None:
    from tui.feed.volume_files import opened  # late: for this only

    name = volume.name[:12] if volume.anonymous else volume.name
    if desk.readonly:
        desk.tell(tr("files of {name}", name=name), tr("no container has it, and in read-only mode none is made to look through"), bad=True)
        return
    try:
        async with opened(desk.engine, volume, desk.lists.snapshot.images) as files:
            await _browse(desk, name, files, files.container)
    except LongshoreError as error:
        desk.tell_error(tr("files of {name}", name=name), error)


async def _browse(desk: Desk, title: str, files: ContainerFiles, container: str) -> None:
    path, at = files.top, ""
    while True:
        wish = await desk.ask(FilesModal(title, files.list, top=files.top, path=path, at=at))
        if wish is None:
            return
        path, at = wish.directory, posixpath.basename(wish.path)
        await _WISHES[wish.verb](desk, files, wish, container)


async def _view(desk: Desk, files: ContainerFiles, wish: FileWish, container: str) -> None:
    try:
        data, size = await files.head(wish.path)
    except LongshoreError as error:
        desk.tell_error(tr("view {path}", path=wish.path), error)
        return
    await desk.ask(ReaderModal(f"{container}:{wish.path}", text_lines(data, size), wrapped=False))


async def _out(desk: Desk, files: ContainerFiles, wish: FileWish, container: str) -> None:
    about = tr("A file is written as it is, a directory as a tar archive. What is there already stays.")
    name = posixpath.basename(wish.path) + (".tar" if stat.S_ISDIR(wish.mode) else "")
    host = await desk.ask(
        PromptModal(
            tr("Copy {basename} to", basename=posixpath.basename(wish.path)),
            text=f"./{name}",
            about=about,
            suggester=HostPathSuggester(),
        )
    )
    if host:
        title, command = tr("copy {container}:{path}", container=container, path=wish.path), f"cp {container}:{wish.path} {host}"
        await desk.operations.perform(
            Noun.CONTAINERS,
            "",
            tr("copying"),
            title,
            files.copy_out(wish.path, host),
            told=tr("copied to {host}", host=host),
            command=command,
        )


async def _in(desk: Desk, files: ContainerFiles, wish: FileWish, container: str) -> None:
    if desk.readonly:
        desk.tell(tr("copy in"), tr("nothing is changed in read-only mode"), bad=True)
        return
    host = await desk.ask(PromptModal(tr("Copy into {directory}", directory=wish.directory), text="./", suggester=HostPathSuggester()))
    if host:
        title, command = tr("copy {host}", host=host), f"cp {host} {container}:{wish.directory}"
        work = files.copy_in(host, wish.directory)
        await desk.operations.perform(
            Noun.CONTAINERS,
            "",
            tr("copying"),
            title,
            work,
            told=tr("copied to {container}:{directory}", container=container, directory=wish.directory),
            command=command,
        )


async def _copy(desk: Desk, files: ContainerFiles, wish: FileWish, container: str) -> None:
    desk.copy(wish.path)


_WISHES: Mapping[str, Callable[[Desk, ContainerFiles, FileWish, str], Coroutine[Any, Any, None]]] = {
    "view": _view,
    "out": _out,
    "in": _in,
    "copy": _copy,
}

HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {
    "containers.files": _of_container,
    "volumes.files": _of_volume,
}
