"""Pure presentation: geometry by lazydocker's numbers, rows, sizes, graphs, forms, settings."""

from __future__ import annotations

import pytest
from rich.style import Style

from engine.errors import InvalidArgument
from engine.model.containers import (
    Container,
    ContainerConfig,
    ContainerDetails,
    ContainerState,
    ContainerStatus,
    Endpoint,
    HostConfig,
    PortBinding,
)
from engine.model.health import HealthProbe, HealthReport
from engine.model.networks import Network, NetworkMember
from engine.model.stats import Stats
from tests.tui.fake import NOW, harbour, samples
from tui import config
from tui.actions import ACTIONS, Scope, in_scopes, with_keys
from tui.feed.run_request import RunForm, request
from tui.presenters import containers as rows
from tui.presenters import objects, text
from tui.presenters.ansi import ink, text_of
from tui.presenters.details import container_config, network_config
from tui.presenters.geometry import Zoom, arrange
from tui.presenters.keybar import hints
from tui.presenters.lines import matches, may_hold, restyle, width_of, wrap
from tui.presenters.pulls import bar
from tui.presenters.stats import graph, nice_top, rates, stats_lines
from tui.presenters.table import Column, Row, Widths, render, widths


@pytest.mark.parametrize(
    "size, side, main, panes",
    [
        ((80, 24), (27, 23), (53, 23), (14, 3, 3, 3)),
        ((120, 40), (40, 39), (80, 39), (10, 10, 10, 9)),
        ((160, 48), (54, 47), (106, 47), (12, 12, 12, 11)),
        ((200, 60), (67, 59), (133, 59), (15, 15, 15, 14)),
        ((80, 60), (80, 20), (80, 39), (17, 1, 1, 1)),
        ((84, 46), (84, 15), (84, 30), (12, 1, 1, 1)),
        ((100, 21), (34, 20), (66, 20), (17, 1, 1, 1)),
    ],
)
def test_geometry_is_lazydockers(size: tuple[int, int], side: tuple[int, int], main: tuple[int, int], panes: tuple[int, ...]) -> None:
    found = arrange(*size, count=4, focused=0, main_focused=False, zoom=Zoom.NORMAL)
    assert (found.side_width, found.side_height) == side
    assert (found.main_width, found.main_height) == main
    assert found.panes == panes


def test_geometry_always_fills_the_screen_exactly() -> None:
    for width in range(20, 210, 7):
        for height in range(9, 70):
            for zoom in Zoom:
                for main_focused in (False, True):
                    found = arrange(width, height, count=4, focused=2, main_focused=main_focused, zoom=zoom, strip=9)
                    assert sum(found.panes) == (found.side_height if found.side_width else 0)
                    if found.portrait:
                        assert found.side_height + found.main_height + found.strip == height - 1
                    else:
                        assert found.side_width + found.main_width == width
                        if found.main_width:
                            assert found.main_height + found.strip == height - 1
    assert not arrange(19, 30, count=4, focused=0, main_focused=False, zoom=Zoom.NORMAL).fits


def test_columns_go_by_their_priority_and_the_name_takes_what_is_left() -> None:
    columns = (
        Column(title="A"),
        Column(title="N", flexible=True, least=4),
        Column(title="B", priority=1, right=True),
        Column(title="C", priority=2),
    )
    row = Row(key="k", cells=tuple((word, ink()) for word in ("up", "long-name", "12%", "image")), search="")
    assert widths(columns, Widths(columns, [row]).natural, 30) == [2, 17, 3, 5]
    assert widths(columns, Widths(columns, [row]).natural, 17) == [2, 4, 3, 5]
    assert widths(columns, Widths(columns, [row]).natural, 16) == [2, 9, 3, 0]
    assert widths(columns, Widths(columns, [row]).natural, 10) == [2, 7, 0, 0]
    assert text_of(render(columns, row, [2, 7, 0, 0])) == "up long-n…"
    for width in range(8, 60):
        sizes = widths(columns, Widths(columns, [row]).natural, width)
        assert sum(sizes) + sum(1 for size in sizes if size) - 1 <= max(width, 8)


@pytest.mark.parametrize(
    "status, code, health, width, shown, colour",
    [
        (ContainerStatus.RUNNING, 0, "", 40, "running", "green"),
        (ContainerStatus.RUNNING, 0, "healthy", 40, "running ✔", "green"),
        (ContainerStatus.RUNNING, 0, "unhealthy", 70, "running (unhealthy)", "red"),
        (ContainerStatus.RUNNING, 0, "starting", 25, "▶…", "yellow"),
        (ContainerStatus.EXITED, 0, "", 40, "exited 0", "yellow"),
        (ContainerStatus.EXITED, 137, "", 70, "exited (137)", "red"),
        (ContainerStatus.CREATED, 0, "", 40, "created", "cyan"),
        (ContainerStatus.PAUSED, 0, "", 25, "◫", "yellow"),
        (ContainerStatus.RESTARTING, 0, "", 40, "restarting", "blue"),
        (ContainerStatus.REMOVING, 0, "", 40, "removing", "magenta"),
        (ContainerStatus.DEAD, 0, "", 25, "!", "red"),
    ],
)
def test_states_look_as_in_lazydocker(status: ContainerStatus, code: int, health: str, width: int, shown: str, colour: str) -> None:
    one = Container(id="1", name="x", image="i", state=ContainerState(status=status, exit_code=code, health=health))
    assert rows.status_text(one, width) == shown
    assert rows.colour(one) == colour


def test_ports_are_sorted_and_tell_an_address_only_where_it_matters() -> None:
    ports = (
        PortBinding(container_port=443, host_port=8443, host_ip="127.0.0.1"),
        PortBinding(container_port=80, host_port=8080, host_ip="0.0.0.0"),
        PortBinding(container_port=80, host_port=8080, host_ip="::"),
        PortBinding(container_port=53, protocol="udp"),
    )
    assert rows.ports_text(ports) == "53/udp, 8080->80/tcp, 127.0.0.1:8443->443/tcp"


def test_a_health_check_shows_what_its_probes_found() -> None:
    probes = (
        HealthProbe(started_at=NOW - 61, finished_at=NOW - 60, exit_code=0, output="fine\n"),
        HealthProbe(started_at=NOW - 31, finished_at=NOW - 30, exit_code=1, output="\x1b[2Jrefused\nagain\n"),
    )
    one = Container(id="a" * 64, name="web", image="x", state=ContainerState(status=ContainerStatus.RUNNING, health="unhealthy"))
    made = ContainerDetails(container=one, config=ContainerConfig(image="x"), host_config=HostConfig())
    shown = [
        text_of(line) for line in container_config(made.replace(health=HealthReport(failing_streak=1, log=probes)), now=NOW, reveal=False)
    ]
    place = shown.index("Health")
    assert shown[place + 1] == "  1 failure in a row"
    assert shown[place + 2].startswith("  ✘ ") and "exit 1" in shown[place + 2] and "refused" in shown[place + 2]
    assert "\x1b" not in shown[place + 2] and shown[place + 3].startswith("  ✔ ")
    assert "Health" not in [text_of(line) for line in container_config(made, now=NOW, reveal=False)]


def test_orders() -> None:
    engine = harbour()
    containers = list(engine.containers.all.values())

    def order(sort: str, *, reverse: bool = False, hide: bool = False) -> list[str]:
        def newest(id: str) -> Stats | None:
            return engine.containers.samples[id][-1] if id in engine.containers.samples else None

        return [one.name for one in rows.arrange(containers, newest, sort=sort, reverse=reverse, hide_stopped=hide)]

    assert order("state") == ["cache", "db", "web", "worker-1", "worker-2", "import-2026-11", "migrate", "scratch"]
    assert order("name")[0] == "cache"
    assert order("cpu")[:2] == ["worker-1", "db"]
    assert order("memory")[:2] == ["worker-1", "db"]
    assert order("age")[0] == "scratch"
    assert order("image", reverse=True)[0] == "cache"
    assert "migrate" not in order("state", hide=True)
    images = objects.arrange_images(list(engine.images.all.values()), sort="name", reverse=True)
    assert [bool(image.tags) for image in images][-1] is False
    assert objects.split_tag("localhost:5000/app") == ("localhost:5000/app", "")
    assert objects.split_tag("localhost:5000/app:1") == ("localhost:5000/app", "1")


def test_sizes_ages_and_numbers() -> None:
    assert [text.decimal_size(size) for size in (0, 999, 1000, 4_270_000, 123_456_789_000)] == ["0B", "999B", "1kB", "4.27MB", "123GB"]
    assert [text.binary_size(size) for size in (0, 24_100_000, 8 << 30)] == ["0B", "22.98MiB", "8GiB"]
    assert text.short_size(1_071_644_672) == "1022MiB"
    assert [text.age(seconds) for seconds in (-5, 59, 61, 7200, 200_000, 1_000_000, 40_000_000)] == [
        "0s",
        "59s",
        "1m",
        "2h",
        "2d",
        "1w",
        "1y",
    ]
    assert text.rough_age(NOW, NOW - 3) == "<1m"
    assert text.pad("容器", 5, right=True) == " 容器"


def test_graphs_fill_their_box_and_rates_survive_a_reset() -> None:
    drawn = graph([0, 50, 100, 200], width=6, height=2, top=100)
    assert drawn == ["    ██", "   ███"]
    assert graph([0.1], width=1, height=1, top=100) == ["▁"]
    assert rates([0, 100, 50], [0, 1, 2]) == [100, 0]
    assert [nice_top([value], 10) for value in (0, 11, 40, 99)] == [10, 20, 50, 100]
    engine = harbour()
    one = engine.containers.find("web")
    for width, height in ((30, 10), (52, 22), (79, 38), (130, 58)):
        lines = stats_lines(one, samples(one.id, 250.0, 1 << 30), width=width, height=height, now=NOW)
        assert all(width_of(line) <= max(width, 60) for line in lines)
        assert "250.00%" in "\n".join(text_of(line) for line in lines)
    assert stats_lines(one, samples(one.id, 0, 0, 1), width=80, height=30, now=NOW)


def test_bars_are_as_wide_as_they_are_told() -> None:
    for eighth in range(81):
        assert len(bar(eighth / 80, 10)) == 10
    assert bar(0.5, 4) == "██  "


def test_lines_are_wrapped_by_cells_and_marked_by_characters() -> None:
    line = (("ab容", ink("red")), ("器cd", ink()))
    assert [text_of(row) for row in wrap(line, 3)] == ["ab", "容", "器c", "d"]
    assert wrap((), 10) == [()]
    assert matches(line, "容器") == [(2, 4)]
    marked = restyle(line, [(2, 4)], ink("green"))
    assert [piece for piece, style in marked if style.color and style.color.name == "green"] == ["容", "器"]


def test_plain_text_without_a_term_need_not_be_looked_at() -> None:
    assert not may_hold((b"one\n", b"two\n"), "three")
    assert may_hold((b"one\n", b"Three\n"), "three")
    assert may_hold((b"one\n", b"th"), "three"), "its line goes on"
    assert may_hold((b"th\x1b[1mree\n",), "three"), "colours are not shown as text"
    assert may_hold(("Größer\n".encode(),), "größer")


def test_the_form_becomes_a_request() -> None:
    wanted = request(
        RunForm(
            image="nginx",
            name=" web ",
            command="sh -c 'echo hi'",
            ports="8080:80, 127.0.0.1:5353:53/udp 443",
            env="A=1 'B=two words'",
            volumes="data:/var/lib/data /srv:/www:ro /scratch",
            restart="on-failure:3",
            network="shop",
            log="journald",
            tty=True,
        )
    )
    assert wanted.name == "web"
    assert wanted.config.cmd == ("sh", "-c", "echo hi")
    assert wanted.config.env == ("A=1", "B=two words")
    assert wanted.config.tty and wanted.config.open_stdin
    assert [(port.host_ip, port.host_port, port.container_port, port.protocol) for port in wanted.host.port_bindings] == [
        ("", 8080, 80, "tcp"),
        ("127.0.0.1", 5353, 53, "udp"),
        ("", 0, 443, "tcp"),
    ]
    assert [(mount.kind, mount.source, mount.target, mount.read_only) for mount in wanted.host.mounts] == [
        ("volume", "data", "/var/lib/data", False),
        ("bind", "/srv", "/www", True),
        ("volume", "", "/scratch", False),
    ]
    assert (wanted.host.restart_policy.name, wanted.host.restart_policy.max_retries, wanted.host.network_mode) == ("on-failure", 3, "shop")
    assert wanted.host.log_driver == "journald"
    assert request(RunForm(image="nginx")).config.cmd is None


@pytest.mark.parametrize(
    "field, value",
    [
        ("command", "'open"), ("ports", "eighty"), ("ports", "99999"), ("ports", "80/icmp"), ("env", "NOVALUE"), ("env", "=x"),
        ("volumes", "data:relative"), ("volumes", "./here:/there"), ("volumes", "a:b:c:d"), ("restart", "sometimes"), ("restart", "always:3"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(field: str, value: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        request(RunForm(image="nginx").replace(**{field: value}))
    assert caught.value.message.startswith(f"{field}:")


def test_settings_are_read_and_mistakes_are_named(tmp_path: object) -> None:
    path = f"{tmp_path}/config.toml"
    assert config.load(path).replace(remember="") == config.Settings()

    def load(content: str) -> config.Settings:
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        return config.load(path)

    assert load('[tui]\ntheme = "longshore-light"\nlog_lines = 50\n[tui.keys]\n"containers.stop" = "f9"').log_lines == 50
    assert load("[registries]\n").replace(remember="") == config.Settings()
    for wrong in ("[tui]\nthemes = 1", '[tui]\nlog_lines = "many"', "[tui", "tui = 1", "[tui]\nside_ratio = 1", "[tui.keys]\na = 1"):
        with pytest.raises(InvalidArgument, match=r"config\.toml"):
            load(wrong)


def test_the_footer_keeps_menu_and_quit_whatever_the_width() -> None:
    active = in_scopes(with_keys({"containers.stop": "f9"}), [Scope.LISTS, Scope.CONTAINERS, Scope.GLOBAL])
    for width in range(15, 200, 5):
        shown = hints(active, width)
        assert [action.id for action, _, _ in shown[-2:]] == ["global.menu", "global.quit"]
        assert sum(len(key) + len(label) + 3 for _, key, label in shown) <= max(width, 16)
    assert hints(active, 200)[0][1] == "f9"
    assert in_scopes(ACTIONS, [Scope.LOGS, Scope.CONTAINERS])[0].id == "logs.search"


def test_addresses_of_both_families_are_shown() -> None:
    place = Endpoint(network="six", ip_address="172.18.0.2", global_ipv6_address="fd00:77::2", mac_address="02:42:ac:12:00:02")
    network = Network(id="n" * 64, name="six", members=(NetworkMember(container_id="c" * 64, container_name="web", endpoint=place),))
    shown = [text_of(line) for line in network_config(network, now=NOW)]
    assert any("172.18.0.2 fd00:77::2 02:42:ac:12:00:02" in line for line in shown)


def test_widths_follow_single_rows_as_if_all_were_measured_anew() -> None:
    columns = (Column(title="a"), Column(title="b", most=6))
    rows = [
        Row(key=str(index), cells=(("x" * (index % 5), Style.null()), ("漢" * (index % 4), Style.null())), search="") for index in range(40)
    ]
    found = Widths(columns, rows)
    assert found.natural == [4, 6]
    for index, first, second in (
        (4, "", "long words"),
        (7, "y" * 9, ""),
        (7, "", ""),
        (39, "z", "漢"),
        *((at, "", "") for at in range(40)),
    ):
        changed = rows[index].replace(cells=((first, Style.null()), (second, Style.null())))
        found.change(rows[index], changed)
        rows[index] = changed
        assert found.natural == Widths(columns, rows).natural
    assert found.natural == [0, 0]
