"""``longshore images``"""

from __future__ import annotations

import time
from typing import Any

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.tables import write
from engine.model import filters
from engine.model.images import Image
from engine.model.units import ago, human_size

SPEC = Spec(
    usage="[OPTIONS] [REPOSITORY[:TAG]]",
    summary="List images",
    flags=(
        Flag(name="all", short="a", help="Show all images (default hides intermediate images)"),
        Flag(name="digests", help="Show digests"),
        Flag(name="filter", short="f", kind="list", help="Filter output based on conditions provided"),
        Flag(name="format", kind="string", help="Format output: 'table', 'table TEMPLATE', 'json', or a Go template"),
        Flag(name="no-trunc", help="Don't truncate output"),
        Flag(name="quiet", short="q", help="Only show image IDs"),
    ),
    most=1,
    completes="image",
)

HEADERS = {
    "Repository": "REPOSITORY",
    "Tag": "TAG",
    "Digest": "DIGEST",
    "ID": "IMAGE ID",
    "CreatedSince": "CREATED",
    "CreatedAt": "CREATED AT",
    "Size": "SIZE",
    "Containers": "CONTAINERS",
    "SharedSize": "SHARED SIZE",
    "UniqueSize": "UNIQUE SIZE",
}


def run(context: Context, options: Options) -> int:
    wanted = filters.parse(options.values("filter"))
    if options.args:
        wanted["reference"] = (*wanted.get("reference", ()), options.args[0])
    found = context.run(context.engine.images.list(all=options.on("all"), filters=wanted))
    now = time.time()
    digests = options.on("digests") or ".Digest" in options.text("format")
    rows = [row for image in found for row in rows_of(image, now, whole=options.on("no-trunc"), digests=digests)]
    if options.on("quiet"):
        rows = list({row["ID"]: row for row in rows}.values())
    default = ["Repository", "Tag", *(["Digest"] if options.on("digests") else []), "ID", "CreatedSince", "Size"]
    write(context.out, rows, headers=HEADERS, default=default, form=options.text("format"), quiet="ID" if options.on("quiet") else "")
    return 0


def rows_of(image: Image, now: float, *, whole: bool, digests: bool) -> list[dict[str, Any]]:
    """A row for each tag; a repository known by digest only has ``<none>`` for its tag."""
    names = [tuple(tag.rsplit(":", 1)) for tag in image.tags]
    by_repository = {digest.partition("@")[0]: digest.partition("@")[2] for digest in image.digests}
    untagged = [(repository, "<none>") for repository in by_repository if repository not in {name for name, _ in names}]
    shown = [*names, *(untagged if digests or not names else [])] or [("<none>", "<none>")]
    return [
        {
            "Containers": "N/A" if image.containers < 0 else str(image.containers),
            "CreatedAt": time.strftime("%Y-%m-%d %H:%M:%S %z %Z", time.localtime(image.created_at)),
            "CreatedSince": ago(image.created_at, now),
            "Digest": by_repository.get(repository, "<none>"),
            "ID": image.id if whole else image.short_id,
            "Repository": repository,
            "SharedSize": "N/A" if image.shared_size < 0 else human_size(image.shared_size),
            "Size": human_size(image.size, 3),
            "Tag": tag,
            "UniqueSize": "N/A" if image.shared_size < 0 else human_size(image.size - image.shared_size),
        }
        for repository, tag in shown
    ]
