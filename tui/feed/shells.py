"""What a container's terminal runs: the shells an image may have, and what a person chose for it the last time."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from engine.errors import ExecutableNotFound, InvalidArgument, NotExecutable
from engine.interface import Engine, Session
from engine.model.containers import ExecConfig
from engine.model.value import Value
from tui.memory import Memory, Notes
from tui.words import tr

PROBE = "for s in bash zsh fish ash; do p=$(command -v $s) && exec $p; done; exec sh"
"""The first of bash, zsh, fish, ash and sh that the image has; one round trip where it has a sh at all."""
CANDIDATES = (("/bin/sh", "-c", PROBE), ("/bin/bash",), ("/bin/ash",), ("/busybox/sh",), ("sh",), ("bash",))
"""Command lines that are tried one after the other; images without /bin/sh exist that have one of the others."""
_KEY = "exec"


class ExecChoice(Value):
    """What is run, as whom and where.

    Attributes:
        command: as a person types it, ``""`` for the first shell there is.
        user: name or number, with a group after a colon; ``""`` for the container's own.
        directory: ``""`` for the container's own.
        screen: on the whole screen instead of a tab.
    """

    command: str = ""
    user: str = ""
    directory: str = ""
    screen: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The command's words.

        Raises:
            InvalidArgument: a quotation is not ended.
        """
        return command_words(self.command)


def command_words(command: str) -> tuple[str, ...]:
    """The words of a command as a person types it.

    Raises:
        InvalidArgument: a quotation is not ended.
    """
    try:
        return tuple(shlex.split(command))
    except ValueError as error:
        raise InvalidArgument(tr("command: {error}", error=error)) from error


def choice_of(texts: Mapping[str, str]) -> ExecChoice:
    """What a form's fields say.

    Raises:
        InvalidArgument: the message begins with the field's name.
    """
    where = texts.get("where", "").strip() or "tab"
    if where not in ("tab", "screen"):
        raise InvalidArgument(tr("where: {where} is neither tab nor screen", where=where))
    directory = texts.get("directory", "").strip()
    if directory and not directory.startswith("/"):
        raise InvalidArgument(tr("directory: {directory} does not begin with /", directory=directory))
    choice = ExecChoice(
        command=texts.get("command", "").strip(), user=texts.get("user", "").strip(), directory=directory, screen=where == "screen"
    )
    _ = choice.words
    return choice


class Shells:
    """Opens processes in containers, and remembers for each image what was found and chosen."""

    def __init__(self, engine: Engine, memory: Memory) -> None:
        self._engine = engine
        self._notes = Notes(memory, _KEY)

    def chosen(self, image: str) -> ExecChoice:
        """What was chosen for an image the last time."""
        known = self._notes.get(image)
        return ExecChoice(
            command=known.get("command", ""),
            user=known.get("user", ""),
            directory=known.get("directory", ""),
            screen=known.get("where") == "screen",
        )

    def choose(self, image: str, choice: ExecChoice) -> None:
        """Remember what was chosen for an image."""
        where = "screen" if choice.screen else ""
        texts = {"command": choice.command, "user": choice.user, "directory": choice.directory, "where": where}
        self._notes.put(image, {**texts, "found": self._notes.get(image).get("found", "")})

    async def open(self, container: str, image: str, choice: ExecChoice, width: int, height: int) -> Session:
        """Run what was chosen, or the image's shell.

        Raises:
            ExecutableNotFound: the command is not there, or the image has no shell.
            LongshoreError: it can not be run.
        """
        if choice.words:
            return await self._run(container, choice.words, choice, width, height)
        before = self._notes.get(image).get("found", "")
        known = next((one for one in CANDIDATES if one[0] == before), None)
        for command in (*((known,) if known else ()), *(one for one in CANDIDATES if one != known)):
            try:
                session = await self._run(container, command, choice, width, height)
            except (ExecutableNotFound, NotExecutable):
                continue
            if command is not CANDIDATES[0] or before:
                self._notes.put(image, {**self._notes.get(image), "found": command[0]})
            return session
        raise ExecutableNotFound(
            tr("no shell in {image}", image=image),
            hint=tr("B opens one beside it, in a second container with tools; ^e runs a program that it does have; f shows its files"),
        )

    async def _run(self, container: str, command: tuple[str, ...], choice: ExecChoice, width: int, height: int) -> Session:
        config = ExecConfig(
            cmd=command,
            tty=True,
            stdin=True,
            env=("TERM=xterm-256color",),
            user=choice.user,
            working_dir=choice.directory,
            width=width,
            height=height,
        )
        return await self._engine.containers.exec(container, config)
