"""Pulls: each is a task that folds the engine's progress into a :class:`PullState`, and can be cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.message import Message

from engine.errors import LongshoreError
from engine.interface import Engine
from engine.model.images import PullPhase, PullProgress
from tui.messages import OperationFailed, OperationSucceeded, PullsChanged
from tui.snapshot import PullState

TOGETHER = 0.1
"""Seconds in which progress is collected before the screen is told."""


class Pulls:
    """All pulls of this session, newest last."""

    def __init__(self, engine: Engine, post: Callable[[Message], object]) -> None:
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
        if reference in self.running:
            return self._tasks[reference]
        self._states.pop(reference, None)
        self._states[reference] = PullState(reference=reference)
        task = self._tasks[reference] = asyncio.create_task(self._pull(reference))
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

    async def _pull(self, reference: str) -> bool:
        stream = self._engine.images.pull(reference)
        try:
            async for progress in stream:
                self._fold(reference, progress)
        except LongshoreError as error:
            self._end(reference, "failed", error.message)
            self._post(OperationFailed(f"pull {reference}", error))
            return False
        except asyncio.CancelledError:
            self._end(reference, "cancelled", "what is complete is kept for the next try")
            raise
        finally:
            await stream.aclose()
        state = self._states.get(reference)
        self._end(reference, "done", state.note if state else "")
        self._post(OperationSucceeded(f"pull {reference}", state.note if state and state.note else "complete"))
        return True

    def _fold(self, reference: str, progress: PullProgress) -> None:
        state = self._states.get(reference)
        if state is None:
            return
        if progress.phase in (PullPhase.DIGEST, PullPhase.STATUS):
            state = state.replace(note=progress.detail)
        elif progress.phase is not PullPhase.PULLING and progress.layer:
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
