"""The swarm's screen over the real swarm of two nodes: what it shows, and what its keys do, looked at with docker's own command line."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import time
from collections.abc import AsyncGenerator, Callable

from textual.pilot import Pilot
from textual.widgets import Input

from engine.connect import connect
from tests.support.swarm import Swarm
from tests.support.wait import until
from tui.app import LongshoreApp
from tui.config import Settings
from tui.screens.form import FormModal
from tui.screens.modal import Modal
from tui.screens.swarm import SwarmScreen


class Person:
    """Somebody before the screen."""

    def __init__(self, app: LongshoreApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def screen(self) -> SwarmScreen:
        found = next(screen for screen in self.app.screen_stack if isinstance(screen, SwarmScreen))
        return found

    def text(self) -> str:
        screen = self.app.screen
        return "\n".join("".join(segment.text for segment in strip) for strip in screen._compositor.render_strips(screen.size))

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something on this side of the screen."""
        await self._until(condition, what, aside=False)

    async def until_docker(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something that docker's command line is asked for, while the app goes on."""
        await self._until(condition, what, aside=True)

    async def _until(self, condition: Callable[[], object], what: str, *, aside: bool) -> None:
        deadline = time.monotonic() + 60
        while not (await asyncio.to_thread(condition) if aside else condition()):
            assert time.monotonic() < deadline, f"{what} did not come; the screen:\n{self.text()}"
            await asyncio.sleep(0.05)

    async def sees(self, *words: str) -> None:
        for word in words:
            await self.until(lambda word=word: word in self.text(), repr(word))  # type: ignore[misc]  # mypy can not infer a lambda with a default

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def boxed(self, *keys: str) -> None:
        """Press keys that open a box, and wait for it."""
        await self.press(*keys)
        await self.until(lambda: isinstance(self.app.screen, Modal) and self.app.screen.ready.is_set(), "the box")

    async def form(self, *keys: str, **texts: str) -> None:
        """Fill the fields of a form in by their names, and go; ``keys`` open it, without them it is there or comes."""
        if keys:
            await self.boxed(*keys)
        await self.until(lambda: isinstance(one := self.app.screen, FormModal) and one.ready.is_set(), "the form")
        for name, text in texts.items():
            self.app.screen.query_one(f"#field-{name}", Input).value = text
        await self.press("ctrl+s")

    async def fill(self, text: str) -> None:
        """Put a text into the box, and go. Letter by letter it takes a second each on a busy machine."""
        self.app.screen.query_one(Input).value = text
        await self.press("enter")


@contextlib.asynccontextmanager
async def looking(swarm: Swarm, *, node: int = 0, **settings: object) -> AsyncGenerator[Person, None]:
    """The app with the swarm's screen open."""
    url = (swarm.manager, swarm.worker)[node].url
    app = LongshoreApp(connect(url), settings=Settings(**settings))  # type: ignore[arg-type]  # fields by name
    async with app.run_test(size=(150, 50), notifications=True) as pilot:
        person = Person(app, pilot)
        await person.sees("f5 swarm")
        await person.press("f5")
        await person.until(lambda: any(isinstance(one, SwarmScreen) for one in app.screen_stack), "the screen")
        yield person


def asked(swarm: Swarm, *words: str) -> str:
    return swarm.docker(*words, check=False).stdout.strip()


async def test_it_shows_the_swarm_and_the_logs_of_its_tasks(swarm: Swarm) -> None:
    swarm.docker("config", "create", "settings", "-", input="colour = \x1b[31mred\x1b[0m\n\x1b]0;title\x07quiet\n")
    swarm.docker("secret", "create", "password", "-", input="hunter2")
    label = "com.docker.stack.namespace=shop"
    swarm.docker("service", "create", "-d", "-q", "--name", "shop_job", "--label", label, "--mode", "replicated-job", swarm.image, "true")
    swarm.service("web", "--secret", "password")
    hostile = "printf 'a\\033]0;owned\\007b\\033[2Jc\\n'; sleep 1000"
    swarm.docker("service", "create", "-d", "-q", "--stop-grace-period", "200ms", "--name", "evil", swarm.image, "sh", "-c", hostile)
    async with looking(swarm) as person:
        await person.sees("2 nodes, 1 manager", "2/2", "node1 *", "leader", "shop", "settings", "password")
        lists = person.screen.lists.panes
        assert [row.cells[1][0] for row in lists[next(iter(lists))].rows] == ["evil", "shop_job", "web"]
        await person.sees("abc")
        assert "\x1b" not in person.text()
        await person.press("G")
        await person.sees("web.1 │ out", "web.2 │ out", "web.1 │ err", "following")
        await person.press("right_square_bracket")
        await person.sees("running  web.1  node", "running  web.2  node")
        await person.press("5")
        await person.sees("colour = red", "quiet", "Full details")
        assert "\x1b" not in person.text() and "Y29sb3Vy" not in person.text()
        await person.press("6")
        await person.sees("Secrets", "Full details")
        assert "hunter2" not in person.text() and "aHVudGVyMg" not in person.text()
        await person.press("slash", *"nope", "enter")
        await person.sees("Nothing matches")
        await person.press("escape")
        await person.press("4")
        await person.sees("shop_job")
        await person.press("q")
        await person.sees("[1] Containers")


async def test_scrolling_back_reads_older_lines_in_order(swarm: Swarm) -> None:
    script = "i=0; while [ $i -lt 2500 ]; do i=$((i+1)); echo line $i; done; sleep 1000"
    flags = ("--name", "many", "--replicas", "2", "--stop-grace-period", "200ms")
    swarm.docker("service", "create", "-d", "-q", *flags, swarm.image, "sh", "-c", script)
    last = ("service", "logs", "--tail", "1", "many")
    until(lambda: swarm.docker(*last, check=False).stdout.count("line 2500") == 2, timeout=120, what="both logs, whole")
    async with looking(swarm, log_lines=300) as person:
        await person.sees("line 2500")
        await person.press("enter", "home")
        await person.until(lambda: (log := person.screen.content.log) is not None and log.window.at_start, "the beginning of the log")
        await person.sees("line 1 ")
        log = person.screen.content.log
        assert log is not None
        stamps = [line.time for line in log.window.entries]
        assert stamps == sorted(stamps) and len(stamps) >= 1000
        await person.press("end")
        await person.sees("line 2500", "following")
        await person.press("slash", *"line", "space", *"1234")
        await person.press("enter")
        await person.sees("line 1234", "1 of ")
        await person.press("escape", "f", *"line", "space", *"77$", "enter")
        await person.sees("only “line 77$”", "many.1 │ line 77", "many.2 │ line 77")
        assert "line 78" not in person.text()
        await person.press("escape")
        await person.sees("line 2500", "following")


async def test_services_are_scaled_updated_rolled_back_started_anew_and_removed(swarm: Swarm) -> None:
    swarm.service("web", "--update-monitor", "200ms", "--rollback-monitor", "200ms", "--update-parallelism", "0", replicas=1)
    image = ("service", "inspect", "web", "-f", "{{.Spec.TaskTemplate.ContainerSpec.Image}}")
    async with looking(swarm) as person:
        await person.sees("1/1 web")
        await person.boxed("s")
        await person.fill("3")
        await person.until_docker(lambda: swarm.count("web") == "3/3", "three tasks")
        await person.sees("3/3 web")
        newer = swarm.image.replace(":latest", ":2")
        await person.boxed("i")
        await person.fill(newer)
        await person.until_docker(lambda: asked(swarm, *image).startswith(f"{newer}@sha256:"), "the new image")
        await person.until_docker(lambda: swarm.count("web") == "3/3", "three new tasks")
        await person.boxed("b")
        await person.press("y")
        await person.until_docker(lambda: not asked(swarm, *image).startswith(newer), "the old image")
        force = ("service", "inspect", "web", "-f", "{{.Spec.TaskTemplate.ForceUpdate}}")
        await person.boxed("r")
        await person.press("y")
        await person.until_docker(lambda: asked(swarm, *force) == "1", "the forced update")
        expected = [
            "service scale web=3",
            f"service update --image {newer} web",
            "service rollback web",
            "service update --force web",
        ]
        journal = person.screen.desk.desk.operations.journal
        await person.until(lambda: [entry.command for entry in journal.entries] == expected, "what was done")
        await person.boxed("s")
        await person.fill("x")
        await person.until(lambda: any("x is no number" in note.message for note in person.app._notifications), "a complaint")
        await person.boxed("d")
        await person.sees("Remove service web?")
        await person.press("y")
        await person.until_docker(lambda: not swarm.count("web"), "the end of the service")
        await person.sees("No services.")


async def test_nodes_are_drained_promoted_and_join_tokens_are_copied(swarm: Swarm) -> None:
    nodes = ("node", "ls", "--format", "{{.Hostname}}:{{.Availability}}:{{.ManagerStatus}}")
    async with looking(swarm) as person:
        await person.sees("node2")
        await person.press("2", "G")
        await person.boxed("a")
        await person.press("d")
        await person.sees("Drain node2?")
        await person.press("y")
        await person.until_docker(lambda: "node2:Drain:" in asked(swarm, *nodes), "the drained node")
        await person.sees("drain")
        await person.boxed("a")
        await person.press("a")
        await person.until_docker(lambda: "node2:Active:" in asked(swarm, *nodes), "the active node")
        await person.boxed("p")
        await person.sees("Then there are 2 managers, and 0 of them may fail.")
        await person.press("y")
        await person.until_docker(lambda: "node2:Active:Reachable" in asked(swarm, *nodes), "the second manager")
        await person.sees("2 managers")
        await person.boxed("p")
        await person.press("y")
        await person.until_docker(lambda: "node2:Active:\n" in asked(swarm, *nodes) + "\n", "one manager")
        await person.boxed("t")
        await person.press("w")
        token = asked(swarm, "swarm", "join-token", "-q", "worker")
        await person.until(lambda: person.app.clipboard.startswith(f"docker swarm join --token {token} "), "the copied command")


async def test_a_stack_goes_whole(swarm: Swarm) -> None:
    label = "com.docker.stack.namespace=shop"
    swarm.docker("config", "create", "--label", label, "shop_config", "-", input="x")
    swarm.service("shop_web", "--label", label, replicas=1)
    async with looking(swarm) as person:
        await person.press("4")
        await person.sees("1 service")
        await person.boxed("d")
        await person.sees("Remove stack shop with 1 service?", "shop_config")
        await person.press("y")
        await person.until_docker(
            lambda: not asked(swarm, "stack", "ls", "-q") and not asked(swarm, "config", "ls", "-q"), "the end of the stack"
        )
        await person.sees("No stacks.")


async def test_configs_and_secrets_are_made_of_files_and_of_what_is_typed(swarm: Swarm, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(b"a = 1\n")
    async with looking(swarm) as person:
        await person.sees("node1 *")
        await person.press("5")
        await person.form("n", name="settings", path=str(path), labels="team=shop")
        await person.sees("settings")
        wanted = "{{json .Spec.Labels}} {{json .Spec.Data}}"
        await person.until_docker(
            lambda: asked(swarm, "config", "inspect", "-f", wanted, "settings") == '{"team":"shop"} "YSA9IDEK"', "the config"
        )
        await person.press("6")
        await person.form("n", name="password", path=str(tmp_path / "nowhere"))
        await person.until(lambda: any("No such file" in note.message for note in person.app._notifications), "a complaint")
        await person.form(path="", text="hunter2")
        await person.until_docker(lambda: asked(swarm, "secret", "ls", "--format", "{{.Name}}") == "password", "the secret")
        await person.sees("password")
        assert "hunter2" not in person.text()
        commands = [entry.command for entry in person.screen.desk.desk.operations.journal.entries]
        assert commands == [f"config create --label team=shop settings {path}", "secret create password -"]


async def test_read_only_changes_nothing_and_a_worker_says_whom_to_ask(swarm: Swarm) -> None:
    swarm.service("web", replicas=1)
    async with looking(swarm, readonly=True) as person:
        await person.sees("1/1 web", "read only")
        assert "s scale" not in person.text() and "t join tokens" not in person.text()
        await person.press("s", "d", "t", "i")
        assert isinstance(person.app.screen, SwarmScreen)
    async with looking(swarm, node=1) as person:
        await person.sees("This node is not a swarm manager")
    assert swarm.count("web") == "1/1"
