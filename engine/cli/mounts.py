"""``--volume`` and ``--mount``."""

from __future__ import annotations

import csv
import os

from engine.errors import InvalidArgument
from engine.model.containers import Mount
from engine.model.mount_words import mode_words
from engine.model.units import parse_size

_KINDS = ("bind", "volume", "tmpfs", "image")
_READ_ONLY = frozenset(("ro", "readonly"))
_RECURSIVE = {"enabled": [], "disabled": ["norecursive"], "writable": ["writable"], "readonly": ["forcereadonly"]}


def parse_volume(text: str) -> Mount:
    """``SOURCE:TARGET[:OPTIONS]``: a path binds, a name is a volume; a missing host path is made.

    Raises:
        InvalidArgument: ``invalid volume specification: '…'``, or words that exclude each other.
    """
    parts = text.split(":")
    if len(parts) not in (2, 3) or not parts[0] or not parts[1]:
        raise InvalidArgument(f"invalid volume specification: '{text}'")
    source, target = parts[0], parts[1]
    if not target.startswith("/"):
        raise InvalidArgument(f"invalid volume specification: '{text}': invalid mount config: mount path must be absolute: {target}")
    options = mode_words(parts[2]) if len(parts) == 3 else []
    bind = source.startswith(("/", ".", "~"))
    return Mount(
        kind="bind" if bind else "volume",
        source=os.path.abspath(os.path.expanduser(source)) if bind else source,
        target=target,
        read_only="ro" in options,
        options=tuple(option for option in options if option not in ("ro", "rw")),
        create_source=bind,
    )


def parse_mount(text: str) -> Mount:
    """``type=bind,source=/x,target=/y,readonly`` with every key that docker has (docker/cli ``opts/mount.go``).

    Raises:
        InvalidArgument: a field is malformed, or belongs to another type of mount; docker's words.
    """
    try:
        return _Fields(text).mount()
    except ValueError as error:
        raise InvalidArgument(f'invalid argument "{text}" for "--mount" flag: {error}') from None


class _Fields:
    """The fields of one ``--mount``. What is wrong is raised as ValueError."""

    def __init__(self, text: str) -> None:
        self.kind, self.source, self.target = "volume", "", ""
        self.read_only = False
        self.options: list[str] = []
        self.single: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self.driver_options: dict[str, str] = {}
        self.used: set[str] = set()
        for field in next(csv.reader([text]), []):
            key, equals, value = field.partition("=")
            self._take(key.lower(), value if equals else None, field)

    def _take(self, key: str, value: str | None, field: str) -> None:
        self.used.add(key.partition("-")[0] if "-" in key else "")
        if value is None:
            if key in _READ_ONLY:
                self.read_only = True
            elif key == "volume-nocopy":
                self.options.append("nocopy")
            elif key == "bind-nonrecursive":
                raise ValueError("bind-nonrecursive is deprecated, use bind-recursive=disabled instead")
            else:
                raise ValueError(f"invalid field '{field}' must be a key=value pair")
            return
        match key:
            case "type":
                self.kind = value.lower()
            case "source" | "src":
                self.source = value
            case "target" | "dst" | "destination":
                self.target = value
            case _ if key in _READ_ONLY:
                self.read_only = _truth(key, value)
            case "consistency":
                pass  # of macOS and Windows
            case _:
                self._take_special(key, value, field)

    def _take_special(self, key: str, value: str, field: str) -> None:
        """A key for one type of mount."""
        match key:
            case "bind-propagation":
                self.options.append(value.lower())
            case "bind-recursive":
                if value not in _RECURSIVE:
                    raise ValueError(f'invalid value for {key}: {value} (must be "enabled", "disabled", "writable", or "readonly")')
                self.options += _RECURSIVE[value]
            case "bind-nonrecursive":
                raise ValueError("bind-nonrecursive is deprecated, use bind-recursive=disabled instead")
            case "volume-nocopy":
                self.options += ["nocopy"] if _truth(key, value) else []
            case "volume-subpath" | "volume-driver" | "image-subpath":
                self.single[key] = value
            case "volume-label" | "volume-opt":
                name, _, text = value.partition("=")
                (self.labels if key == "volume-label" else self.driver_options)[name] = text
            case "tmpfs-size":
                try:
                    self.options.append(f"size={parse_size(value)}")
                except InvalidArgument:
                    raise ValueError(f"invalid value for {key}: {value}") from None
            case "tmpfs-mode":
                if not value or set(value) - set("01234567"):
                    raise ValueError(f"invalid value for {key}: {value}")
                self.options.append(f"mode={value}")
            case _:
                raise ValueError(f"unexpected key '{key}' in '{field}'")

    def mount(self) -> Mount:
        """All together."""
        if self.kind not in _KINDS:
            raise ValueError(f'mount type "{self.kind}" is not known here: use bind, volume, tmpfs or image')
        if not self.target:
            raise ValueError("target is required")
        for kind in _KINDS:
            if kind in self.used and kind != self.kind:
                raise ValueError(f"cannot mix '{kind}-*' options with mount type '{self.kind}'")
        for word, option in (("writable", "writable"), ("forcereadonly", "readonly")):
            if word in self.options and not self.read_only:
                raise ValueError(f"option 'bind-recursive={option}' requires 'readonly' to be specified in conjunction")
        if "forcereadonly" in self.options and "rprivate" not in self.options:
            raise ValueError("option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction")
        source = os.path.abspath(self.source) if self.kind == "bind" and self.source else self.source
        return Mount(
            kind=self.kind,
            source=source,
            target=self.target,
            read_only=self.read_only,
            options=tuple(self.options),
            subpath=self.single.get(f"{self.kind}-subpath", ""),
            driver=self.single.get("volume-driver", ""),
            driver_options=self.driver_options,
            labels=self.labels,
        )


def _truth(key: str, value: str) -> bool:
    try:
        return {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}[value.lower()]
    except KeyError:
        raise ValueError(f"invalid value for {key}: {value}") from None
