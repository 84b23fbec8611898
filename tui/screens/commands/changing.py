"""Commands that ask for more than a yes: commit a container, change its limits, its networks; push, save and load images."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from engine.model.containers import Container
from engine.model.images import Image
from tui.screens.commands.networks import networks_of
from tui.screens.confirm import ConfirmModal
from tui.screens.desk import Desk
from tui.screens.lists import is_container, is_image
from tui.screens.prompt import PromptModal
from tui.snapshot import Noun, label_of
from tui.words import tr


def _container(desk: Desk) -> Container | None:
    group = desk.lists.group(Noun.CONTAINERS)
    if group:
        desk.tell(group.title, tr("one container is meant: choose one of the group"))
    return is_container(desk.lists.selected(Noun.CONTAINERS))


async def _commit(desk: Desk) -> None:
    from tui.feed.requests import commit_config  # late: not needed for the first picture
    from tui.screens.form import Field, FormModal

    one = _container(desk)
    if one is None:
        return
    fields = (
        Field(name="reference", label=tr("Name"), example=f"{one.name}:latest; none when empty"),
        Field(name="author", label=tr("Author"), example="Ann <ann@example.com>"),
        Field(name="comment", label=tr("Comment")),
        Field(name="changes", label=tr("Changes"), example='CMD ["sh"]; ENV DEBUG=1'),
        Field(name="pause", label=tr("Pause"), example=tr("yes; no lets it run while its files are read")),
    )
    wanted = await desk.ask(FormModal(tr("An image of {name}", name=one.name), fields, lambda texts: commit_config(one.name, texts)))
    if wanted:
        config, command = wanted
        told = tr("the image {image} is made", image=config.reference or tr("without a name"))
        work = desk.engine.containers.commit(one.id, config)
        await desk.operations.perform(
            Noun.CONTAINERS, one.id, tr("committing"), tr("commit {name}", name=one.name), work, told=told, command=command
        )


async def _update(desk: Desk) -> None:
    from tui.feed.requests import update_config  # late: not needed for the first picture
    from tui.screens.form import Field, FormModal

    one = _container(desk)
    if one is None:
        return
    fields = (
        Field(name="memory", label=tr("Memory"), example="512m, 1.5g"),
        Field(name="swap", label=tr("With swap"), example=tr("1g; -1 for any amount")),
        Field(name="cpus", label="CPUs", example="0.5"),
        Field(name="pids", label=tr("Processes"), example=tr("200; -1 for any number")),
        Field(name="restart", label=tr("Restart"), example="no, always, unless-stopped, on-failure:3"),
    )
    about = tr("An empty field stays as it is.")
    wanted = await desk.ask(
        FormModal(tr("Limits of {name}", name=one.name), fields, lambda texts: update_config(one.name, texts), about=about)
    )
    if wanted:
        config, command = wanted

        async def work() -> None:
            for warning in await desk.engine.containers.update(one.id, config):
                desk.tell(tr("update {name}", name=one.name), warning)

        await desk.operations.perform(Noun.CONTAINERS, one.id, tr("updating"), tr("update {name}", name=one.name), work(), command=command)


async def _networks(desk: Desk) -> None:
    if (one := _container(desk)) is not None:
        await networks_of(desk, one)


def _images(desk: Desk) -> list[Image]:
    return [image for one in desk.lists.chosen(Noun.IMAGES) if (image := is_image(one)) is not None]


async def _push(desk: Desk) -> None:
    image = is_image(desk.lists.selected(Noun.IMAGES))
    if image is None:
        return
    if not image.tags:
        desk.tell(tr("push"), tr("it has no name; t gives it one"))
        return
    about = tr("to the registry that its name says, with the credentials that login left")
    reference = await desk.ask(
        PromptModal(tr("Push {label_of}", label_of=label_of(image)), text=image.tags[0], about=about, known=image.tags)
    )
    if reference:
        desk.pulls.push(reference)


async def _save(desk: Desk) -> None:
    from tui.feed.log_file import resolved  # late: not needed for the first picture

    chosen = _images(desk)
    if not chosen:
        return
    names = [name for image in chosen for name in image.tags or (image.id,)]
    first = label_of(chosen[0]).rpartition("/")[2].replace(":", "-") if len(chosen) == 1 else "images"
    title = tr("Save {label_of} to", label_of=label_of(chosen[0]) if len(chosen) == 1 else tr("{count} images", count=len(chosen)))
    typed = await desk.ask(PromptModal(title, text=f"{first}.tar", about=tr("an archive that docker load and OCI tools read")))
    if not typed:
        return
    path, exists = resolved(typed)
    if exists and not await desk.ask(ConfirmModal(tr("Replace {path}?", path=path), tr("What is in it is lost."))):
        return
    desk.pulls.save(names, path, sum(image.size for image in chosen))


async def _load(desk: Desk) -> None:
    from tui.feed.log_file import resolved  # late: not needed for the first picture

    typed = await desk.ask(PromptModal(tr("Load images from"), example="images.tar", about=tr("an archive of docker save, or an OCI one")))
    if typed:
        desk.pulls.load(resolved(typed)[0])


HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {
    "containers.commit": _commit,
    "containers.update": _update,
    "containers.networks": _networks,
    "images.push": _push,
    "images.save": _save,
    "images.load": _load,
}
