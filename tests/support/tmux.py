"""A real terminal: a program in a tmux server of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence

from tests.support.wait import until


class Terminal:
    """One screen. Keys go in by tmux's names, text comes back as it is drawn."""

    def __init__(self, socket: str, status: str) -> None:
        self._socket = socket
        self._status = status

    def tmux(self, *words: str) -> str:
        """Run a tmux command; its output comes back."""
        return subprocess.run(["tmux", "-S", self._socket, *words], capture_output=True, text=True, check=True).stdout

    def keys(self, *keys: str) -> None:
        """Press keys, such as ``Enter``, ``C-p``, ``x``."""
        self.tmux("send-keys", "-t", "main", *keys)

    def type(self, text: str) -> None:
        """Type text as it is."""
        self.tmux("send-keys", "-t", "main", "-l", text)

    def screen(self) -> str:
        """What is on the screen."""
        return self.tmux("capture-pane", "-t", "main", "-p")

    def shows(self, text: str, timeout: float = 60) -> str:
        """Wait until ``text`` is on the screen; the screen comes back."""

        def found() -> str:
            screen = self.screen()
            return screen if text in screen else ""

        try:
            return until(found, timeout)
        except AssertionError:
            raise AssertionError(f"{text!r} is not on the screen:\n{self.screen()}") from None

    def misses(self, text: str, timeout: float = 60) -> None:
        """Wait until ``text`` is not on the screen."""
        try:
            until(lambda: text not in self.screen(), timeout)
        except AssertionError:
            raise AssertionError(f"{text!r} is still on the screen:\n{self.screen()}") from None

    def over(self) -> bool:
        """The program has ended."""
        return os.path.exists(self._status)

    @property
    def status(self) -> int:
        """The ended program's exit code, 128 + n after signal n."""
        with open(self._status, encoding="ascii") as file:
            return int(file.read())

    @property
    def pid(self) -> int:
        """The program's process."""
        shell = self.tmux("list-panes", "-t", "main", "-F", "#{pane_pid}").strip()
        with open(f"/proc/{shell}/task/{shell}/children", encoding="ascii") as file:
            return int(file.read().split()[0])


@contextlib.contextmanager
def terminal(
    directory: str, command: Sequence[str], *, width: int = 160, height: int = 48, env: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """Run ``command`` in a terminal of that size; the server's socket lies in ``directory``."""
    socket = os.path.join(directory, "tmux")
    config = os.path.join(directory, "tmux.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write("set -g remain-on-exit on\nset -g default-terminal tmux-256color\nset -g status off\nset -g escape-time 0\n")
    # tmux loses a SIGCHLD now and then, and does not know of the end: a shell around the program tells it in a file.
    status = os.path.join(directory, "status")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(status)
    command = ["sh", "-c", '"$@"; echo $? > "$0.new"; mv "$0.new" "$0"', status, *command]
    place = Terminal(socket, status)
    environment = {"LANG": "C.UTF-8", **(env or os.environ)}
    start = ["tmux", "-S", socket, "-f", config, "new-session", "-d", "-s", "main", "-x", str(width), "-y", str(height), *command]
    subprocess.run(start, check=True, env=environment, stdin=subprocess.DEVNULL)
    try:
        yield place
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            place.tmux("kill-server")
