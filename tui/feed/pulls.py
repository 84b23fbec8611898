"""Pulls, pushes and archives: each is a task that folds progress into a :class:`PullState`, and can be cancelled."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import AsyncGenerator, Callable, Sequence

from textual.message import Message

from engine.errors import LongshoreError
from engine.interface import Engine
from engine.model.images import ImageContents, PullPhase, PullProgress, PushPhase, PushProgress
from tui.feed.journal import Journal
from tui.messages import OperationFailed, OperationSucceeded, PullsChanged
from tui.snapshot import FileProgress, PullState
from tui.words import tr

Progress = PullProgress | PushProgress | FileProgress

TOGETHER = 0.1
"""Seconds in which progress is collected before the screen is told."""


class Pulls:
    """All of them of this session, newest last."""

    def __init__(self, engine: Engine, post: Callable[[Message], object], journal: Journal | None = None) -> None:
        self.journal = journal or Journal()
        self._engine = engine
        self._post = post
        self._states: dict[str, PullState] = {}
        self._tasks: dict[str, asyncio.Task[bool]] = {}
        self._telling: asyncio.TimerHandle | None = None

    @property
    def states(self) -> tuple[PullState, ...]:
        """The pulls that are shown."""
        return tuple(self._states.values())

    @property
    def running(self) -> tuple[str, ...]:
        """References that are being pulled."""
        return tuple(reference for reference, task in self._tasks.items() if not task.done())

    def start(self, reference: str) -> asyncio.Task[bool]:
        """Begin to pull, or join the pull of the same reference. The task's result says whether it went well."""
        stream = self._engine.images.pull(reference)
        return self._begin(
            reference, "pull", tr("pull {reference}", reference=reference), stream, kept=tr("what is complete is kept for the next try")
        )

    def push(self, reference: str) -> asyncio.Task[bool]:
        """Begin to bring an image to its registry."""
        stream = self._engine.images.push(reference)
        return self._begin(
            reference, "push", tr("push {reference}", reference=reference), stream, kept=tr("what the registry has by now it keeps")
        )

    def save(self, names: Sequence[str], path: str, size: int) -> asyncio.Task[bool]:
        """Begin to write images into an archive; ``size`` is about how large it will be."""
        from tui.feed.archives import save_images  # late: not needed for the first picture

        command = shlex.join(["save", "-o", path, *names])
        return self._begin(path, "save", command, save_images(self._engine, names, path, size), kept=tr("the unfinished file is removed"))

    def load(self, path: str) -> asyncio.Task[bool]:
        """Begin to take images from an archive."""
        from tui.feed.archives import load_images

        command = shlex.join(["load", "-i", path])
        return self._begin(path, "load", command, load_images(self._engine, path), kept=tr("no image came of it"))

    def look_into(self, image: str, name: str, size: int, told: Callable[[ImageContents], object]) -> asyncio.Task[bool]:
        """Begin to read what an image's layers hold; ``size`` is about how large it is, ``told`` gets it."""
        from tui.feed.archives import read_contents

        stream = read_contents(self._engine, image, size, told)
        return self._begin(name, "read", tr("read the layers of {name}", name=name), stream, kept=tr("nothing was changed"))

    def _begin(self, reference: str, verb: str, command: str, stream: AsyncGenerator[Progress, None], *, kept: str) -> asyncio.Task[bool]:
        if reference in self.running:
            return self._tasks[reference]
        self._states.pop(reference, None)
        self._states[reference] = PullState(reference=reference, verb=verb)
        task = self._tasks[reference] = asyncio.create_task(self._pull(reference, verb, command, stream, kept))
        self._post(PullsChanged(self.states))
        return task

    def cancel(self, reference: str) -> None:
        """Stop a pull; what is complete stays for the next try."""
        if reference in self.running:
            self._tasks[reference].cancel()

    def clear(self) -> bool:
        """Forget the pulls that ended; whether there were any."""
        ended = [reference for reference, state in self._states.items() if state.outcome]
        for reference in ended:
            del self._states[reference]
        if ended:
            self._post(PullsChanged(self.states))
        return bool(ended)

    async def close(self) -> None:
        """Cancel everything."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self._telling is not None:
            self._telling.cancel()

    async def _pull(self, reference: str, verb: str, command: str, stream: AsyncGenerator[Progress, None], kept: str) -> bool:
        """Fold a stream of progress until it ends; ``kept`` is what remains of one that is cancelled."""
        entry = self.journal.begin(time.time(), command)
        problem = "cancelled"
        try:
            async for progress in stream:
                self._fold(reference, progress)
            problem = ""
        except LongshoreError as error:
            problem = error.message
            self._end(reference, "failed", error.message)
            self._post(OperationFailed(tr("{verb} {name}", verb=tr(verb), name=reference), error))
            return False
        except asyncio.CancelledError:
            self._end(reference, "cancelled", kept)
            raise
        finally:
            self.journal.end(entry, now=time.time(), problem=problem)
            await stream.aclose()
        state = self._states.get(reference)
        self._end(reference, "done", state.note if state else "")
        title = tr("{verb} {name}", verb=tr(verb), name=reference)
        self._post(OperationSucceeded(title, state.note if state and state.note else tr("complete")))
        return True

    def _fold(self, reference: str, progress: Progress) -> None:
        state = self._states.get(reference)
        if state is None:
            return
        tells = progress.phase in (PullPhase.DIGEST, PullPhase.STATUS, PushPhase.DIGEST)
        if tells or (isinstance(progress, FileProgress) and progress.detail):
            state = state.replace(note=progress.detail)
        elif progress.phase not in (PullPhase.PULLING, PushPhase.REFERS) and progress.layer:
            layers = {layer.layer: layer for layer in state.layers}
            layers[progress.layer] = progress
            state = state.replace(layers=tuple(layers.values()))
        self._states[reference] = state
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(TOGETHER, self._told)

    def _end(self, reference: str, outcome: str, note: str) -> None:
        if reference in self._states:
            self._states[reference] = self._states[reference].replace(outcome=outcome, note=note)
            self._post(PullsChanged(self.states))

    def _told(self) -> None:
        self._telling = None
        self._post(PullsChanged(self.states))
