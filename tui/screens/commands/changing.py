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


def _container(desk: Desk) -> Container | None:
    group = desk.lists.group(Noun.CONTAINERS)
    if group:
        desk.tell(group.title, "one container is meant: choose one of the group")
    return is_container(desk.lists.selected(Noun.CONTAINERS))


async def _commit(desk: Desk) -> None:
    from tui.feed.requests import commit_config  # late: not needed for the first picture
    from tui.screens.form import Field, FormModal

    one = _container(desk)
    if one is None:
        return
    fields = (
        Field(name="reference", label="Name", example=f"{one.name}:latest; none when empty"),
        Field(name="author", label="Author", example="Ann <ann@example.com>"),
        Field(name="comment", label="Comment"),
        Field(name="changes", label="Changes", example='CMD ["sh"]; ENV DEBUG=1'),
        Field(name="pause", label="Pause", example="yes; no lets it run while its files are read"),
    )
    wanted = await desk.ask(FormModal(f"An image of {one.name}", fields, lambda texts: commit_config(one.name, texts)))
    if wanted:
        config, command = wanted
        told = f"the image {config.reference or 'without a name'} is made"
        work = desk.engine.containers.commit(one.id, config)
        await desk.operations.perform(Noun.CONTAINERS, one.id, "committing", f"commit {one.name}", work, told=told, command=command)


async def _update(desk: Desk) -> None:
    from tui.feed.requests import update_config  # late: not needed for the first picture
    from tui.screens.form import Field, FormModal

    one = _container(desk)
    if one is None:
        return
    fields = (
        Field(name="memory", label="Memory", example="512m, 1.5g"),
        Field(name="swap", label="With swap", example="1g; -1 for any amount"),
        Field(name="cpus", label="CPUs", example="0.5"),
        Field(name="pids", label="Processes", example="200; -1 for any number"),
        Field(name="restart", label="Restart", example="no, always, unless-stopped, on-failure:3"),
    )
    about = "An empty field stays as it is."
    wanted = await desk.ask(FormModal(f"Limits of {one.name}", fields, lambda texts: update_config(one.name, texts), about=about))
    if wanted:
        config, command = wanted

        async def work() -> None:
            for warning in await desk.engine.containers.update(one.id, config):
                desk.tell(f"update {one.name}", warning)

        await desk.operations.perform(Noun.CONTAINERS, one.id, "updating", f"update {one.name}", work(), command=command)


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
        desk.tell("push", "it has no name; t gives it one")
        return
    about = "to the registry that its name says, with the credentials that login left"
    reference = await desk.ask(PromptModal(f"Push {label_of(image)}", text=image.tags[0], about=about, known=image.tags))
    if reference:
        desk.pulls.push(reference)


async def _save(desk: Desk) -> None:
    from tui.feed.log_file import resolved  # late: not needed for the first picture

    chosen = _images(desk)
    if not chosen:
        return
    names = [name for image in chosen for name in image.tags or (image.id,)]
    first = label_of(chosen[0]).rpartition("/")[2].replace(":", "-") if len(chosen) == 1 else "images"
    title = f"Save {label_of(chosen[0]) if len(chosen) == 1 else f'{len(chosen)} images'} to"
    typed = await desk.ask(PromptModal(title, text=f"{first}.tar", about="an archive that docker load and OCI tools read"))
    if not typed:
        return
    path, exists = resolved(typed)
    if exists and not await desk.ask(ConfirmModal(f"Replace {path}?", "What is in it is lost.")):
        return
    desk.pulls.save(names, path, sum(image.size for image in chosen))


async def _load(desk: Desk) -> None:
    from tui.feed.log_file import resolved  # late: not needed for the first picture

    typed = await desk.ask(PromptModal("Load images from", example="images.tar", about="an archive of docker save, or an OCI one"))
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
