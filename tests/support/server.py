"""A real ``longshore serve`` in a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

from tests.support import description, recording
from tests.support.stateroot import StateRoot
from tests.support.wait import until


@contextlib.contextmanager
def running_server(root: StateRoot, *options: str, engine: str = "") -> Iterator[str]:
    """Serve a state root on its own socket; the URL. It must end without a complaint when it is asked to.

    What it answered is held against the public description of the API afterwards.

    ``options`` are those of ``serve``; ``engine`` is the address of another engine, which is served instead.
    """
    path = f"{root.roots.run}/docker.sock"
    log, tapes = f"{root.directory}/serve.log", f"{root.directory}/tapes"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(tapes)
    with open(log, "wb") as output:
        command = ["--host", engine] if engine else root.command[3:]
        environment = {**root.environment, "PYTHONPATH": description.ROOT}
        argv = [sys.executable, "-m", "tests.support.recording", tapes, *command, "serve", "-H", f"unix://{path}", *options]
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
    try:
        until(lambda: process.poll() is not None or said(log, "API listen on"), what="longshore serve")
        assert process.poll() is None, text_of(log)
        yield f"unix://{path}"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, text_of(log)
        assert "defect" not in text_of(log) and "Traceback" not in text_of(log), text_of(log)
        assert not os.path.exists(path)
        if not engine:  # the answers of another engine are its own
            differing = faults(tapes)
            assert not differing, "answers differ from the API's description:\n" + "\n".join(differing)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def faults(tapes: str) -> list[str]:
    """How the answers on some tapes differ from the API's description, each once."""
    if description.described(description.PACKAGED) is None or not os.path.exists(tapes):
        return []
    return sorted({str(found) for answer in recording.answers(tapes) for found in description.faults(answer)})


def said(path: str, word: str) -> bool:
    """A log has a word in it."""
    return word in text_of(path)


def text_of(path: str) -> str:
    """A log's text."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
