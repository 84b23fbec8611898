"""``python3 -m tests screenshots``: the README's pictures and key table, from the real engine with real containers.

Needs root, docker-registry, and rsvg-convert with a monospaced font.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from textual.app import App
from textual.pilot import Pilot

from engine.connect import connect
from engine.interface import Engine
from tests.support import images
from tests.support.registry import running_registry
from tests.support.stateroot import StateRoot, state_root
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
        layer = images.tar_of([(f"app/{name.split(':')[0]}", os.urandom(1 << (15 + number)), 0o644)])
        images.push(url, name, images.ImageSource((box, layer), {"Cmd": ["sh"]}, created=f"2026-{number + 1:02}-11T09:00:00Z"))
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


@asynccontextmanager
async def app(
    engine: Callable[[], Engine], size: tuple[int, int], theme: str = "longshore-dark"
) -> AsyncGenerator[tuple[App[None], Pilot[None]]]:
    """The TUI, headless."""
    program = LongshoreApp(engine(), settings=Settings(theme=theme))
    async with program.run_test(size=size) as pilot:
        yield program, pilot


async def _shows(program: App[None], *texts: str) -> None:
    """Wait until one of the texts is on the screen."""

    async def there() -> bool:
        shown = "\n".join("".join(segment.text for segment in strip) for strip in program.screen._compositor.render_strips())
        return any(text in shown for text in texts)

    await until_async(there, timeout=60, what=f"{' or '.join(texts)} on the screen")


def save(program: App[None], name: str) -> None:
    """One picture as PNG."""
    # librsvg drops the blanks at the edges of a text unless it is told to keep them.
    svg = program.export_screenshot(title="longshore").replace("<text ", '<text xml:space="preserve" ')
    target = os.path.join(ROOT, "screenshots", f"{name}.png")
    subprocess.run(["rsvg-convert", "--width", "1400", "--output", target], input=svg.encode(), check=True)
    print(f"screenshots/{name}.png")


async def pictures(engine: Callable[[], Engine], wanted: Sequence[str] = ()) -> None:
    """Every picture of the README, or those that are named."""

    async def logs(program: App[None], pilot: Pilot[None]) -> None:
        await _select(program, pilot, "shop-api")
        await _shows(program, "GET /products")
        await asyncio.sleep(2)

    async def stats(program: App[None], pilot: Pilot[None]) -> None:
        await _select(program, pilot, "shop-worker")
        await pilot.press("right_square_bracket")
        await _shows(program, "MEM USAGE")
        await asyncio.sleep(45)

    async def pull(program: App[None], pilot: Pilot[None]) -> None:
        await _select(program, pilot, "shop-api")
        await _shows(program, "GET /products")
        await pilot.press("2", "p")
        await pilot.press(*"dataset", "enter")
        await _shows(program, "ownloading", "xtracting")

    async def menu(program: App[None], pilot: Pilot[None]) -> None:
        await _select(program, pilot, "shop-web")
        await pilot.press("x")
        await _shows(program, "Stop it")

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

    scenes: list[tuple[str, tuple[int, int], str, Scene]] = [
        ("containers", (150, 42), "longshore-dark", logs),
        ("stats", (150, 42), "longshore-dark", stats),
        ("pull", (120, 34), "longshore-dark", pull),
        ("menu", (120, 34), "longshore-light", menu),
        ("small", (80, 24), "longshore-dark", logs),
        ("filter", (120, 34), "longshore-dark", keys("shop-api", "5", "f", *"slow", "enter", shows="only", wait=3)),
        ("joined", (120, 34), "longshore-dark", keys("shop-api", "asterisk", "m", shows=" logs ·", wait=2)),
        ("preview", (120, 34), "longshore-dark", keys("shop-api", "asterisk", "d", "v", shows="Kill and remove")),
        ("config", (120, 34), "longshore-dark", keys("shop-api", *["right_square_bracket"] * 3, shows="Command")),
        ("usage", (120, 34), "longshore-light", keys("shop-api", "f8", shows="What lies on the disk")),
    ]
    for name, size, theme, scene in scenes:
        if wanted and name not in wanted:
            continue
        async with app(engine, size, theme) as (program, pilot):
            await _shows(program, "shop-web" if size[0] > 100 else "shop-")
            await scene(program, pilot)
            save(program, name)


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
    """Make everything."""
    write_keys()
    with tempfile.TemporaryDirectory(prefix="longshore-pictures-") as place, running_registry(f"{place}/registry") as registry:
        fill(registry.url)
        with state_root(f"{place}/machine", registry.host) as machine:
            os.environ["LONGSHORE_RUN"] = machine.roots.run
            start(machine)
            asyncio.run(pictures(lambda: connect("embedded:", root=machine.roots.state, config=machine.config), sys.argv[1:]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
