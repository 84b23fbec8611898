"""The texts of the main pane: Config and Env of a container, Config of an image, a volume, a network; Top."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence

from engine.model.containers import ContainerDetails, Mount, ProcessTable
from engine.model.images import ImageDetails, ImageLayer
from engine.model.networks import Network
from engine.model.volumes import Volume
from tui.presenters.ansi import Styled, ink
from tui.presenters.containers import colour, ports_text
from tui.presenters.text import age, clip, decimal_size, pad, safe
from tui.presenters.yaml_view import MASK, yaml_lines
from tui.secret_names import is_secret
from tui.words import tr, trn

BLANK: Styled = ()
_PROBE_OUTPUT = 200


def note(text: str) -> list[Styled]:
    """A sentence in place of content."""
    return [BLANK, ((f"  {safe(text)}", ink("bright_black")),)]


def facts(rows: Iterable[tuple[str, str] | tuple[str, str, str]]) -> list[Styled]:
    """Names and values in two columns, a third item colours the value; empty values are left out."""
    shown = [(row[0], row[1], row[2] if len(row) == 3 else "") for row in rows if row[1]]
    width = max((len(name) for name, _, _ in shown), default=0)
    return [((f"{name}:".ljust(width + 2), ink("cyan")), (safe(value), ink(tint))) for name, value, tint in shown]


def section(title: str, lines: Sequence[Styled]) -> list[Styled]:
    """Lines under a heading, nothing when there are none."""
    return [BLANK, ((title, ink("", bold=True)),), *lines] if lines else []


def labels_of(labels: Mapping[str, str]) -> list[Styled]:
    """Labels, one a line."""
    return [
        (("  ", ink()), (safe(key), ink("green")), (": ", ink()), (safe(value), ink("yellow"))) for key, value in sorted(labels.items())
    ]


def _mount(mount: Mount) -> Styled:
    what = mount.source or (tr("anonymous") if mount.kind == "volume" else "")
    access = tr(" (read only)") if mount.read_only else ""
    source = f"{safe(what)} → " if what else ""
    return ((f"  {safe(mount.kind)}: ", ink("yellow")), (f"{source}{safe(mount.target)}{access}", ink()))


def _health(details: ContainerDetails, now: float) -> list[Styled]:
    """What the last probes of the health check found, the newest first."""
    report = details.health
    if report is None:
        return []
    streak = report.failing_streak
    lines: list[Styled] = [((trn("  {count} failure in a row", "  {count} failures in a row", streak), ink("red")),)] if streak else []
    for probe in reversed(report.log):
        mark, tint = ("✔", "green") if probe.exit_code == 0 else ("✘", "red")
        when = tr("{age} ago", age=age(max(0.0, now - probe.finished_at)))
        output = clip(safe(probe.output.strip()), _PROBE_OUTPUT)
        lines.append(
            (
                (f"  {mark} ", ink(tint)),
                (tr("{when:<12} exit {exit_code:<4}", when=when, exit_code=probe.exit_code), ink("bright_black")),
                (output, ink()),
            )
        )
    return lines


def container_config(details: ContainerDetails, *, now: float, reveal: bool) -> list[Styled]:
    """The Config tab of a container: a summary, then the full document."""
    one, state, host = details.container, details.container.state, details.host_config
    when = tr(" · since {age}", age=age(now - state.started_at)) if state.running and state.started_at else ""
    ended = tr(" · exit code {exit_code}", exit_code=state.exit_code) if state.finished_at and not state.running else ""
    restart = host.restart_policy
    retries = f":{restart.max_retries}" if restart.max_retries else ""
    lines = facts(
        [
            ("ID", one.id),
            (tr("Name"), one.name),
            (tr("Image"), one.image, "magenta"),
            (tr("State"), f"{state.status.value}{when}{ended}{tr(' · out of memory') if state.oom_killed else ''}", colour(one)),
            (tr("Error"), state.error, "red"),
            (tr("Command"), shlex.join((details.path, *details.args)) if details.path else one.command),
            (tr("Restart"), f"{restart.name}{retries}" if restart.name != "no" else ""),
            (tr("Restarts"), str(state.restart_count or "")),
            (tr("Ports"), ports_text(one.ports or host.port_bindings), "yellow"),
            (tr("User"), details.config.user),
            (tr("Directory"), details.config.working_dir),
            (tr("Memory"), decimal_size(host.memory) if host.memory else ""),
            (tr("Privileged"), tr("yes") if host.privileged else "", "red"),
        ]
    )
    networks = [
        (
            ("  ", ink()),
            (safe(end.network), ink("green")),
            (f" {safe(' '.join(end.addresses))}", ink("yellow")),
            (f" {safe(end.mac_address)}", ink("bright_black")),
        )
        for end in one.networks
    ]
    return [
        *lines,
        *section(tr("Health"), _health(details, now)),
        *section(tr("Networks"), networks),
        *section(tr("Mounts"), [_mount(mount) for mount in one.mounts]),
        *section(tr("Labels"), labels_of(one.labels)),
        *section(tr("Full details"), yaml_lines(details.raw, reveal=reveal)),
    ]


def container_env(details: ContainerDetails, *, reveal: bool) -> list[Styled]:
    """The Env tab: names green, values yellow, what looks secret hidden."""
    pairs = [pair.partition("=") for pair in details.config.env]
    if not pairs:
        return note(tr("This container has no environment of its own."))
    width = min(40, max(len(name) for name, _, _ in pairs))
    lines: list[Styled] = []
    hidden = 0
    for name, _, value in pairs:
        secret = bool(value) and not reveal and is_secret(name)
        hidden += secret
        lines.append(
            ((safe(name).ljust(width + 1), ink("green")), (MASK if secret else safe(value), ink("bright_black" if secret else "yellow")))
        )
    if hidden:
        lines += [
            BLANK,
            ((trn("{count} hidden, v shows it", "{count} hidden, v shows them", hidden), ink("bright_black")),),
        ]
    return lines


def top_table(table: ProcessTable) -> list[Styled]:
    """The Top tab: processes with aligned columns; the last column is the command."""
    titles = [safe(title) for title in table.titles]
    rows = [[safe(cell) for cell in row] for row in table.rows]
    sizes = [max([len(title), *(len(row[index]) for row in rows if index < len(row))]) for index, title in enumerate(titles)]
    head = "  ".join(pad(title, min(size, 24)) for title, size in zip(titles[:-1], sizes, strict=False))
    lines: list[Styled] = [((f"{head}  {titles[-1] if titles else ''}", ink("cyan", bold=True)),)]
    for row in rows:
        cells = "  ".join(pad(cell, min(size, 24)) for cell, size in zip(row[:-1], sizes, strict=False))
        lines.append(((f"{cells}  ", ink()), (row[-1] if row else "", ink("yellow"))))
    return lines


_VERBS = (
    "CMD",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "WORKDIR",
    "COPY",
    "ADD",
    "RUN",
    "LABEL",
    "USER",
    "VOLUME",
    "STOPSIGNAL",
    "HEALTHCHECK",
    "ARG",
    "SHELL",
)


def instruction(text: str) -> Styled:
    """A history entry as its Dockerfile line, the verb coloured."""
    text = safe(text)
    for prefix in ("/bin/sh -c #(nop) ", "/bin/sh -c #(nop)"):
        text = text.removeprefix(prefix)
    text = text.strip()
    if text.startswith("/bin/sh -c "):
        text = "RUN " + text.removeprefix("/bin/sh -c ")
    verb, space, rest = text.partition(" ")
    return ((verb, ink("yellow")), (space + rest, ink())) if verb in _VERBS else ((text, ink()),)


def image_config(details: ImageDetails, history: Sequence[ImageLayer], *, now: float, reveal: bool) -> list[Styled]:
    """The Config tab of an image: a summary, its history, then the full document."""
    image, config = details.image, details.config
    platform = "/".join(part for part in (details.os, details.architecture, details.variant) if part)
    lines = facts(
        [
            (tr("Name"), image.tags[0] if image.tags else "<none>"),
            ("ID", image.id),
            (tr("Tags"), ", ".join(image.tags), "green"),
            (tr("Digests"), ", ".join(image.digests)),
            (tr("Size"), decimal_size(image.size)),
            (tr("Created"), tr("{age} ago", age=age(now - image.created_at)) if image.created_at else ""),
            (tr("Platform"), platform),
            (tr("Entrypoint"), shlex.join(config.entrypoint or ())),
            (tr("Command"), shlex.join(config.cmd or ())),
            (tr("User"), config.user),
            (tr("Directory"), config.working_dir),
            (tr("Ports"), ", ".join(config.exposed_ports), "yellow"),
            (tr("Author"), details.author),
        ]
    )
    rows: list[Styled] = [((f"{'ID':<13}{tr('AGE'):>5}{tr('SIZE'):>10}  {tr('COMMAND')}", ink("cyan", bold=True)),)]
    for layer in history:
        known = layer.id.removeprefix("sha256:")[:12] if layer.id != "<missing>" else "<missing>"
        when = age(now - layer.created_at) if layer.created_at else ""
        size = (f"{decimal_size(layer.size):>10}", ink("blue" if not layer.size else ""))
        rows.append(
            (
                (f"{safe(known):<13}", ink("blue" if known == "<missing>" else "")),
                (f"{when:>5}", ink("bright_black")),
                size,
                ("  ", ink()),
                *instruction(layer.created_by),
            )
        )
    return [
        *lines,
        *section(tr("History"), rows if history else []),
        *section(tr("Labels"), labels_of(image.labels)),
        *section(tr("Full details"), yaml_lines(details.raw, reveal=reveal)),
    ]


def volume_config(volume: Volume, users: Sequence[str], *, now: float) -> list[Styled]:
    """The Config tab of a volume, with the containers that mount it."""
    lines = facts(
        [
            (tr("Name"), volume.name),
            (tr("Driver"), volume.driver),
            (tr("Scope"), volume.scope),
            (tr("Mountpoint"), volume.mountpoint),
            (tr("Created"), tr("{age} ago", age=age(now - volume.created_at)) if volume.created_at else ""),
            (tr("Size"), decimal_size(volume.size) if volume.size >= 0 else ""),
            (tr("Used by"), ", ".join(users) or tr("no container")),
        ]
    )
    return [
        *lines,
        *section(tr("Labels"), labels_of(volume.labels)),
        *section(tr("Options"), labels_of(volume.options)),
        *section(tr("Full details"), yaml_lines(volume.raw)),
    ]


def network_config(network: Network, *, now: float) -> list[Styled]:
    """The Config tab of a network, with its subnets and members."""
    lines = facts(
        [
            ("ID", network.id),
            (tr("Name"), network.name),
            (tr("Driver"), network.driver),
            (tr("Scope"), network.scope),
            (tr("Created"), tr("{age} ago", age=age(now - network.created_at)) if network.created_at else ""),
            (tr("Internal"), tr("yes") if network.internal else tr("no")),
            ("IPv6", tr("yes") if network.enable_ipv6 else tr("no")),
            *(
                (tr("Subnet"), f"{pool.subnet}{tr(' via {gateway}', gateway=pool.gateway) if pool.gateway else ''}")
                for pool in network.subnets
            ),
        ]
    )
    members: list[Styled] = [
        (
            (f"  {pad(safe(one.container_name), 24)} ", ink("green")),
            (f"{safe(' '.join(one.endpoint.addresses)):17} ", ink("yellow")),
            (safe(one.endpoint.mac_address), ink("bright_black")),
        )
        for one in network.members
    ]
    return [
        *lines,
        *section(tr("Containers"), members or [((tr("  none"), ink("bright_black")),)]),
        *section(tr("Labels"), labels_of(network.labels)),
        *section(tr("Options"), labels_of(network.options)),
        *section(tr("Full details"), yaml_lines(network.raw)),
    ]


def one_line(text: str, width: int) -> str:
    """A foreign text of many lines, safe and short enough for one."""
    return clip(" ".join(safe(part) for part in text.split("\n") if part.strip()), width)
