"""Commands on images."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from engine.model.images import Image
from tui.feed.run_request import RunRequest, last_used, remember
from tui.presenters.text import decimal_size
from tui.screens.commands.batch import Plan, run_batch
from tui.screens.desk import Desk
from tui.screens.lists import is_image
from tui.screens.menu import Entry, MenuModal
from tui.screens.prompt import PromptModal
from tui.screens.run_form import RunModal
from tui.snapshot import Noun, label_of
from tui.words import tr

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
        tr("Pull an image"),
        example="nginx:latest",
        about=tr("name[:tag] or registry/name[:tag]; it comes in the background"),
        known=(*names, *KNOWN),
    )
    reference = await desk.ask(prompt)
    if reference:
        desk.pulls.start(reference)


async def _cancel(desk: Desk) -> None:
    running = desk.pulls.running
    if not running:
        desk.tell(tr("cancel"), tr("nothing is on its way"))
        return
    entries = [Entry(value=reference, label=reference) for reference in running]
    reference: str | None = running[0]
    if len(running) > 1:
        reference = await desk.ask(MenuModal(tr("Cancel which?"), entries))
    if reference:
        desk.pulls.cancel(reference)


async def _run(desk: Desk) -> None:
    image = _chosen(desk)
    if image is None:
        desk.tell(tr("run"), tr("choose an image first; p pulls one"))
        return
    from tui.presenters import drivers

    snapshot = desk.lists.snapshot
    known = {"network": tuple(one.name for one in snapshot.networks), "log": drivers.of_logs(snapshot.info)}
    form = last_used(desk.memory, label_of(image))
    wanted: RunRequest | None = await desk.ask(RunModal(label_of(image), form=form, known=known))
    if wanted is None:
        return
    remember(desk.memory, wanted.form)
    name = wanted.name or label_of(image)
    title = tr("create {name}", name=name) if wanted.form.create_only else tr("run {name}", name=name)

    async def work() -> None:
        made = await desk.engine.containers.create(wanted.config, wanted.host, name=wanted.name)
        desk.lists.expect(made.id)
        for warning in made.warnings:
            desk.tell(title, warning)
        if not wanted.form.create_only:
            await desk.engine.containers.start(made.id)

    if await desk.operations.perform(Noun.CONTAINERS, "", "", title, work()):
        desk.stage.focus_list(Noun.CONTAINERS)


async def _tag(desk: Desk) -> None:
    image = _chosen(desk)
    if image is None:
        return
    name = await desk.ask(PromptModal(tr("A further name for {label_of}", label_of=label_of(image)), example="registry.example/app:1.0"))
    if name:
        title, work = tr("tag {label_of}", label_of=label_of(image)), desk.engine.images.tag(image.id, name)
        await desk.operations.perform(Noun.IMAGES, image.id, tr("tagging"), title, work, command=f"{title} {name}")


async def _remove(desk: Desk) -> None:
    if desk.lists.marked(Noun.IMAGES):
        await _remove_marked(desk)
        return
    image = _chosen(desk)
    if image is None:
        return
    label = label_of(image)
    users = [one.name for one in desk.lists.snapshot.containers if image.id in one.image_ids]
    entries = [
        Entry(value="plain", label=tr("remove"), keys=("enter",), hint=f"rmi {label}"),
        Entry(value="parents", label=tr("remove, keep untagged parents"), keys=("p",), hint=f"rmi --no-prune {label}"),
        Entry(value="force", label=tr("remove by force, with all its names"), keys=("f",), hint=f"rmi -f {image.short_id}"),
    ]
    if len(image.tags) > 1:
        entries[1:1] = [Entry(value=f"tag {tag}", label=tr("untag {tag}", tag=tag), hint=f"rmi {tag}") for tag in image.tags[1:]]
    entries.append(Entry(value="cancel", label=tr("cancel"), keys=("escape",)))
    used = tr(", used by {names}{rest}", names=", ".join(users[:3]), rest="…" if len(users) > 3 else "") if users else ""
    choice = await desk.ask(MenuModal(tr("Remove {label} ({size}{used})", label=label, size=decimal_size(image.size), used=used), entries))
    if not choice or choice == "cancel":
        return
    name = choice.removeprefix("tag ") if choice.startswith("tag ") else image.id if choice == "force" or not image.tags else label
    work = desk.engine.images.remove(name, force=choice == "force", prune=choice != "parents")
    flags = {"force": "-f ", "parents": "--no-prune "}.get(choice, "")
    title = tr("remove {name}", name=name if choice != "force" else label)
    command = f"rmi {flags}{image.short_id if name == image.id else name}"
    await desk.operations.perform(Noun.IMAGES, image.id, tr("removing"), title, work, command=command)


async def _remove_marked(desk: Desk) -> None:
    chosen = [one for one in desk.lists.marked(Noun.IMAGES) if isinstance(one, Image)]
    used = sum(any(image.id in one.image_ids for one in desk.lists.snapshot.containers) for image in chosen)
    consequence = (
        tr("{used} of them are used by containers and will be refused.", used=used) if used else tr("Every name of an image goes.")
    )
    await _remove_all(desk, chosen, consequence)


async def _remove_all(desk: Desk, chosen: Sequence[Image], consequence: str, inside: Callable[[Image], bool] = lambda _: True) -> None:
    plan = Plan(noun=Noun.IMAGES, title=tr("Remove"), word=tr("removing"), told=tr("removed"), consequence=consequence)

    async def work(image: Image) -> None:
        for name in image.tags or (image.id,):
            await desk.engine.images.remove(name)

    def command(image: Image) -> str:
        return f"rmi {' '.join(image.tags or (image.short_id,))}"

    await run_batch(desk, plan, chosen, work=work, command=command, size=lambda image: image.size, inside=inside)


async def prune(desk: Desk) -> None:
    """Remove images that no container uses: those without a name, and what else is chosen of the list."""
    used = {image for one in desk.lists.snapshot.containers for image in one.image_ids}
    unused = [image for image in desk.lists.snapshot.images if image.id not in used]
    if not unused:
        desk.tell(tr("prune images"), tr("every image is used by a container"))
        return
    unused.sort(key=lambda image: (bool(image.tags), -image.size))
    consequence = tr("No container uses them. Those that have a name are left out at first.")
    await _remove_all(desk, unused, consequence, lambda image: not image.tags)


async def _layers(desk: Desk) -> None:
    image = _chosen(desk)
    if image is None:
        return
    desk.content.choose("layers")

    if image.id not in desk.content.contents:
        desk.pulls.look_into(image.id, label_of(image), image.size, lambda found: desk.content.look_inside(image.id, found))


HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {
    "images.pull": _pull,
    "images.run": _run,
    "images.remove": _remove,
    "images.tag": _tag,
    "images.bulk": prune,
    "images.cancel": _cancel,
    "images.layers": _layers,
}
