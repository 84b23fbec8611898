"""What is typed into the smaller forms, turned into the engine's values and the command line that does the same. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from ipaddress import ip_address, ip_network

from engine.errors import InvalidArgument
from engine.model.containers import RestartPolicy, UpdateConfig
from engine.model.files import CommitConfig
from engine.model.networks import NetworkSpec, Subnet
from engine.model.volumes import VolumeSpec
from tui.words import tr

_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
RESTARTS = ("no", "always", "unless-stopped", "on-failure")


def _needed(texts: Mapping[str, str], field: str) -> str:
    if not texts[field]:
        raise InvalidArgument(tr("{field}: is needed", field=field))
    return texts[field]


def pairs(texts: Mapping[str, str], field: str) -> Mapping[str, str]:
    """``NAME=value`` words of a field.

    Raises:
        InvalidArgument: one has no name or no equals sign, or quotes do not match.
    """
    try:
        words = shlex.split(texts[field])
    except ValueError as error:
        raise InvalidArgument(f"{field}: {str(error).lower()}") from error
    for word in words:
        if "=" not in word or word.startswith("="):
            raise InvalidArgument(tr("{field}: {word} is not NAME=value", field=field, word=word))
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def yes(texts: Mapping[str, str], field: str) -> bool:
    """A field that is answered with yes or no.

    Raises:
        InvalidArgument: it is answered otherwise.
    """
    answer = texts[field].lower()
    if answer not in ("", "y", "yes", "n", "no"):
        raise InvalidArgument(tr("{field}: {texts} is neither yes nor no", field=field, texts=texts[field]))
    return answer.startswith("y")


def size(texts: Mapping[str, str], field: str) -> int:
    """Bytes, as docker writes them: ``512m``, ``1.5g``; 0 for nothing.

    Raises:
        InvalidArgument: it is no size.
    """
    text = texts[field].lower()
    if not text:
        return 0
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)i?b?", text)
    if found is None:
        raise InvalidArgument(tr("{field}: {text} is no size such as 512m or 1.5g", field=field, text=text))
    return int(float(found[1]) * _UNITS[found[2]])


def volume_spec(texts: Mapping[str, str]) -> tuple[VolumeSpec, str]:
    """A volume to create: fields ``name``, ``driver``, ``options``, ``labels``."""
    options, labels = pairs(texts, "options"), pairs(texts, "labels")
    spec = VolumeSpec(name=_needed(texts, "name"), driver=texts["driver"] or "local", options=options, labels=labels)
    words = ["volume", "create"]
    words += ["-d", spec.driver] if spec.driver != "local" else []
    words += [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    words += [part for name, value in labels.items() for part in ("--label", f"{name}={value}")]
    return spec, shlex.join([*words, spec.name])


def network_spec(texts: Mapping[str, str]) -> tuple[NetworkSpec, str]:
    """A network to create: fields ``name``, ``driver``, ``subnet``, ``gateway``, ``internal``, ``labels``."""
    name, labels = _needed(texts, "name"), pairs(texts, "labels")
    subnet, gateway = texts["subnet"], texts["gateway"]
    try:
        pool = ip_network(subnet) if subnet else None
    except ValueError as error:
        raise InvalidArgument(tr("subnet: {error}", error=error)) from error
    if gateway:
        try:
            inside = pool is not None and ip_address(gateway) in pool
        except ValueError as error:
            raise InvalidArgument(tr("gateway: {error}", error=error)) from error
        if not inside:
            raise InvalidArgument(tr("gateway: {gateway} is not in the subnet {subnet}", gateway=gateway, subnet=subnet).rstrip())
    internal = yes(texts, "internal")
    spec = NetworkSpec(
        name=name,
        driver=texts["driver"] or "bridge",
        internal=internal,
        subnets=(Subnet(subnet=subnet, gateway=gateway),) if subnet else (),
        labels=labels,
    )
    words = ["network", "create"]
    words += ["-d", spec.driver] if spec.driver != "bridge" else []
    words += ["--subnet", subnet] if subnet else []
    words += ["--gateway", gateway] if gateway else []
    words += ["--internal"] if internal else []
    words += [part for key, value in labels.items() for part in ("--label", f"{key}={value}")]
    return spec, shlex.join([*words, name])


def commit_config(container: str, texts: Mapping[str, str]) -> tuple[CommitConfig, str]:
    """An image to make: fields ``reference``, ``author``, ``comment``, ``changes`` (separated by ``;``), ``pause``."""
    changes = tuple(part.strip() for part in texts["changes"].split(";") if part.strip())
    pause = texts["pause"] == "" or yes(texts, "pause")
    config = CommitConfig(reference=texts["reference"], author=texts["author"], comment=texts["comment"], changes=changes, pause=pause)
    words = ["commit"]
    words += ["-a", config.author] if config.author else []
    words += ["-m", config.comment] if config.comment else []
    words += [part for change in changes for part in ("-c", change)]
    words += [] if pause else ["-p=false"]
    words += [container, *([config.reference] if config.reference else [])]
    return config, shlex.join(words)


def update_config(container: str, texts: Mapping[str, str]) -> tuple[UpdateConfig, str]:
    """Limits to change: fields ``memory``, ``swap``, ``cpus``, ``pids``, ``restart``; an empty one stays as it is."""
    memory, swap = size(texts, "memory"), -1 if texts["swap"] == "-1" else size(texts, "swap")
    try:
        cpus = float(texts["cpus"] or 0)
    except ValueError:
        raise InvalidArgument(tr("cpus: {texts} is no number such as 0.5", texts=texts["cpus"])) from None
    if not 0 <= cpus < 10_000:
        raise InvalidArgument(tr("cpus: {texts} is out of range", texts=texts["cpus"]))
    if texts["pids"] and not re.fullmatch(r"-1|\d+", texts["pids"]):
        raise InvalidArgument(tr("pids: {texts} is no number", texts=texts["pids"]))
    restart = _restart(texts["restart"]) if texts["restart"] else None
    config = UpdateConfig(
        memory=memory,
        memory_swap=swap,
        nano_cpus=round(cpus * 1e9),
        pids_limit=int(texts["pids"]) if texts["pids"] else None,
        restart_policy=restart,
    )
    words = ["update"]
    for flag, field in (
        ("-m", "memory"),
        ("--memory-swap", "swap"),
        ("--cpus", "cpus"),
        ("--pids-limit", "pids"),
        ("--restart", "restart"),
    ):
        words += [flag, texts[field]] if texts[field] else []
    if len(words) == 1:
        raise InvalidArgument(tr("nothing is to be changed"))
    return config, shlex.join([*words, container])


def _restart(text: str) -> RestartPolicy:
    name, _, retries = text.partition(":")
    if name not in RESTARTS or (retries and not (name == "on-failure" and retries.isdigit())):
        raise InvalidArgument(tr("restart: {text} is none of {names}", text=text, names=", ".join(RESTARTS)))
    return RestartPolicy(name=name, max_retries=int(retries or 0))
