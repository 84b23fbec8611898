"""Images that the tests make themselves: from Debian's static busybox, and from bytes.

An :class:`ImageSource` is a config and layers as tar bytes; :func:`push` uploads it to a registry with plain HTTP
(distribution-spec, monolithic uploads). Nothing here uses the code under test.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import zstandard

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"

HELLO = "\nHello from Longshore's test image!\nThis message shows that your installation appears to be working correctly.\n"

APPLETS = (
    "[ ash awk basename cat chgrp chmod chown cp cut date dd df dirname dmesg du echo egrep env expr false find free getopt "
    "grep groups gunzip gzip head hostname httpd id ifconfig ip kill killall less ln ls md5sum mkdir mkfifo mknod mktemp mount mv nc "
    "netstat nice nohup nproc nslookup od pgrep ping ping6 pkill printenv printf ps pwd readlink realpath rm rmdir route sed seq setsid "
    "sh sha256sum sleep sort stat stty su sync tail tar tee test time timeout top touch tr traceroute true truncate tty udhcpc umount uname uniq "
    "unlink unshare usleep uuidgen vi wc wget which whoami xargs yes"
).split()


@dataclass(frozen=True)
class ImageSource:
    """An image before it is packed. ``layers`` are uncompressed tars; ``compression`` is gzip, zstd or none."""

    layers: tuple[bytes, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    architecture: str = "amd64"
    compression: str = "gzip"
    oci: bool = False
    created: str = "2024-05-01T12:00:00Z"


@dataclass(frozen=True)
class Packed:
    """An image as a registry holds it: blobs by digest, and the manifest."""

    manifest: bytes
    media_type: str
    blobs: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """Digest of the manifest."""
        return digest(self.manifest)


def digest(data: bytes) -> str:
    """``sha256:…`` of bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tar_of(entries: Iterable[tuple[str, bytes | str, int]], *, mtime: int = 1714564800) -> bytes:
    """A tar of (path, content, mode): bytes make a file, a str a symlink, a path with a final ``/`` a directory."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, content, mode in entries:
            info = tarfile.TarInfo(path.rstrip("/"))
            info.mode, info.mtime = mode, mtime
            if path.endswith("/"):
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            elif isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def busybox_binary() -> bytes:
    """Debian's statically linked busybox (package ``busybox-static``)."""
    for path in ("/bin/busybox", "/usr/bin/busybox"):
        if os.path.exists(path):
            with open(path, "rb") as file:
                return file.read()
    raise FileNotFoundError("busybox: install Debian's busybox-static")


def busybox_layer() -> bytes:
    """A root file system with busybox, users, and the usual directories."""
    directories = ["bin/", "dev/", "etc/", "home/", "proc/", "root/", "sys/", "tmp/", "usr/", "usr/bin/", "usr/sbin/", "var/", "var/log/"]
    entries: list[tuple[str, bytes | str, int]] = [(name, b"", 0o1777 if name == "tmp/" else 0o755) for name in directories]
    entries.append(("bin/busybox", busybox_binary(), 0o755))
    entries.extend((f"bin/{name}", "busybox", 0o777) for name in APPLETS)
    entries.append(
        (
            "etc/passwd",
            b"root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
            0o644,
        )
    )
    entries.append(("etc/group", b"root:x:0:\ndaemon:x:1:\nusers:x:100:nobody\nnogroup:x:65534:\n", 0o644))
    return tar_of(entries)


def busybox(**config: Any) -> ImageSource:
    """An image with the busybox layer and ``sh`` as its command."""
    return ImageSource((busybox_layer(),), {"Cmd": ["sh"], **config})


def hello_world() -> ImageSource:
    """What ``run hello-world`` runs: prints :data:`HELLO` and ends."""
    hello = tar_of([("hello.txt", HELLO.encode(), 0o644)])
    return ImageSource((busybox_layer(), hello), {"Cmd": ["/bin/cat", "/hello.txt"]}, created="2024-05-02T12:00:00Z")


def many_layers(count: int = 31, files: int = 20) -> ImageSource:
    """busybox under ``count`` - 1 layers of small files; each layer also rewrites ``/count``."""
    layers = [busybox_layer()]
    for number in range(1, count):
        entries: list[tuple[str, bytes | str, int]] = [(f"data/{number}/", b"", 0o755), ("count", str(number).encode(), 0o644)]
        entries.extend((f"data/{number}/file{index}", os.urandom(64) * 4, 0o644) for index in range(files))
        layers.append(tar_of(entries))
    return ImageSource(tuple(layers), {"Cmd": ["cat", "/count"]})


def from_directory(path: str, **config: Any) -> ImageSource:
    """One layer out of a directory such as debootstrap makes, owners and modes kept."""
    out = io.BytesIO()

    def keep(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if stat.S_ISSOCK(info.mode) else info

    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.add(path, arcname=".", filter=keep)
    return ImageSource((out.getvalue(),), {"Cmd": ["bash"], **config})


def _compress(layer: bytes, how: str) -> tuple[bytes, str]:
    match how:
        case "gzip":
            return gzip.compress(layer, 6, mtime=0), "+gzip"
        case "zstd":
            return zstandard.ZstdCompressor(level=3).compress(layer), "+zstd"
        case _:
            return layer, ""


def pack(image: ImageSource) -> Packed:
    """Blobs and manifest of an image."""
    blobs: dict[str, bytes] = {}
    layers = []
    for layer in image.layers:
        data, suffix = _compress(layer, image.compression)
        blobs[digest(data)] = data
        oci = image.oci or image.compression == "zstd"
        media = OCI_LAYER + suffix if oci else LAYER.removesuffix(".gzip") + (".gzip" if suffix else "")
        layers.append({"mediaType": media, "size": len(data), "digest": digest(data)})
    config = json.dumps(
        {
            "architecture": image.architecture,
            "os": "linux",
            "created": image.created,
            "config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], **image.config},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in image.layers]},
            "history": [{"created": image.created, "created_by": f"/bin/sh -c #(nop) ADD layer {n}"} for n in range(len(image.layers))],
        }
    ).encode()
    blobs[digest(config)] = config
    oci = image.oci or image.compression == "zstd"
    media_type = OCI_MANIFEST if oci else MANIFEST
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": {"mediaType": OCI_CONFIG if oci else CONFIG, "size": len(config), "digest": digest(config)},
            "layers": layers,
        }
    ).encode()
    return Packed(manifest, media_type, blobs)


def index_of(packed: Mapping[str, Packed], *, oci: bool = False) -> tuple[bytes, str]:
    """A manifest list over images by platform (``linux/amd64``, ``linux/arm/v7``)."""
    entries = []
    for platform, image in packed.items():
        system, architecture, *variant = platform.split("/")
        where = {"os": system, "architecture": architecture} | ({"variant": variant[0]} if variant else {})
        entries.append({"mediaType": image.media_type, "size": len(image.manifest), "digest": image.digest, "platform": where})
    media_type = OCI_INDEX if oci else INDEX
    return json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": entries}).encode(), media_type


def push(registry: str, name: str, image: ImageSource | Packed, login: tuple[str, str] | None = None) -> str:
    """Upload an image to ``registry`` (``http://host:port``) as ``repo:tag``, with a name and a password; the manifest's digest comes back."""
    packed = image if isinstance(image, Packed) else pack(image)
    repository, _, tag = name.rpartition(":")
    with httpx.Client(base_url=registry, timeout=60, trust_env=False, auth=login) as client:
        for blob, data in packed.blobs.items():
            _push_blob(client, repository, blob, data)
        _push_manifest(client, repository, tag, packed.manifest, packed.media_type)
    return packed.digest


def push_index(registry: str, name: str, images: Mapping[str, ImageSource], *, oci: bool = False) -> str:
    """Upload several platforms' images and the index over them; the index's digest comes back."""
    packed = {platform: pack(image) for platform, image in images.items()}
    repository, _, tag = name.rpartition(":")
    data, media_type = index_of(packed, oci=oci)
    with httpx.Client(base_url=registry, timeout=60, trust_env=False) as client:
        for image in packed.values():
            for blob, content in image.blobs.items():
                _push_blob(client, repository, blob, content)
            _push_manifest(client, repository, image.digest, image.manifest, image.media_type)
        _push_manifest(client, repository, tag, data, media_type)
    return digest(data)


def _push_blob(client: httpx.Client, repository: str, blob: str, data: bytes) -> None:
    if client.head(f"/v2/{repository}/blobs/{blob}").status_code == 200:
        return
    started = client.post(f"/v2/{repository}/blobs/uploads/")
    started.raise_for_status()
    where = httpx.URL(started.headers["Location"]).copy_merge_params({"digest": blob})
    client.put(where, content=data, headers={"Content-Type": "application/octet-stream"}).raise_for_status()


def _push_manifest(client: httpx.Client, repository: str, tag: str, data: bytes, media_type: str) -> None:
    client.put(f"/v2/{repository}/manifests/{tag}", content=data, headers={"Content-Type": media_type}).raise_for_status()
