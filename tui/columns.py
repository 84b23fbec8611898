"""Names that settings may use and that are drawn elsewhere: columns of the lists, what they sort by, colours of a theme."""

from __future__ import annotations

from collections.abc import Mapping

CONTAINER_SORTS = (
    "state", "name", "cpu", "memory", "age", "image", "restarts", "exit", "health", "ports", "project", "service", "network",
    "address", "size", "command", "id", "host",
)  # fmt: skip
"""What containers can be sorted by, in the order of the key that goes through them."""
IMAGE_SORTS = ("name", "size", "age", "tag", "used", "id", "digest")
VOLUME_SORTS = ("name", "driver", "age", "size", "used", "mountpoint")
NETWORK_SORTS = ("name", "driver", "age", "subnet", "used", "gateway", "id")

NAMES: Mapping[str, tuple[str, ...]] = {
    "containers": (
        "status", "name", "host", "cpu", "memory", "age", "ports", "image", "restarts", "exit", "health", "project", "service", "network",
        "address", "size", "command", "id",
    ),
    "images": ("name", "host", "tag", "size", "age", "used", "id", "digest"),
    "volumes": ("driver", "name", "host", "size", "used", "age", "mountpoint"),
    "networks": ("driver", "name", "host", "subnet", "used", "age", "gateway", "id"),
}  # fmt: skip
"""Columns of each list."""

THEME_COLOURS = ("primary", "secondary", "warning", "error", "success", "accent", "foreground", "background", "surface", "panel")
"""Colours of a theme, by Textual's names."""
