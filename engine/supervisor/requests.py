"""What clients may ask of a supervisor: one function a request, found by name.

Answers are REPLY or ERROR frames; a request that waits (stop, kill) is answered when the container has ended, and goes
on when its client leaves.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from engine.errors import Conflict, EngineFault, InvalidArgument, LongshoreError, NotModified
from engine.model.containers import ContainerStatus, ExecConfig
from engine.spawner import wire
from engine.store import codec
from engine.supervisor import signals
from engine.supervisor.execs import ExecProcess
from engine.supervisor.peers import Peer
from engine.supervisor.supervisor import Supervisor

DEFAULT_STOP_TIMEOUT = 10
"""Docker's seconds between the stop signal and SIGKILL."""

Fields = dict[str, Any]


def on_frame(supervisor: Supervisor, peer: Peer, kind: int, payload: bytes) -> None:
    """The first frame of a connection: a request. Attach and exec then replace this handler."""
    if kind != wire.REQUEST:
        peer.close()
        return
    try:
        fields = wire.fields_of(payload)
    except LongshoreError as error:
        peer.refuse(error)
        return
    handle(supervisor, peer, fields)


def handle(supervisor: Supervisor, peer: Peer, fields: Fields) -> None:
    """Serve a request; what goes wrong with it goes to its client."""
    if supervisor.finished:
        answer(peer, gone=True)
        return
    try:
        serve = _REQUESTS.get(str(fields.get("op")))
        if serve is None:
            raise InvalidArgument(f"unknown request {fields.get('op')}")
        serve(supervisor, peer, fields)
    except LongshoreError as error:
        peer.refuse(error)
    except OSError as error:
        peer.refuse(EngineFault(str(error)))
    finally:
        supervisor.book.rest()


def answer(peer: Peer, **fields: Any) -> None:
    """The last word on a connection."""
    peer.reply(**fields)
    peer.end()


def _start(supervisor: Supervisor, peer: Peer, _fields: Fields) -> None:
    if supervisor.state.status is ContainerStatus.PAUSED:
        raise Conflict("cannot start a paused container, try unpause instead")
    if supervisor.running or supervisor.restarting:
        raise NotModified(f"container {supervisor.record.short_id} is already running")
    supervisor.restarts.count = 0
    supervisor.start()
    answer(peer)


def _stop(supervisor: Supervisor, peer: Peer, fields: Fields) -> None:
    if supervisor.restarting:
        supervisor.cancel_restart()
        answer(peer)
        return
    run = supervisor.run
    if run is None:
        raise NotModified(f"container {supervisor.record.short_id} is not running")
    config = supervisor.record.config
    number = signals.parse(str(fields.get("signal") or config.stop_signal or signals.DEFAULT_STOP))
    timeout = fields.get("timeout")
    if timeout is None:
        timeout = DEFAULT_STOP_TIMEOUT if config.stop_timeout is None else config.stop_timeout
    supervisor.stop_requested = True
    supervisor.keep = bool(fields.get("keep"))
    _set_manually_stopped(supervisor)
    supervisor.on_exit.append(lambda _code: answer(peer))
    _send(supervisor, number, fatal=True)
    if timeout >= 0 and number != signal.SIGKILL:
        timer = supervisor.loop.later(float(timeout), lambda: _send(supervisor, signal.SIGKILL, fatal=True))
        supervisor.on_exit.append(lambda _code: supervisor.loop.cancel(timer))


def _kill(supervisor: Supervisor, peer: Peer, fields: Fields) -> None:
    if supervisor.restarting:
        supervisor.cancel_restart()
        answer(peer)
        return
    if supervisor.run is None:
        raise Conflict(f"container {supervisor.record.id} is not running")
    number = signals.parse(str(fields.get("signal") or "KILL"))
    stop = signals.parse(supervisor.record.config.stop_signal or str(signals.DEFAULT_STOP))
    fatal = number in (stop, signal.SIGKILL)
    if fatal:
        _set_manually_stopped(supervisor)
    if number == signal.SIGKILL:
        supervisor.on_exit.append(lambda _code: answer(peer))
        _send(supervisor, number, fatal=True)
    else:
        _send(supervisor, number, fatal=fatal)
        answer(peer)


def _set_manually_stopped(supervisor: Supervisor) -> None:
    supervisor.manually_stopped = True
    supervisor.book.write(supervisor.state, manually_stopped=True)


def _send(supervisor: Supervisor, number: int, *, fatal: bool) -> None:
    """Signal the main process; one that is meant to end it also thaws it, as docker does."""
    run = supervisor.run
    if run is None:
        return
    run.signal(number)
    supervisor.tell("kill", {"signal": str(number)})
    if fatal and supervisor.state.status is ContainerStatus.PAUSED:
        _thaw(supervisor)


def _pause(supervisor: Supervisor, peer: Peer, _fields: Fields) -> None:
    run = supervisor.run
    if supervisor.restarting:
        raise _restarting(supervisor)
    if run is None:
        raise Conflict(f"container {supervisor.record.id} is not running")
    if supervisor.state.status is ContainerStatus.PAUSED:
        raise Conflict(f"container {supervisor.record.id} is already paused")
    run.pause()
    supervisor.state = supervisor.state.replace(status=ContainerStatus.PAUSED)
    try:
        supervisor.book.write(supervisor.state, ("pause", {}))
    except LongshoreError:
        supervisor.state = supervisor.state.replace(status=ContainerStatus.RUNNING)
        run.unpause()
        raise
    answer(peer)


def _unpause(supervisor: Supervisor, peer: Peer, _fields: Fields) -> None:
    if supervisor.run is None or supervisor.state.status is not ContainerStatus.PAUSED:
        raise Conflict(f"container {supervisor.record.id} is not paused")
    _thaw(supervisor)
    answer(peer)


def _thaw(supervisor: Supervisor) -> None:
    if supervisor.run is not None:
        supervisor.run.unpause()
        supervisor.state = supervisor.state.replace(status=ContainerStatus.RUNNING)
        supervisor.book.write(supervisor.state, ("unpause", {}))


def _attach(supervisor: Supervisor, peer: Peer, fields: Fields) -> None:
    supervisor.attached[peer] = bool(fields.get("stdin"))
    supervisor.audience.add(peer)
    peer.on_frame = lambda peer, kind, payload: _attached(supervisor, peer, kind, payload)
    peer.reply(until=supervisor.log_position())
    supervisor.tell("attach", {})


def _attached(supervisor: Supervisor, peer: Peer, kind: int, payload: bytes) -> None:
    if kind == wire.RESIZE:
        size = wire.fields_of(payload)
        supervisor.resize(int(size.get("width", 0)), int(size.get("height", 0)))
    elif supervisor.attached.get(peer):
        if kind == wire.STDIN:
            supervisor.feed(peer, payload)
        elif kind == wire.STDIN_END:
            supervisor.end_input(peer)


def _exec(supervisor: Supervisor, peer: Peer, fields: Fields) -> None:
    run = supervisor.run
    if supervisor.restarting:
        raise _restarting(supervisor)
    if run is None:
        raise Conflict(f"container {supervisor.record.id} is not running")
    if supervisor.state.status is ContainerStatus.PAUSED:
        raise Conflict(f"container {supervisor.record.id} is paused, unpause the container before exec")
    config = codec.decode(ExecConfig, str(fields.get("config", "{}")))
    session = ExecProcess(supervisor.loop, peer, config, tell=supervisor.tell, on_end=supervisor.execs.remove)
    session.start(run)
    supervisor.execs.append(session)
    if config.detach:
        answer(peer, exec=session.id)
        return
    peer.reply(exec=session.id)
    peer.on_frame = session.frame
    supervisor.when_closed(peer, session.left)


def _wait(supervisor: Supervisor, peer: Peer, _fields: Fields) -> None:
    """Answered at the next exit."""
    supervisor.on_exit.append(lambda code: answer(peer, exit_code=code))


def _retire(supervisor: Supervisor, peer: Peer, _fields: Fields) -> None:
    if supervisor.running or supervisor.restarting:
        raise Conflict(f"container {supervisor.record.id} is running")
    peer.reply()
    supervisor.retire()


def _restarting(supervisor: Supervisor) -> Conflict:
    return Conflict(f"container {supervisor.record.id} is restarting, wait until the container is running")


_REQUESTS: dict[str, Callable[[Supervisor, Peer, Fields], None]] = {
    "start": _start,
    "stop": _stop,
    "kill": _kill,
    "pause": _pause,
    "unpause": _unpause,
    "attach": _attach,
    "exec": _exec,
    "wait": _wait,
    "retire": _retire,
}
