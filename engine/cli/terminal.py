"""The person's terminal joined to a process in a container: attach, exec, and ``run`` in the foreground.

The main thread moves output; one thread moves input. Standard input is only read when the process wants it. With a
tty our own terminal is raw, its size follows, and the detach keys are looked for; without one signals are passed on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

from engine.cli.context import Context
from engine.cli.flags import UsageError
from engine.errors import InvalidArgument, LongshoreError
from engine.model.keys import DETACH_KEYS, Detacher, parse_keys
from engine.model.streams import StreamName

if TYPE_CHECKING:
    from engine.interface import Session

_CHUNK = 65536


def check_tty(*, tty: bool, stdin: bool) -> None:
    """Refuse ``-it`` when standard input is not a terminal.

    Raises:
        UsageError: docker's sentence.
    """
    if tty and stdin and not os.isatty(0):
        raise UsageError("the input device is not a TTY")


class Conversation:
    """One joined session.

    Args:
        tty: the process has a terminal.
        stdin: standard input goes to it.
        forward: called with a signal's number when ours should be the process's; ``None`` to keep them.
    """

    def __init__(
        self,
        context: Context,
        session: Session,
        *,
        tty: bool,
        stdin: bool,
        keys: str = DETACH_KEYS,
        forward: Callable[[int], None] | None = None,
    ) -> None:
        self._context = context
        self._session = session
        self._tty = tty
        self._stdin = stdin
        try:
            self._keys = parse_keys(keys or DETACH_KEYS)
        except InvalidArgument as error:
            raise UsageError(str(error)) from None
        self._forward = forward
        self.detached = False

    def run(self) -> int | None:
        """Until the process ends or the person detaches: its exit code, or ``None`` when detached."""
        with self._raw(), self._signals():
            if self._stdin:
                threading.Thread(target=self._input, name="stdin", daemon=True).start()
            self._output()
        if self.detached:
            return None
        return self._context.run(self._session.exit_code())

    def run_alone(self) -> int:
        """As :meth:`run`, where docker takes detaching for a failure to go on: ``attach`` and ``exec``."""
        code = self.run()
        if code is None:
            print("read escape sequence", file=sys.stderr)
            return 1
        return code

    def _output(self) -> None:
        targets = {StreamName.STDOUT: 1, StreamName.STDERR: 2}
        while (piece := self._context.run(self._session.read())) is not None:
            _write_all(targets[piece.stream], piece.data)

    def _input(self) -> None:
        run, session = self._context.runner.run, self._session
        watch = Detacher(self._keys) if self._tty else None
        try:
            while data := os.read(0, _CHUNK):
                if watch is not None:
                    data, self.detached = watch.feed(data)
                if data:
                    run(session.write(data))
                if self.detached:
                    run(session.close())
                    return
            run(session.close_input())
        except (LongshoreError, OSError):
            # The process has gone; the output side tells how.
            return

    @contextlib.contextmanager
    def _raw(self) -> Iterator[None]:
        if not (self._tty and self._stdin and os.isatty(0)):
            yield
            return
        import termios
        import tty

        before = termios.tcgetattr(0)
        tty.setraw(0)
        try:
            yield
        finally:
            termios.tcsetattr(0, termios.TCSADRAIN, before)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        handlers: dict[int, Callable[[int, FrameType | None], None]] = {}
        if self._tty:
            handlers[signal.SIGWINCH] = lambda number, frame: self._resize()
        elif self._forward is not None:
            forward = self._forward
            for proxied in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
                handlers[proxied] = lambda number, frame: forward(number)
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        if self._tty:
            self._resize()
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _resize(self) -> None:
        with contextlib.suppress(OSError, LongshoreError):
            size = os.get_terminal_size(1)
            self._context.run(self._session.resize(width=size.columns, height=size.lines))


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        raise BrokenPipeError(error.errno, error.strerror) from None


def flush() -> None:
    """Text that was printed before must come before the container's bytes."""
    sys.stdout.flush()
    sys.stderr.flush()
