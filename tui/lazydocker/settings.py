"""From lazydocker's keys to ours: a table of what becomes of each, and a report with a line for every key that is set.

The keys are those of lazydocker 0.25 (``pkg/config/app_config.go``). ``mouseEvents`` means the opposite there of what it
says; it is taken as it works. Go templates are taken where they name what our commands can fill in.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from engine.errors import InvalidArgument
from engine.model.value import Value
from tui.config import checked
from tui.lazydocker.document import Path, read_document

_COLOURS = {
    "black": "#6b7689", "red": "#ff8787", "green": "#87d787", "yellow": "#ffd75f", "blue": "#5fafff", "magenta": "#d7a0e8",
    "cyan": "#5fd7d7", "white": "#d8dee9",
}  # fmt: skip
_STATS = {
    "DerivedStats.CPUPercentage": ("cpu_percent", "percent"),
    "DerivedStats.MemoryPercentage": ("memory_percent", "percent"),
    "ClientStats.PidsStats.Current": ("pids", ""),
    "ClientStats.CPUStats.CPUUsage.TotalUsage": ("cpu_total", ""),
    "ClientStats.CPUStats.CPUUsage.UsageInKernelmode": ("cpu_kernel", ""),
    "ClientStats.CPUStats.CPUUsage.UsageInUsermode": ("cpu_user", ""),
    "ClientStats.CPUStats.SystemCPUUsage": ("system_total", ""),
    "ClientStats.CPUStats.OnlineCpus": ("online_cpus", ""),
    "ClientStats.MemoryStats.Usage": ("memory_usage", "bytes"),
    "ClientStats.MemoryStats.Limit": ("memory_limit", "bytes"),
    "ClientStats.Networks.Eth0.RxBytes": ("network_rx", "bytes"),
    "ClientStats.Networks.Eth0.TxBytes": ("network_tx", "bytes"),
}
_PLACES = {
    ".Container.ID": "{id}", ".Container.Name": "{name}", ".Container.Container.ID": "{id}", ".Container.Container.Image": "{image}",
    ".Container.ProjectName": "{project}", ".Container.ServiceName": "{service}", ".Service.Name": "{service}",
    ".Project.Name": "{project}", ".Image.ID": "{id}", ".Image.Name": "{name}", ".Image.Tag": "{tag}", ".Volume.Name": "{name}",
    ".Volume.Volume.Name": "{name}", ".Volume.Volume.Driver": "{driver}", ".Network.ID": "{id}", ".Network.Name": "{name}",
    ".Network.Network.Driver": "{driver}",
}  # fmt: skip
_TEMPLATE = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")
_SCOPES = {"containers": "containers", "services": "containers", "images": "images", "volumes": "volumes", "networks": "networks"}


class Verdict(Value):
    """What became of one key of the file."""

    line: int
    key: str
    taken: bool
    text: str


class Imported(Value):
    """What a ``config.yml`` says in our words.

    Attributes:
        settings: the ``[tui]`` table.
        report: what became of each key that is set, in the order of the file.
    """

    settings: Mapping[str, Any]
    report: tuple[Verdict, ...]

    def toml(self, source: str) -> str:
        """The settings as a file; the report stands at the top as comments."""
        import tomli_w

        told = "".join(f"# {one}\n" for one in self.told)
        return f"# From {_plain(source)}\n{told}\n{tomli_w.dumps({'tui': self.settings})}"

    @property
    def told(self) -> list[str]:
        """The report as lines of text."""
        return [_plain(f"{one.line}: {one.key}: {'' if one.taken else 'not taken: '}{one.text}") for one in self.report]


def default_paths() -> list[str]:
    """Where lazydocker's file may be, those first that it looks for first."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    given = os.environ.get("CONFIG_DIR", "")
    folders = [given] if given else []
    folders += [os.path.join(home, "lazydocker"), os.path.join(home, "jesseduffield", "lazydocker")]
    return [os.path.join(folder, "config.yml") for folder in folders]


def existing_path() -> str:
    """lazydocker's file, ``""`` where there is none or only the empty one that it makes itself."""
    return next((path for path in default_paths() if os.path.isfile(path) and os.path.getsize(path)), "")


def import_file(path: str) -> Imported:
    """What lazydocker's file says.

    Raises:
        InvalidArgument: it can not be read, or is no YAML that a configuration would be.
    """
    from tui.lazydocker.document import LARGEST

    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise InvalidArgument(f"{path}: {(error.strerror or str(error)).lower()}") from None
    return import_settings(data, path)


def import_settings(data: bytes, name: str) -> Imported:
    """The same of bytes; ``name`` is for messages.

    Raises:
        InvalidArgument: as above.
    """
    document, lines = read_document(data, name)
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise InvalidArgument(f"{name}: a table of settings is wanted")
    taker = _Taker(document, lines)
    taker.walk(document, ())
    settings = taker.settings()
    _, problems = checked(settings)
    if problems:
        raise InvalidArgument(f"{name}: can not be told in our words: {problems[0].where}: {problems[0].text}")
    return Imported(settings=settings, report=tuple(sorted(taker.report, key=lambda one: one.line)))


class _Taker:
    """Goes through the document and gathers what is taken."""

    def __init__(self, document: Mapping[str, Any], lines: Mapping[Path, int]) -> None:
        self.report: list[Verdict] = []
        self._lines = lines
        self._found: dict[str, Any] = {"preset": "lazydocker"}
        self._variables: dict[str, str] = {}
        templates = document.get("commandTemplates")
        compose = templates.get("dockerCompose") if isinstance(templates, dict) else None
        self._compose = compose if isinstance(compose, str) and compose else "docker compose"

    def settings(self) -> dict[str, Any]:
        """The ``[tui]`` table."""
        if self._variables:
            self._found["theme"] = "lazydocker"
            self._found["themes"] = {"lazydocker": {"primary": "#5fafff", "variables": self._variables}}
        return self._found

    def walk(self, table: Mapping[Any, Any], path: Path) -> None:
        """Take what is in a table; tables below it that have no rule of their own are gone through."""
        for key, value in table.items():
            place = (*path, str(key))
            rule = _RULES.get(".".join(map(str, place)))
            if callable(rule):
                try:
                    text = rule(self, value, place)
                except (TypeError, ValueError, KeyError, ZeroDivisionError, OverflowError, AttributeError):
                    self._say(place, taken=False, text=f"lazydocker would not understand {_short(value)}")
                else:
                    if text:
                        self._say(place, taken=True, text=text)
            elif rule is not None:
                self._say(place, taken=False, text=rule)
            elif isinstance(value, dict) and any(known.startswith(".".join(map(str, place)) + ".") for known in _RULES):
                self.walk(value, place)
            elif value is not None:
                self._say(place, taken=False, text="lazydocker knows no such key")

    def _say(self, path: Path, *, taken: bool, text: str) -> None:
        where = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in path)[1:]
        self.report.append(Verdict(line=self._lines.get(path, 0), key=where, taken=taken, text=text))

    # --- rules: take the value, answer with what it became --------------------------------------------------------------

    def set(self, name: str, value: object) -> str:
        self._found[name] = value
        return f"{name} = {_short(value)}"

    def width(self, value: object, path: Path) -> str:
        return self.set("side_ratio", max(2, min(20, int(1 / float(value)))))  # type: ignore[arg-type]  # ValueError is a verdict

    def tail(self, value: object, path: Path) -> str:
        if value in ("", None):
            return "the last 1000 lines at first, older ones on scrolling up"
        return self.set("log_lines", max(1, int(str(value))))

    def screen_mode(self, value: object, path: Path) -> str:
        return self.set("screen_mode", {"normal": "normal", "half": "half", "fullscreen": "full"}[str(value)])

    def quit(self, value: object, path: Path) -> str:
        if _flag(value):
            self._found["confirm"] = {"global.quit": "ask"}
        return 'confirm."global.quit" = "ask"' if value else "asks nothing, as here"

    def colour(self, value: object, path: Path) -> str:
        variable = {"activeBorderColor": "frame-focus", "inactiveBorderColor": "frame", "optionsTextColor": "footer-key-foreground"}
        names = [str(one) for one in value] if isinstance(value, list) else [str(value)]
        colours = [_COLOURS.get(name, name) for name in names if name in _COLOURS or re.fullmatch(r"#([0-9a-fA-F]{3}){1,2}", name)]
        if not colours:
            return "as the terminal's own, as here"
        if path[-1] == "selectedLineBgColor":
            self._variables["selection"] = colours[0]
            self._variables["selection-text"] = _readable(colours[0])
        else:
            self._variables[variable[str(path[-1])]] = colours[0]
        return f"a theme of your own, lazydocker, with {colours[0]}"

    def graphs(self, value: object, path: Path) -> str:
        graphs: list[dict[str, object]] = []
        for place, one in enumerate(value if isinstance(value, list) else []):
            where = (*path, place)
            if not isinstance(one, dict) or one.get("statPath") not in _STATS:
                wanted = one.get("statPath") if isinstance(one, dict) else one
                self._say(where, taken=False, text=f"the engine's samples have no {_short(wanted)}")
                continue
            name, unit = _STATS[one["statPath"]]
            colour = one.get("color") if one.get("color") in ("red", "green", "yellow", "blue", "magenta", "cyan", "white") else "cyan"
            graph: dict[str, object] = {"path": name, "title": _plain(str(one.get("caption") or name)), "colour": colour, "unit": unit}
            if one.get("maxType") == "static" and isinstance(one.get("max"), int | float) and one["max"] > 0:
                graph["max"] = float(one["max"])
            graphs.append(graph)
            left = sorted(str(key) for key in one if key in ("height", "min", "minType"))
            self._say(where, taken=True, text=f"a graph of {name}{f', without {chr(44).join(left)}' if left else ''}")
        if graphs:
            self._found["graphs"] = graphs
        return ""

    def commands(self, value: object, path: Path) -> str:
        scope = _SCOPES[str(path[1])]
        for place, one in enumerate(value if isinstance(value, list) else []):
            where = (*path, place)
            name, line = (one.get("name"), one.get("command")) if isinstance(one, dict) else (None, None)
            if not isinstance(name, str) or not isinstance(line, str) or not name or not line:
                self._say(where, taken=False, text="a command has a name and a line")
                continue
            try:
                command, used = self._command(line, shell=_flag(one.get("shell", False)), places=scope)
            except ValueError as error:
                self._say(where, taken=False, text=f"{_short(name)}: {error}")
                continue
            bulk = path[0] == "bulkCommands"
            table = {"name": _plain(name), "command": command, "scope": "global" if bulk and not used else scope}
            table["output"] = "terminal" if _flag(one.get("attach", False)) else "pane"
            self._found.setdefault("commands", []).append(table)
            self._say(where, taken=True, text=f"command “{_plain(name)}” for {table['scope']}{_notes(one, path, command)}")
        return ""

    def _command(self, line: str, *, shell: bool, places: str) -> tuple[str, bool]:
        """The line in our words, and whether it names the object.

        Raises:
            ValueError: it needs what we can not fill in, says why.
        """
        from tui.custom import PLACES

        used = False

        def replace(found: re.Match[str]) -> str:
            nonlocal used
            if found[1] == ".DockerCompose":
                return "\0C"
            place = _PLACES.get(found[1], "")
            if place.strip("{}") not in PLACES[places] or not place:
                raise ValueError(f"{_short(found[0])} can not be filled in")
            used = True
            return f"\0{place.strip('{}')}\1"

        text = _TEMPLATE.sub(replace, line.replace("\0", "").replace("\1", ""))
        if not shell:  # lazydocker splits the line and starts it without a shell
            text = " ".join(word if re.fullmatch(r"[\0\1\w%+,./:=@-]+", word) else shlex.quote(word) for word in shlex.split(text))
        text = text.replace("{", "{{").replace("}", "}}")
        return re.sub("\0(\\w+)\1", r"{\1}", text.replace("\0C", self._compose)), used


def _notes(table: Mapping[str, Any], path: Path, command: str) -> str:
    """What is different about a command that was taken."""
    notes = ["for every container, not only for some services"] if table.get("serviceNames") else []
    if path[1] == "services" and path[0] == "customCommands" and not notes:
        notes.append("also for containers that are no service")
    if command.startswith("docker "):
        notes.append("it calls docker: for containers of Longshore's own engine write longshore")
    return "".join(f"; {note}" for note in notes)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _same(name: str) -> Callable[[_Taker, object, Path], str]:
    return lambda taker, value, path: taker.set(name, _flag(value))


def _as_here(kind: type, then: str) -> Callable[[_Taker, object, Path], str]:
    """For what is so here anyhow, as long as the value is one that lazydocker understands."""

    def rule(taker: _Taker, value: object, path: Path) -> str:
        if not isinstance(value, kind):
            raise TypeError
        return then

    return rule


def _readable(colour: str) -> str:
    """Black or white, whichever can be read on a colour (``#rgb`` or ``#rrggbb``)."""
    digits = "".join(2 * char for char in colour[1:]) if len(colour) == 4 else colour[1:]
    red, green, blue = (int(digits[at : at + 2], 16) for at in (0, 2, 4))
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 128 else "#ffffff"


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else "�" for char in text)


def _short(value: object) -> str:
    text = _plain(str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, str) else str(value))
    return text if len(text) <= 60 else f"{text[:59]}…"


_COMPOSE = "compose files are not started from here"
_RULES: Mapping[str, str | Callable[[_Taker, object, Path], str]] = {
    "gui.scrollHeight": "scrolling goes by lines, half pages and pages",
    "gui.language": "the TUI speaks the language of its release",
    "gui.scrollPastBottom": "the end of a text is its end",
    "gui.mouseEvents": lambda taker, value, path: taker.set("mouse", not _flag(value)),
    "gui.ignoreMouseEvents": lambda taker, value, path: taker.set("mouse", not _flag(value)),
    **{
        f"gui.theme.{name}": _Taker.colour
        for name in ("activeBorderColor", "inactiveBorderColor", "selectedLineBgColor", "optionsTextColor")
    },
    "gui.showAllContainers": _as_here(bool, "all containers are listed; P groups them by project"),
    "gui.returnImmediately": "what a command wrote stays to be read",
    "gui.wrapMainPanel": _same("log_wrap"),
    "gui.legacySortContainers": lambda taker, value, path: taker.set("sort", "name" if _flag(value) else "state"),
    "gui.sidePanelWidth": _Taker.width,
    "gui.showBottomLine": "the bottom line stays",
    "gui.expandFocusedSidePanel": _same("expand_focused"),
    "gui.screenMode": _Taker.screen_mode,
    "gui.containerStatusHealthStyle": "the width of the list decides",
    "gui.border": "frames are round",
    "confirmOnQuit": _Taker.quit,
    "logs.timestamps": _same("log_timestamps"),
    "logs.since": "the last lines are shown, whenever they were written; i goes to a time",
    "logs.tail": _Taker.tail,
    "commandTemplates.dockerCompose": _as_here(str, "written into the commands that name it"),
    **{f"commandTemplates.{name}": _COMPOSE for name in (
        "restartService", "startService", "stopService", "upService", "up", "down", "downWithVolumes", "rebuildService",
        "recreateService", "serviceLogs", "viewServiceLogs", "allLogs", "viewAlLogs", "dockerComposeConfig",
        "checkDockerComposeConfig", "serviceTop",
    )},
    **{f"{kind}.{noun}": _Taker.commands for kind in ("customCommands", "bulkCommands") for noun in _SCOPES},
    "oS.openCommand": "nothing is opened with it; logs go to $PAGER",
    "oS.openLinkCommand": "links go to the desktop's browser",
    "stats.graphs": _Taker.graphs,
    "stats.maxDuration": "three minutes are kept",
    "replacements.imageNamePrefixes": "images keep their names",
    "ignore": "a filter or e hides rows",
}  # fmt: skip
"""What becomes of each key: a rule that takes it, or why it is not taken."""
