"""Commands on images."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from engine.model.images import Image
from tui.feed.run_request import RunRequest
from tui.presenters.text import decimal_size
from tui.screens.confirm import ConfirmModal
from tui.screens.desk import Desk
from tui.screens.lists import is_image
from tui.screens.menu import Entry, MenuModal
from tui.screens.prompt import PromptModal
from tui.screens.run_form import RunModal
from tui.snapshot import Noun, label_of

KNOWN = (
    "alpine",
    "busybox",
    "debian",
    "fedora",
    "golang",
    "httpd",
    "mariadb",
    "memcached",
    "mysql",
    "nginx",
    "node",
    "postgres",
    "python",
    "rabbitmq",
    "redis",
    "registry",
    "traefik",
    "ubuntu",
)


def _chosen(desk: Desk) -> Image | None:
    return is_image(desk.lists.selected(Noun.IMAGES))


async def _pull(desk: Desk) -> None:
    names = tuple(tag for image in desk.lists.snapshot.images for tag in image.tags)
    prompt = PromptModal(
        "Pull an image",
        example="nginx:latest",
        about="name[:tag] or registry/name[:tag]; it comes in the background",
        known=(*names, *KNOWN),
    )
    reference = await desk.ask(prompt)
    if reference:
        desk.pulls.start(reference)


async def _cancel(desk: Desk) -> None:
    running = desk.pulls.running
    if not running:
        desk.tell("cancel pull", "no pull runs")
        return
    entries = [Entry(value=reference, label=reference) for reference in running]
    reference: str | None = running[0]
    if len(running) > 1:
        reference = await desk.ask(MenuModal("Cancel which pull?", entries))
    if reference:
        desk.pulls.cancel(reference)


async def _run(desk: Desk) -> None:
    image = _chosen(desk)
    if image is None:
        desk.tell("run", "choose an image first; p pulls one")
        return
    wanted: RunRequest | None = await desk.ask(RunModal(label_of(image)))
    if wanted is None:
        return
    title = f"run {wanted.name or label_of(image)}"

    async def work() -> None:
        made = await desk.engine.containers.create(wanted.config, wanted.host, name=wanted.name)
        desk.lists.expect(made.id)
        for warning in made.warnings:
            desk.tell(title, warning)
        await desk.engine.containers.start(made.id)

    if await desk.operations.perform(Noun.CONTAINERS, "", "", title, work()):
        desk.stage.focus_list(Noun.CONTAINERS)


async def _tag(desk: Desk) -> None:
    image = _chosen(desk)
    if image is None:
        return
    name = await desk.ask(PromptModal(f"A further name for {label_of(image)}", example="registry.example/app:1.0"))
    if name:
        await desk.operations.perform(Noun.IMAGES, image.id, "tagging", f"tag {label_of(image)}", desk.engine.images.tag(image.id, name))


async def _remove(desk: Desk) -> None:
    image = _chosen(desk)
    if image is None:
        return
    label = label_of(image)
    users = [one.name for one in desk.lists.snapshot.containers if one.image_id == image.id]
    entries = [
        Entry(value="plain", label="remove", keys=("enter",), hint=f"rmi {label}"),
        Entry(value="parents", label="remove, keep untagged parents", keys=("p",), hint=f"rmi --no-prune {label}"),
        Entry(value="force", label="remove by force, with all its names", keys=("f",), hint=f"rmi -f {image.short_id}"),
    ]
    if len(image.tags) > 1:
        entries[1:1] = [Entry(value=f"tag {tag}", label=f"untag {tag}", hint=f"rmi {tag}") for tag in image.tags[1:]]
    entries.append(Entry(value="cancel", label="cancel", keys=("escape",)))
    used = f", used by {', '.join(users[:3])}{'…' if len(users) > 3 else ''}" if users else ""
    choice = await desk.ask(MenuModal(f"Remove {label} ({decimal_size(image.size)}{used})", entries))
    if not choice or choice == "cancel":
        return
    name = choice.removeprefix("tag ") if choice.startswith("tag ") else image.id if choice == "force" or not image.tags else label
    work = desk.engine.images.remove(name, force=choice == "force", prune=choice != "parents")
    await desk.operations.perform(Noun.IMAGES, image.id, "removing", f"remove {name if choice != 'force' else label}", work)


async def _bulk(desk: Desk) -> None:
    images = desk.lists.snapshot.images
    used = {one.image_id for one in desk.lists.snapshot.containers}
    dangling = [image for image in images if not image.tags and image.id not in used]
    unused = [image for image in images if image.id not in used]
    entries = (
        Entry(value="dangling" if dangling else "", label=f"remove {len(dangling)} dangling (without a name)", keys=("d",)),
        Entry(value="unused" if unused else "", label=f"remove {len(unused)} that no container uses", keys=("u",)),
        Entry(value="cancel", label="cancel"),
    )
    choice = await desk.ask(MenuModal("Prune images", entries))
    chosen = {"dangling": dangling, "unused": unused}.get(choice or "")
    if not chosen:
        return
    names = ", ".join(label_of(image) for image in chosen[:12]) + (f" and {len(chosen) - 12} more" if len(chosen) > 12 else "")
    size = decimal_size(sum(image.size for image in chosen))
    if not await desk.ask(ConfirmModal(f"Remove {len(chosen)} image{'s' if len(chosen) != 1 else ''}, up to {size}?", names)):
        return

    async def work() -> None:
        report = await desk.engine.images.prune({"dangling": ("true" if choice == "dangling" else "false",)})
        desk.tell("prune images", f"{decimal_size(report.space_reclaimed)} came free")

    await desk.operations.perform(Noun.IMAGES, "", "", "prune images", work())


HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {
    "images.pull": _pull,
    "images.run": _run,
    "images.remove": _remove,
    "images.tag": _tag,
    "images.bulk": _bulk,
    "images.cancel": _cancel,
}
