"""What clients may ask of a supervisor: one function a request, found by name.

Answers are REPLY or ERROR frames; a request that waits (stop, kill) is answered when the container has ended, and goes
on when its client leaves.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from engine.errors import Conflict, EngineFault, InvalidArgument, LongshoreError, NotModified, StartFailed
from engine.model.containers import ContainerStatus, ExecConfig, RestartPolicy
from engine.model.health import UNHEALTHY
from engine.spawner import wire
from engine.store import codec
from engine.supervisor import signals
from engine.supervisor.execs import ExecSession
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
    except Exception as error:  # a client of another version, or a defect: no reason to die, and the container with us
        supervisor.office.complain(f"request {fields.get('op')}: {type(error).__name__}: {error}")
        peer.refuse(InvalidArgument(f"invalid {fields.get('op')} request: {error}"))


def answer(peer: Peer, **fields: Any) -> None:
    """The last word on a connection."""
    peer.reply(**fields)
    peer.end()


def _start(supervisor: Supervisor, peer: Peer, _fields: Fields) -> None:
    if supervisor.state.status is ContainerStatus.PAUSED:
        raise Conflict("cannot start a paused container, try unpause instead")
    if supervisor.child is not None or supervisor.restarting:
        raise NotModified(f"container {supervisor.short_id} is already running")
    supervisor.restarts.count = 0
    supervisor.start()
    answer(peer)


def _stop(supervisor: Supervisor, peer: Peer, fields: Fields) -> None:
    if supervisor.restarting:
        supervisor.cancel_restart()
        answer(peer)
        return
    if supervisor.child is None:
        raise NotModified(f"container {supervisor.short_id} is not running")
    facts = supervisor.facts
    number = signals.parse(str(fields.get("signal") or facts.stop_signal or signals.DEFAULT_STOP))
    timeout = fields.get("timeout")
    if timeout is None:
        timeout = DEFAULT_STOP_TIMEOUT if facts.stop_timeout is None else facts.stop_timeout
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
    if supervisor.child is None:
        raise Conflict(f"container {supervisor.id} is not running")
    number = signals.parse(str(fields.get("signal") or "KILL"))
    stop = signals.parse(supervisor.facts.stop_signal or str(signals.DEFAULT_STOP))
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
    try:
        supervisor.write(supervisor.state, manually_stopped=True)
    except LongshoreError as error:
        # The disk is full, or a newer version has changed the database: that is no reason to let the container live.
        supervisor.office.complain(error.message)


def _send(supervisor: Supervisor, number: int, *, fatal: bool) -> None:
    """Signal the main process; one that is meant to end it also thaws it, as docker does."""
    if supervisor.child is None:
        return
    supervisor.child.signal(number)
    supervisor.office.tell("kill", signal=str(number))
    if fatal and supervisor.state.status is ContainerStatus.PAUSED:
        _freeze(supervisor, paused=False)


def _pause(supervisor: Supervisor, peer: Peer, _fields: Fields) -> None:
    if supervisor.restarting:
        raise _restarting(supervisor)
    if supervisor.child is None:
        raise Conflict(f"container {supervisor.id} is not running")
    if supervisor.state.status is ContainerStatus.PAUSED:
        raise Conflict(f"container {supervisor.id} is already paused")
    _freeze(supervisor, paused=True)
    answer(peer)


def _unpause(supervisor: Supervisor, peer: Peer, _fields: Fields) -> None:
    if supervisor.child is None or supervisor.state.status is not ContainerStatus.PAUSED:
        raise Conflict(f"Container {supervisor.id} is not paused")
    _freeze(supervisor, paused=False)
    answer(peer)


def _freeze(supervisor: Supervisor, *, paused: bool) -> None:
    state = supervisor.state.replace(status=ContainerStatus.PAUSED if paused else ContainerStatus.RUNNING)
    if paused and supervisor.monitor is not None:
        supervisor.monitor.suspend()  # before the freezer could keep its probe from dying
        state = state.replace(health=UNHEALTHY)  # docker's word for what is not looked after
    try:
        supervisor.office.send("freeze", paused=paused, state=codec.encode(state), tell=[("pause" if paused else "unpause", {})])
        supervisor.state = state
    finally:
        if supervisor.monitor is not None and supervisor.state.status is ContainerStatus.RUNNING:
            supervisor.monitor.resume()


def _attach(supervisor: Supervisor, peer: Peer, fields: Fields) -> None:
    supervisor.attached[peer] = bool(fields.get("stdin"))
    supervisor.audience.add(peer)
    peer.on_frame = lambda peer, kind, payload: _attached(supervisor, peer, kind, payload)
    peer.reply(until=supervisor.journal.position())
    supervisor.office.tell("attach")


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
    if supervisor.restarting:
        raise _restarting(supervisor)
    if supervisor.child is None:
        raise Conflict(f"container {supervisor.id} is not running")
    if supervisor.state.status is ContainerStatus.PAUSED:
        raise Conflict(f"container {supervisor.id} is paused, unpause the container before exec")
    config = codec.decode(ExecConfig, str(fields.get("config", "{}")))

    def ended(session: ExecSession, code: int) -> None:
        supervisor.execs.remove(session)
        supervisor.office.tell("exec_die", execID=session.id, exitCode=str(code))

    session = ExecSession(supervisor.loop, peer, config, on_end=ended)
    try:
        session.start(supervisor.office, supervisor.child.pid)
    except LongshoreError as error:
        supervisor.reap_strangers()
        # The container may be ending under our hands, its first process being the last to go; what the kernel then misses is no answer.
        if type(error) is StartFailed and supervisor.child.ending():
            raise Conflict(f"container {supervisor.id} is not running") from None
        raise
    supervisor.execs.append(session)
    peer.reply(exec=session.id, pid=session.pid)
    peer.on_frame = session.frame
    supervisor.when_closed(peer, session.left)


def _connect(supervisor: Supervisor, peer: Peer, fields: Fields) -> None:
    child = supervisor.child
    named = child is not None and bool(child.sockets)
    wanted = {"network": str(fields.get("network")), "wanted": str(fields.get("wanted", "{}"))}
    got, descriptors = supervisor.office.send("connect", **wanted, pid=child.pid if child else 0, named=named)
    if child is not None:
        child.hold(descriptors, sockets=int(got["sockets"]))
        supervisor.stand_by(bridged=bool(got["bridged"]))
    answer(peer)


def _disconnect(supervisor: Supervisor, peer: Peer, fields: Fields) -> None:
    child = supervisor.child
    got, _ = supervisor.office.send("disconnect", network=str(fields.get("network")), pid=child.pid if child else 0)
    if child is not None and got["unpublished"]:
        supervisor.release_ports()
    answer(peer)


def _wait(supervisor: Supervisor, peer: Peer, _fields: Fields) -> None:
    """Answered at the next exit."""

    def told(code: int) -> None:
        answer(peer, exit_code=code)

    def left() -> None:
        if told in supervisor.on_exit:
            supervisor.on_exit.remove(told)

    supervisor.on_exit.append(told)
    supervisor.when_closed(peer, left)  # a container runs for months, and whoever waits may come again every minute


def _retire(supervisor: Supervisor, peer: Peer, _fields: Fields) -> None:
    if supervisor.child is not None or supervisor.restarting:
        raise Conflict(f"container {supervisor.id} is running")
    peer.reply()
    supervisor.retire()


def _policy(supervisor: Supervisor, peer: Peer, fields: Fields) -> None:
    """Another restart policy holds from the next exit on."""
    supervisor.restarts.policy = RestartPolicy(name=str(fields.get("name") or "no"), max_retries=int(fields.get("max_retries") or 0))
    answer(peer)


def _restarting(supervisor: Supervisor) -> Conflict:
    return Conflict(f"container {supervisor.id} is restarting, wait until the container is running")


_REQUESTS: dict[str, Callable[[Supervisor, Peer, Fields], None]] = {
    "start": _start,
    "stop": _stop,
    "kill": _kill,
    "pause": _pause,
    "unpause": _unpause,
    "attach": _attach,
    "exec": _exec,
    "connect": _connect,
    "disconnect": _disconnect,
    "wait": _wait,
    "retire": _retire,
    "policy": _policy,
}
