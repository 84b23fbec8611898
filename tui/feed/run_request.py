"""What is typed into the form that runs a container, turned into the engine's values. Pure."""

from __future__ import annotations

import shlex

from engine.errors import InvalidArgument
from engine.model.containers import ContainerConfig, HostConfig, Mount, PortBinding, RestartPolicy
from engine.model.value import Value
from tui.memory import Memory, Notes
from tui.secret_names import is_secret
from tui.words import tr

_KEY = "run"
_TEXTS = ("command", "ports", "env", "volumes", "restart", "network", "log")
_TICKS = ("tty", "remove", "create_only")
RESTARTS = ("no", "always", "unless-stopped", "on-failure")


class RunForm(Value):
    """The texts of the form."""

    image: str
    name: str = ""
    command: str = ""
    ports: str = ""
    env: str = ""
    volumes: str = ""
    restart: str = ""
    network: str = ""
    log: str = ""
    tty: bool = False
    remove: bool = False
    create_only: bool = False


class RunRequest(Value):
    """A container to create, and to start unless the ``form``, which is what was typed, wants it created only."""

    name: str
    config: ContainerConfig
    host: HostConfig
    form: RunForm


def last_used(memory: Memory, image: str) -> RunForm:
    """What was typed the last time for an image, an empty form where that is not known."""
    kept = Notes(memory, _KEY).get(image)
    return RunForm(image=image).replace(**{name: kept[name] for name in _TEXTS if name in kept}, **{name: name in kept for name in _TICKS})


def remember(memory: Memory, form: RunForm) -> None:
    """Keep what was typed, but no name, which is taken then, and no value that looks like a secret."""
    env = shlex.join(pair for pair in _environment(form.env) if not is_secret(pair.partition("=")[0]))
    form = form.replace(env=env)
    ticks = {name: "yes" if getattr(form, name) else "" for name in _TICKS}
    Notes(memory, _KEY).put(form.image, {**{name: getattr(form, name) for name in _TEXTS}, **ticks})


def request(form: RunForm) -> RunRequest:
    """The container that a form describes.

    Raises:
        InvalidArgument: a field can not be understood; the message begins with its name.
    """
    command = _words("command", form.command)
    config = ContainerConfig(
        image=form.image,
        cmd=tuple(command) or None,
        env=tuple(_environment(form.env)),
        tty=form.tty,
        open_stdin=form.tty,
    )
    host = HostConfig(
        network_mode=form.network.strip() or "default",
        port_bindings=tuple(_port(word) for word in _words("ports", form.ports.replace(",", " "))),
        mounts=tuple(_mount(word) for word in _words("volumes", form.volumes)),
        restart_policy=_restart(form.restart.strip()),
        auto_remove=form.remove,
        log_driver=form.log.strip(),
    )
    if form.remove and host.restart_policy.name != "no":
        raise InvalidArgument(tr("restart: a container that is removed when it exits can not be restarted"))
    return RunRequest(name=form.name.strip(), config=config, host=host, form=form)


def _words(field: str, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InvalidArgument(f"{field}: {str(error).lower()}") from error


def _environment(text: str) -> list[str]:
    pairs = _words("env", text)
    for pair in pairs:
        if "=" not in pair or pair.startswith("="):
            raise InvalidArgument(tr("env: {pair} is not NAME=value", pair=pair))
    return pairs


def _port(word: str) -> PortBinding:
    """``80``, ``8080:80``, ``127.0.0.1:8080:80``, each with ``/udp`` if need be."""
    ports, _, protocol = word.partition("/")
    address, _, inside = ports.rpartition(":")
    host_ip, _, outside = address.rpartition(":")
    try:
        container, host = int(inside), int(outside or 0)
    except ValueError:
        raise InvalidArgument(tr("ports: {word} is not [[address:]port:]port[/protocol]", word=word)) from None
    if not (0 < container < 65536 and 0 <= host < 65536) or protocol not in ("", "tcp", "udp", "sctp"):
        raise InvalidArgument(tr("ports: {word} is out of range or of an unknown protocol", word=word))
    return PortBinding(container_port=container, protocol=protocol or "tcp", host_ip=host_ip.strip("[]"), host_port=host)


def _mount(word: str) -> Mount:
    """``name:/path``, ``/host:/path``, ``/path`` (anonymous), each with ``:ro`` or other options."""
    parts = word.split(":")
    if len(parts) == 1:
        source, target, options = "", parts[0], ""
    elif len(parts) in (2, 3):
        source, target, options = (*parts, "")[:3]
    else:
        raise InvalidArgument(tr("volumes: {word} is not [source:]path[:options]", word=word))
    if not target.startswith("/"):
        raise InvalidArgument(tr("volumes: {value} is not an absolute path in the container", value=target or word))
    flags = tuple(flag for flag in options.split(",") if flag and flag not in ("rw", "ro"))
    bind = source.startswith(("/", ".", "~"))
    if bind and not source.startswith("/"):
        raise InvalidArgument(tr("volumes: {source} is not an absolute path on the host", source=source))
    return Mount(
        kind="bind" if bind else "volume",
        source=source,
        target=target,
        read_only="ro" in options.split(","),
        options=flags,
        create_source=bind,
    )


def _restart(text: str) -> RestartPolicy:
    name, _, retries = text.partition(":")
    if (name or "no") not in RESTARTS or (retries and not (name == "on-failure" and retries.isdigit())):
        raise InvalidArgument(tr("restart: {text} is none of {names}", text=text, names=", ".join(RESTARTS)))
    return RestartPolicy(name=name or "no", max_retries=int(retries or 0))
