"""``python3 -m tests screenshots [-- PICTURE …]``: the README's pictures and key table, from the real engine with real containers.

Needs root, docker-registry, dockerd for the pictures of hosts and of a swarm, and rsvg-convert with a monospaced font.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from textual.app import App
from textual.pilot import Pilot

from engine.connect import connect, hosts
from engine.interface import Engine, Hosts
from engine.model.hosts import Host
from tests.support import images
from tests.support.dockerd import RegistryFiles, running_dockerd
from tests.support.registry import Registry, running_registry
from tests.support.stateroot import StateRoot, state_root
from tests.support.swarm import Swarm, two_daemons
from tests.support.wait import until_async
from tui.actions import key_table
from tui.app import LongshoreApp
from tui.config import Settings

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
Scene = Callable[[App[None], Pilot[None]], Awaitable[None]]
MARKS = re.compile(r"(<!-- keys:[^\n]*-->\n).*?(<!-- /keys -->)", re.DOTALL)

API = r"""
i=0
while :; do
  i=$((i+1))
  case $((i % 9)) in
    0) printf '\033[33mWARN\033[0m  slow query: %d ms for /cart/%d\n' $((200 + i % 90)) $i >&2 ;;
    5) printf '\033[36mDEBUG\033[0m cache hit ratio 0.%d\n' $((70 + i % 30)) ;;
    *) printf '\033[32mINFO\033[0m  GET /products/%d \033[1m200\033[0m %d ms\n' $i $((i * 7 % 40 + 3)) ;;
  esac
  sleep 0.1
done
"""
WORK = "while :; do i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; dd if=/dev/zero of=/tmp/x bs=1M count=4 2>/dev/null; echo job done; sleep 0.3; done"
CONTAINERS: Sequence[tuple[str, Sequence[str]]] = (
    ("shop-web", ("-p", "127.0.0.1:8080:80", "shop/web", "sh", "-c", "mkdir /www; echo welcome > /www/index.html; httpd -f -p 80 -h /www")),
    (
        "shop-api",
        ("-p", "127.0.0.1:9000:9000", "-e", "DATABASE_URL=postgres://db/shop", "-e", "API_TOKEN=not-shown", "shop/api", "sh", "-c", API),
    ),
    ("shop-worker", ("-m", "64m", "--cpus", "0.5", "shop/api", "sh", "-c", WORK)),
    ("shop-db", ("-v", "shop-data:/var/lib/data", "shop/db", "sleep", "100000")),
    ("mail-relay", ("shop/mail", "sleep", "100000")),
)


def fill(url: str) -> None:
    """Images under the names of a small shop."""
    box = images.busybox_layer()
    for number, name in enumerate(("shop/web:2.4", "shop/web:latest", "shop/api:latest", "shop/db:latest", "shop/mail:latest")):
        main = f"app/{name.split(':')[0]}"
        files = [(main, os.urandom(1 << (15 + number)), 0o644), (f"{main}.cache", os.urandom(900_000), 0o644)]
        layers = [box, images.tar_of(files)]
        if name == "shop/web:latest":  # a cache that is removed too late, and a program that another one replaces
            layers.append(images.tar_of([(f"{main}.cache".replace("web.", ".wh.web."), b"", 0o644), (main, os.urandom(400_000), 0o755)]))
        images.push(url, name, images.ImageSource(tuple(layers), {"Cmd": ["sh"]}, created=f"2026-{number + 1:02}-11T09:00:00Z"))
    images.push(url, "library/busybox:latest", images.busybox())
    parts = [images.tar_of([(f"data/{part}", os.urandom(80 << 20), 0o644)]) for part in range(5)]
    images.push(url, "library/dataset:latest", images.ImageSource((box, *parts), compression="none"))


def start(machine: StateRoot) -> None:
    """Run the shop: five that run, one paused, two that ended."""
    machine.out("pull", "-q", "shop/web:2.4")
    for name, words in CONTAINERS:
        machine.out("run", "-d", "--name", name, *words)
    machine.out("pause", "mail-relay")
    machine.out("run", "--name", "migrate", "busybox", "sh", "-c", "echo applied 14 migrations")
    machine("run", "--name", "backup", "busybox", "sh", "-c", "echo 'no space on target' >&2; exit 3")
    machine.out("network", "create", "shop-net")


RATE = 8 << 20
"""Bytes a second that the registry gives to a connection, as one on the internet would: a pull can be looked at."""


@asynccontextmanager
async def slow(host: str, rate: int = RATE) -> AsyncIterator[str]:
    """A registry (``host:port``) at another address, which gives ``rate`` bytes a second to each connection."""

    async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter, pause: float) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(1 << 16):
                target.write(piece)
                await target.drain()
                await asyncio.sleep(pause * len(piece))
            target.write_eof()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to = await asyncio.open_connection(*host.split(":"))
        try:
            await asyncio.gather(carry(reader, to, 0), carry(there, writer, 1 / rate))
        finally:
            for end in (to, writer):
                end.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield "{}:{}".format(*server.sockets[0].getsockname())
    finally:
        server.close()


@asynccontextmanager
async def app(
    engine: Callable[[], Engine], size: tuple[int, int], theme: str = "longshore-dark", known: Hosts | None = None
) -> AsyncGenerator[tuple[App[None], Pilot[None]]]:
    """The TUI, headless."""
    program = LongshoreApp(engine(), settings=Settings(theme=theme), hosts=known)
    async with program.run_test(size=size) as pilot:
        yield program, pilot


async def _shows(program: App[None], *texts: str) -> None:
    """Wait until one of the texts is on the screen."""

    def shown() -> str:
        return "\n".join("".join(segment.text for segment in strip) for strip in program.screen._compositor.render_strips())

    async def there() -> bool:
        return any(text in shown() for text in texts)

    try:
        await until_async(there, timeout=60, what=f"{' or '.join(texts)} on the screen")
    except AssertionError as error:
        raise AssertionError(f"{error}:\n{shown()}") from None


def save(program: App[None], name: str) -> None:
    """One picture as PNG."""
    # librsvg drops the blanks at the edges of a text unless it is told to keep them.
    svg = program.export_screenshot(title="longshore").replace("<text ", '<text xml:space="preserve" ')
    target = os.path.join(ROOT, "screenshots", f"{name}.png")
    subprocess.run(["rsvg-convert", "--width", "1400", "--output", target], input=svg.encode(), check=True)
    print(f"screenshots/{name}.png")


async def logs(program: App[None], pilot: Pilot[None]) -> None:
    """A log that is followed."""
    await _select(program, pilot, "shop-api")
    await _shows(program, "GET /products")
    await asyncio.sleep(2)


async def stats(program: App[None], pilot: Pilot[None]) -> None:
    """Graphs with some history."""
    await _select(program, pilot, "shop-worker")
    await pilot.press("right_square_bracket")
    await _shows(program, "MEM USAGE")
    await asyncio.sleep(45)


async def pull(program: App[None], pilot: Pilot[None]) -> None:
    """Layers on their way."""
    await _select(program, pilot, "shop-api")
    await _shows(program, "GET /products")
    await pilot.press("2", "p")
    await pilot.press(*"dataset", "enter")
    await _shows(program, "ownloading")
    await asyncio.sleep(3)


async def terminal(program: App[None], pilot: Pilot[None]) -> None:
    """A shell in a tab, after some commands."""
    await _select(program, pilot, "shop-web")
    await pilot.press("E")
    await _shows(program, "/ #")
    for line in ("ps", "wget -qO- localhost", "ls -l /www"):
        await pilot.press(*("space" if char == " " else char for char in line), "enter")
        await pilot.pause(0.5)
    await _shows(program, "index.html")
    await pilot.press("ctrl+right_square_bracket")
    await asyncio.sleep(1)


async def all_hosts(program: App[None], pilot: Pilot[None]) -> None:
    """Every host's containers in one list."""
    await pilot.press("f7")
    await _shows(program, "20.10", "24.", "26.", "28.")
    await pilot.press("a")
    await _shows(program, "all hosts")
    await _shows(program, "ci-runner")
    await _select(program, pilot, "shop-api")
    await _shows(program, "GET /products")
    await asyncio.sleep(2)


async def swarm(program: App[None], pilot: Pilot[None]) -> None:
    """Services and their nodes, with a service's log."""
    await pilot.press("f5")
    await _shows(program, "shop_web")
    await _shows(program, "node2")
    await asyncio.sleep(3)


def keys(select: str, *pressed: str, shows: str, wait: float = 1.0) -> Scene:
    """Choose a container, press keys, and wait for a text and a moment more."""

    async def play(program: App[None], pilot: Pilot[None]) -> None:
        await _select(program, pilot, select)
        await pilot.pause(0.5)
        for key in pressed:
            await pilot.press(key)
            await pilot.pause(0.2)
        await _shows(program, shows)
        await asyncio.sleep(wait)

    return play


class Picture(NamedTuple):
    """What is drawn: cells, theme, how to get there, and which engines it wants besides our own: ``docker``, ``swarm``, ``slow``."""

    name: str
    size: tuple[int, int]
    scene: Scene
    theme: str = "longshore-dark"
    wants: str = ""


USUAL = (120, 34)
PICTURES = (
    Picture("containers", (150, 42), logs),
    Picture("stats", (150, 42), stats),
    Picture("pull", USUAL, pull, wants="slow"),
    Picture("menu", USUAL, keys("shop-web", "x", shows="Stop it"), "longshore-light"),
    Picture("small", (80, 24), logs),
    Picture("filter", USUAL, keys("shop-api", "5", "f", *"slow", "enter", shows="only", wait=3)),
    Picture("joined", USUAL, keys("shop-api", "asterisk", "m", shows=" logs ·", wait=2)),
    Picture("preview", USUAL, keys("shop-api", "asterisk", "d", "v", shows="Kill and remove")),
    Picture("config", USUAL, keys("shop-web", *["right_square_bracket"] * 3, shows="Command")),
    Picture("usage", USUAL, keys("shop-api", "f8", shows="What lies on the disk"), "longshore-light"),
    Picture("terminal", USUAL, terminal),
    Picture("files", USUAL, keys("shop-web", "f", shows="etc")),
    Picture("monitor", USUAL, keys("shop-api", "f6", shows="shop-worker", wait=8)),
    Picture("run", USUAL, keys("shop-web", "2", "R", *"demo", "tab", "tab", *"8081:80", shows="Environment")),
    Picture("layers", USUAL, keys("shop-web", "2", "G", "w", shows="COPIES")),
    Picture("hosts", (150, 42), all_hosts, wants="docker"),
    Picture("swarm", USUAL, swarm, wants="swarm"),
)


async def pictures(wanted: Sequence[Picture], machine: StateRoot, registry: Registry, others: Others) -> None:
    """Draw the wanted ones."""

    def own() -> Engine:
        return connect("embedded:", root=machine.roots.state, config=machine.config)

    for name, size, scene, theme, wants in wanted:
        async with contextlib.AsyncExitStack() as stack:
            if wants == "slow":
                machine.mirror(await stack.enter_async_context(slow(registry.host)))
                stack.callback(machine.mirror, registry.host)
            known = hosts(root=machine.roots.state, config=machine.config) if wants == "docker" else None
            engine = (lambda: connect(others.swarm)) if wants == "swarm" else own
            program, pilot = await stack.enter_async_context(app(engine, size, theme, known))
            if wants != "swarm":
                await _shows(program, "shop-web" if size[0] > 100 else "shop-")
            await scene(program, pilot)
            save(program, name)


class Others(NamedTuple):
    """Addresses of Docker hosts, empty where none is wanted."""

    docker: str = ""
    swarm: str = ""


@contextlib.contextmanager
def other_engines(place: str, registry: Registry, wants: Collection[str]) -> Iterator[Others]:
    """A dockerd with two containers that is known as a host, and a swarm of two with a stack of a shop, if they are wanted."""
    files = RegistryFiles(registry.host, registry.config)
    with contextlib.ExitStack() as stack:
        found = Others()
        if "docker" in wants:
            daemon = stack.enter_context(running_dockerd(f"{place}/docker", files))
            found = found._replace(docker=daemon.url)
            image = f"{registry.host}/library/busybox"
            for words in (
                ("pull", "-q", image),
                ("tag", image, "busybox"),
                ("rmi", image),
                ("run", "-d", "--name", "registry-cache", "busybox", "sleep", "100000"),
                ("run", "-d", "--name", "ci-runner", "busybox", "sleep", "100000"),
            ):
                subprocess.run(("docker", "--host", daemon.url, *words), check=True, stdout=subprocess.DEVNULL)
            os.environ.update(XDG_CONFIG_HOME=f"{place}/config", HOME=f"{place}/home", DOCKER_CONFIG=f"{place}/home/.docker")
            known = hosts()
            known.add(Host(name="build", url=daemon.url))
            known.add(Host(name="lab", url="tcp://127.0.0.1:1"))
        if "swarm" in wants:
            nodes = stack.enter_context(two_daemons(f"{place}/swarm", files))
            found = found._replace(swarm=nodes.manager.url)
            nodes.image = f"{registry.host}/library/busybox:latest"
            form_shop(nodes)
        yield found


def form_shop(nodes: Swarm) -> None:
    """A stack of three services, a config and a secret."""
    nodes.form()
    label = ("-l", "com.docker.stack.namespace=shop", "--container-label", "com.docker.stack.namespace=shop")
    for name, replicas in (("shop_web", 3), ("shop_api", 2), ("shop_db", 1)):
        nodes.service(name, *label, replicas=replicas)
    nodes.docker("config", "create", "shop_nginx", "-", input="listen 80")
    nodes.docker("secret", "create", "shop_token", "-", input="not shown")


async def _select(program: App[None], pilot: Pilot[None], name: str) -> None:
    await pilot.press("1", "slash", *name, "enter")
    await _shows(program, name)
    await pilot.press("escape")
    await pilot.pause()


def write_keys() -> None:
    """Put the key table between the README's marks."""
    path = os.path.join(ROOT, "README.md")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(with_keys(text))


def with_keys(readme: str) -> str:
    """The README's text with a fresh key table."""
    return MARKS.sub(lambda match: f"{match[1]}\n{key_table().strip()}\n\n{match[2]}", readme)


def main() -> int:
    """Make everything, or the pictures that are named."""
    unknown = set(sys.argv[1:]) - {picture.name for picture in PICTURES}
    if unknown:
        print(f"no picture {', '.join(sorted(unknown))}; there are: {', '.join(picture.name for picture in PICTURES)}", file=sys.stderr)
        return 2
    wanted = [picture for picture in PICTURES if not sys.argv[1:] or picture.name in sys.argv[1:]]
    write_keys()
    with tempfile.TemporaryDirectory(prefix="longshore-pictures-") as place, running_registry(f"{place}/registry") as registry:
        fill(registry.url)
        with (
            state_root(f"{place}/machine", registry.host) as machine,
            other_engines(place, registry, {picture.wants for picture in wanted}) as others,
        ):
            os.environ["LONGSHORE_RUN"] = machine.roots.run
            start(machine)
            asyncio.run(pictures(wanted, machine, registry, others))
    return 0


if __name__ == "__main__":
    sys.exit(main())
