"""A second container beside one whose image has no shell or no tools: it shares the other's processes and network.

It is made of any image, with the other's process and network namespaces, and is gone when its terminal is closed. The
other's files are below :data:`FILES`, as its first process sees them. Nothing is changed in the container that is looked at.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Mapping, Sequence

from engine.errors import InvalidArgument, LongshoreError
from engine.interface import Engine, Session
from engine.model.containers import ContainerConfig, HostConfig
from engine.model.images import Image
from engine.model.streams import Output
from engine.model.value import Value
from tui.feed.shells import PROBE, command_words
from tui.memory import Memory, Notes
from tui.words import tr

FILES = "/proc/1/root"
"""The files of the container that is looked at, inside the second one (proc_pid_root(5))."""
CAPABILITY = "SYS_PTRACE"
"""To look at processes of other users, and through ``/proc`` at their files (ptrace(2), access mode checking)."""
LABEL = "longshore.debug-of"
"""On the second container: the id of the one that it was made for."""
TOOLS = ("nicolaka/netshoot", "alpine", "busybox", "debian", "ubuntu", "fedora")
"""Images that have a shell, the most useful first."""
_KEY, _LAST = "debug", "last"


class DebugChoice(Value):
    """What the second container is made of.

    Attributes:
        image: its image.
        command: as a person types it, ``""`` for the first shell there is.
        user: ``""`` for the image's own.
    """

    image: str
    command: str = ""
    user: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The command's words.

        Raises:
            InvalidArgument: a quotation is not ended.
        """
        return command_words(self.command)

    def config(self, container: str) -> tuple[ContainerConfig, HostConfig]:
        """The second container of the one with this id."""
        words = self.words or ("/bin/sh", "-c", PROBE)
        config = ContainerConfig(
            image=self.image,
            entrypoint=words[:1],
            cmd=words[1:],
            env=("TERM=xterm-256color",),
            user=self.user,
            labels={LABEL: container.partition("@")[0]},
            tty=True,
            open_stdin=True,
            stdin_once=True,
            attach_stdin=True,
            attach_stdout=True,
            attach_stderr=True,
        )
        shared = f"container:{container}"
        return config, HostConfig(network_mode=shared, pid_mode=shared, cap_add=(CAPABILITY,), auto_remove=True)

    def typed(self, name: str) -> str:
        """The command line that does the same beside the container of this name."""
        shared = f"container:{name}"
        user = ("-u", self.user) if self.user else ()
        words = self.words or ("sh",)
        flags = ("-it", "--rm", "--pid", shared, "--network", shared, "--cap-add", CAPABILITY, *user, "--entrypoint", words[0])
        return shlex.join(["run", *flags, self.image, *words[1:]])


def debug_choice(texts: Mapping[str, str]) -> DebugChoice:
    """What a form's fields say.

    Raises:
        InvalidArgument: the message begins with the field's name.
    """
    image = texts.get("image", "").strip()
    if not image or image.startswith("-") or " " in image:
        raise InvalidArgument(tr("image: the name of one is needed, such as busybox"))
    choice = DebugChoice(image=image, command=texts.get("command", "").strip(), user=texts.get("user", "").strip())
    _ = choice.words
    return choice


def names_of(images: Sequence[Image], host: str) -> tuple[str, ...]:
    """The images of a host by the names that they have there."""
    return tuple(tag.removesuffix(f"@{host}") for image in images if image.host == host for tag in image.tags)


def remembered(memory: Memory, names: Sequence[str]) -> DebugChoice:
    """What was chosen the last time, else an image with tools among those that are there, else a small one to pull."""
    if kept := Notes(memory, _KEY).get(_LAST):
        with contextlib.suppress(InvalidArgument):
            return debug_choice(kept)
    there = (name for tool in TOOLS for name in names if name.rpartition(":")[0].removeprefix("docker.io/library/") == tool)
    return DebugChoice(image=next(there, "busybox"))


def remember(memory: Memory, choice: DebugChoice) -> None:
    """Keep it for the next time."""
    Notes(memory, _KEY).put(_LAST, {"image": choice.image, "command": choice.command, "user": choice.user})


class _Second(Session):
    """The session of the second container's main process, which goes with it."""

    def __init__(self, engine: Engine, container: str, session: Session) -> None:
        self._engine, self._container, self._session = engine, container, session

    @property
    def pid(self) -> int:
        return self._session.pid

    async def read(self) -> Output | None:
        return await self._session.read()

    async def write(self, data: bytes) -> None:
        await self._session.write(data)

    async def close_input(self) -> None:
        await self._session.close_input()

    async def resize(self, *, width: int, height: int) -> None:
        await self._session.resize(width=width, height=height)

    async def exit_code(self) -> int:
        return await self._session.exit_code()

    async def close(self) -> None:
        await self._session.close()
        await _removed(self._engine, self._container)


async def _removed(engine: Engine, container: str) -> None:
    with contextlib.suppress(LongshoreError):  # it ended, and removed itself
        await engine.containers.remove(container, force=True, volumes=True)


async def beside(engine: Engine, container: str, choice: DebugChoice, *, width: int, height: int) -> Session:
    """Make the second container, start it, and be its terminal; closing the session removes it.

    Raises:
        LongshoreError: it can not be made or started; nothing is left of it then.
    """
    made = await engine.containers.create(*choice.config(container))
    try:
        session = await engine.containers.attach(made.id, stdin=True)
        try:
            await engine.containers.start(made.id)
            await session.resize(width=width, height=height)
        except BaseException:
            await session.close()
            raise
    except BaseException:
        await _removed(engine, made.id)
        raise
    return _Second(engine, made.id, session)
