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
from tui.presenters.yaml_view import MASK, is_secret, yaml_lines

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
    what = mount.source or ("anonymous" if mount.kind == "volume" else "")
    access = " (read only)" if mount.read_only else ""
    source = f"{safe(what)} → " if what else ""
    return ((f"  {safe(mount.kind)}: ", ink("yellow")), (f"{source}{safe(mount.target)}{access}", ink()))


def _health(details: ContainerDetails, now: float) -> list[Styled]:
    """What the last probes of the health check found, the newest first."""
    report = details.health
    if report is None:
        return []
    streak = report.failing_streak
    lines: list[Styled] = [((f"  {streak} failure{'s' if streak > 1 else ''} in a row", ink("red")),)] if streak else []
    for probe in reversed(report.log):
        mark, tint = ("✔", "green") if probe.exit_code == 0 else ("✘", "red")
        when = f"{age(max(0.0, now - probe.finished_at))} ago"
        output = clip(safe(probe.output.strip()), _PROBE_OUTPUT)
        lines.append(((f"  {mark} ", ink(tint)), (f"{when:<12} exit {probe.exit_code:<4}", ink("bright_black")), (output, ink())))
    return lines


def container_config(details: ContainerDetails, *, now: float, reveal: bool) -> list[Styled]:
    """The Config tab of a container: a summary, then the full document."""
    one, state, host = details.container, details.container.state, details.host_config
    when = f" · since {age(now - state.started_at)}" if state.running and state.started_at else ""
    ended = f" · exit code {state.exit_code}" if state.finished_at and not state.running else ""
    restart = host.restart_policy
    retries = f":{restart.max_retries}" if restart.max_retries else ""
    lines = facts(
        [
            ("ID", one.id),
            ("Name", one.name),
            ("Image", one.image, "magenta"),
            ("State", f"{state.status.value}{when}{ended}{' · out of memory' if state.oom_killed else ''}", colour(one)),
            ("Error", state.error, "red"),
            ("Command", shlex.join((details.path, *details.args)) if details.path else one.command),
            ("Restart", f"{restart.name}{retries}" if restart.name != "no" else ""),
            ("Restarts", str(state.restart_count or "")),
            ("Ports", ports_text(one.ports or host.port_bindings), "yellow"),
            ("User", details.config.user),
            ("Directory", details.config.working_dir),
            ("Memory", decimal_size(host.memory) if host.memory else ""),
            ("Privileged", "yes" if host.privileged else "", "red"),
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
        *section("Health", _health(details, now)),
        *section("Networks", networks),
        *section("Mounts", [_mount(mount) for mount in one.mounts]),
        *section("Labels", labels_of(one.labels)),
        *section("Full details", yaml_lines(details.raw, reveal=reveal)),
    ]


def container_env(details: ContainerDetails, *, reveal: bool) -> list[Styled]:
    """The Env tab: names green, values yellow, what looks secret hidden."""
    pairs = [pair.partition("=") for pair in details.config.env]
    if not pairs:
        return note("This container has no environment of its own.")
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
        lines += [BLANK, ((f"{hidden} hidden, v shows {'it' if hidden == 1 else 'them'}", ink("bright_black")),)]
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
            ("Name", image.tags[0] if image.tags else "<none>"),
            ("ID", image.id),
            ("Tags", ", ".join(image.tags), "green"),
            ("Digests", ", ".join(image.digests)),
            ("Size", decimal_size(image.size)),
            ("Created", f"{age(now - image.created_at)} ago" if image.created_at else ""),
            ("Platform", platform),
            ("Entrypoint", shlex.join(config.entrypoint or ())),
            ("Command", shlex.join(config.cmd or ())),
            ("User", config.user),
            ("Directory", config.working_dir),
            ("Ports", ", ".join(config.exposed_ports), "yellow"),
            ("Author", details.author),
        ]
    )
    rows: list[Styled] = [((f"{'ID':<13}{'AGE':>5}{'SIZE':>10}  COMMAND", ink("cyan", bold=True)),)]
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
        *section("History", rows if history else []),
        *section("Labels", labels_of(image.labels)),
        *section("Full details", yaml_lines(details.raw, reveal=reveal)),
    ]


def volume_config(volume: Volume, users: Sequence[str], *, now: float) -> list[Styled]:
    """The Config tab of a volume, with the containers that mount it."""
    lines = facts(
        [
            ("Name", volume.name),
            ("Driver", volume.driver),
            ("Scope", volume.scope),
            ("Mountpoint", volume.mountpoint),
            ("Created", f"{age(now - volume.created_at)} ago" if volume.created_at else ""),
            ("Size", decimal_size(volume.size) if volume.size >= 0 else ""),
            ("Used by", ", ".join(users) or "no container"),
        ]
    )
    return [
        *lines,
        *section("Labels", labels_of(volume.labels)),
        *section("Options", labels_of(volume.options)),
        *section("Full details", yaml_lines(volume.raw)),
    ]


def network_config(network: Network, *, now: float) -> list[Styled]:
    """The Config tab of a network, with its subnets and members."""
    lines = facts(
        [
            ("ID", network.id),
            ("Name", network.name),
            ("Driver", network.driver),
            ("Scope", network.scope),
            ("Created", f"{age(now - network.created_at)} ago" if network.created_at else ""),
            ("Internal", "yes" if network.internal else "no"),
            ("IPv6", "yes" if network.enable_ipv6 else "no"),
            *(("Subnet", f"{pool.subnet}{f' via {pool.gateway}' if pool.gateway else ''}") for pool in network.subnets),
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
        *section("Containers", members or [(("  none", ink("bright_black")),)]),
        *section("Labels", labels_of(network.labels)),
        *section("Options", labels_of(network.options)),
        *section("Full details", yaml_lines(network.raw)),
    ]


def one_line(text: str, width: int) -> str:
    """A foreign text of many lines, safe and short enough for one."""
    return clip(" ".join(safe(part) for part in text.split("\n") if part.strip()), width)
