"""What a verb gets: the global options, an engine when it asks for one, and its streams."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator, Coroutine, Generator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from engine.cli.runner import InlineRunner, LoopRunner, Runner, iterate
from engine.cli.screen import Screen
from engine.model.value import Value

if TYPE_CHECKING:
    from engine.errors import LongshoreError
    from engine.interface import Engine, Hosts
    from engine.model.hosts import HostState

T = TypeVar("T")


class Globals(Value):
    """Options before the verb."""

    host: str = ""
    root: str = ""
    config: str = ""
    debug: bool = False


class Context:
    """One run of one verb."""

    def __init__(self, options: Globals) -> None:
        self.options = options
        self.out = Screen(sys.stdout)
        self.err = Screen(sys.stderr)
        self._runner: Runner | None = None
        self._engine: Engine | None = None

    @property
    def embedded(self) -> bool:
        """The engine is our own, not a Docker host."""
        return self.options.host in ("", "embedded", "embedded:")

    @property
    def runner(self) -> Runner:
        """Runs the engine's coroutines."""
        if self._runner is None:
            self._runner = InlineRunner() if self.embedded else LoopRunner()
        return self._runner

    @property
    def engine(self) -> Engine:
        """The engine, connected when first asked for."""
        if self._engine is None:
            from engine.connect import connect

            if self.embedded and os.geteuid():
                self._become_root()
            self._engine = connect(self.options.host, root=self.options.root, config=self.options.config, lost=self._warn)
        return self._engine

    @property
    def hosts(self) -> Hosts:
        """The hosts that are known."""
        from engine.connect import hosts

        return hosts(root=self.options.root, config=self.options.config)

    def ask_hosts(self, names: Sequence[str] = (), *, timeout: float) -> Generator[HostState, None, None]:
        """Ask hosts, all at the same time (see :meth:`engine.interface.Hosts.states`)."""
        runner = LoopRunner()
        try:
            yield from iterate(runner, self.hosts.states(names, timeout=timeout))
        finally:
            runner.close()

    def _warn(self, host: str, error: LongshoreError) -> None:
        print(f"WARNING: host {host}: {error.message.splitlines()[0]}", file=self.err)

    def _become_root(self) -> None:
        """Of an ordinary user's namespace; when that is new, say what could be better in it."""
        from engine.rootless import entry
        from engine.store.roots import resolve

        trouble = entry.enter(resolve(self.options.root))
        if trouble:
            print(f"WARNING: {trouble}", file=self.err)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of an engine call."""
        return self.runner.run(coroutine)

    def iterate(self, stream: AsyncGenerator[T, None]) -> Generator[T, None, None]:
        """The items of an engine's stream."""
        return iterate(self.runner, stream)

    def close(self) -> None:
        """Give up the engine's connections and the runner."""
        if self._engine is not None:
            self.run(self._engine.close())
        if self._runner is not None:
            self._runner.close()
