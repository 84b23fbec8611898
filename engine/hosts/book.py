"""``hosts.json``: the hosts that a person added, and which one is current.

It lies beside ``config.toml`` and not in it, because the program writes it and people write the other (as podman's
``podman-connections.json`` beside ``containers.conf``). There is no secret in it: TLS keys by the paths of their files, ssh by what
ssh itself knows, and addresses with a password in them are refused.

::

    {"current": "prod", "hosts": {"prod": {"url": "ssh://me@prod"}, "lab": {"url": "tcp://lab:2376", "ca": "/…/ca.pem"}}}
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from engine.errors import Conflict, CorruptData, NotFound
from engine.model.hosts import Host, check_name

_LIMIT = 1 << 20
_TEXTS = ("ca", "certificate", "key")


def path_of_book() -> str:
    """``$XDG_CONFIG_HOME/longshore/hosts.json``, else below ``~/.config``."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(base, "longshore", "hosts.json")


class Book:
    """The file at ``path``, read at every question: other programs may have changed it meanwhile."""

    def __init__(self, path: str = "") -> None:
        self.path = path or path_of_book()

    @property
    def current(self) -> str:
        """Name of the host to talk to when none is named, ``""`` for the embedded engine.

        Raises:
            CorruptData: the file can not be read.
        """
        found = self._read().get("current", "")
        return found if isinstance(found, str) else ""

    def hosts(self) -> dict[str, Host]:
        """The hosts by name.

        Raises:
            CorruptData: the file can not be read.
        """
        entries = self._read().get("hosts", {})
        if not isinstance(entries, Mapping):
            raise CorruptData(f"{self.path}: hosts is not an object")
        return {name: self._host(name, entry) for name, entry in sorted(entries.items())}

    def add(self, host: Host) -> None:
        """Write a host down.

        Raises:
            InvalidArgument: its name is none.
            Conflict: there is one of that name.
            CorruptData, DiskFull, Forbidden, EngineFault: the file can not be read or written.
        """
        check_name(host.name)

        def change(content: dict[str, Any]) -> None:
            if host.name in content["hosts"]:
                raise Conflict(f'host "{host.name}" already exists', hint=f"longshore hosts rm {host.name} forgets it")
            entry: dict[str, Any] = {"url": host.url}
            entry.update({name: getattr(host, name) for name in _TEXTS if getattr(host, name)})
            if not host.verify:
                entry["verify"] = False
            content["hosts"][host.name] = entry

        self._change(change)

    def remove(self, name: str) -> None:
        """Forget a host; when it was the current one, none is.

        Raises:
            NotFound: there is none of that name.
            CorruptData, DiskFull, Forbidden, EngineFault: the file can not be read or written.
        """

        def change(content: dict[str, Any]) -> None:
            if content["hosts"].pop(name, None) is None:
                raise NotFound(f'host "{name}" does not exist', hint="longshore hosts ls lists them")
            if content.get("current") == name:
                del content["current"]

        self._change(change)

    def use(self, name: str) -> None:
        """Make a host the current one, ``""`` none.

        Raises:
            CorruptData, DiskFull, Forbidden, EngineFault: the file can not be read or written.
        """

        def change(content: dict[str, Any]) -> None:
            content.pop("current", None)
            if name:
                content["current"] = name

        self._change(change)

    def _change(self, change: Any) -> None:
        import json

        from engine.store.atomic import write_file
        from engine.store.locks import Lock

        directory = os.path.dirname(self.path)
        try:
            os.makedirs(directory, mode=0o700, exist_ok=True)
        except OSError as error:
            from engine.store import faults

            raise faults.from_os(error, f"create {directory}") from error
        with Lock(f"{self.path}.lock"):
            content = dict(self._read())
            if not isinstance(content.setdefault("hosts", {}), dict):
                raise CorruptData(f"{self.path}: hosts is not an object")
            change(content)
            write_file(self.path, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode())

    def _read(self) -> Mapping[str, Any]:
        try:
            with open(self.path, "rb") as file:
                data = file.read(_LIMIT)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise CorruptData(f"{self.path} can not be read: {error.strerror}") from error
        import json  # late: most people have no such file

        try:
            content = json.loads(data)
        except ValueError as error:
            raise CorruptData(f"{self.path} is damaged: {error}", hint="mend or remove it") from error
        if not isinstance(content, dict):
            raise CorruptData(f"{self.path} is damaged: it is not a JSON object", hint="mend or remove it")
        return content

    def _host(self, name: str, entry: object) -> Host:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("url"), str):
            return Host(name=name, url="", problem=f"{self.path} has no url for it")
        ca, certificate, key = (value if isinstance(value := entry.get(text), str) else "" for text in _TEXTS)
        return Host(name=name, url=entry["url"], ca=ca, certificate=certificate, key=key, verify=entry.get("verify") is not False)
