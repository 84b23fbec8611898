"""What a supervisor knows of its container."""

from __future__ import annotations

from typing import Any, Final

from engine.model.containers import ContainerState, ContainerStatus, RestartPolicy
from engine.model.health import Healthcheck
from engine.model.value import Value
from engine.store import codec

_STATUS: Final = {str(status): status for status in ContainerStatus}


class Facts(Value):
    """The few settings that matter while a container runs; everything else is in the database.

    ``check.test`` is the command itself; ``log`` the size of a log file, 0 for no limit, and how many are kept.
    """

    tty: bool = False
    open_stdin: bool = False
    stdin_once: bool = False
    stop_signal: str = ""
    stop_timeout: int | None = None
    auto_remove: bool = False
    policy: RestartPolicy = RestartPolicy()
    manually_stopped: bool = False
    check: Healthcheck | None = None
    log: tuple[int, int] = (0, 1)
    state: ContainerState

    @classmethod
    def of(cls, answer: dict[str, Any]) -> Facts:
        """From the answer to the errand ``open``."""
        return cls(
            tty=answer["tty"],
            open_stdin=answer["open_stdin"],
            stdin_once=answer["stdin_once"],
            stop_signal=answer["stop_signal"],
            stop_timeout=answer["stop_timeout"],
            auto_remove=answer["auto_remove"],
            policy=RestartPolicy(name=answer["policy"], max_retries=answer["max_retries"]),
            manually_stopped=answer["manually_stopped"],
            check=codec.decode(Healthcheck, answer["check"]) if answer["check"] else None,
            log=(answer["log"][0], answer["log"][1]),
            state=state_of(answer["state"]),
        )


def state_of(text: str) -> ContainerState:
    """A state from what :func:`engine.store.codec.encode` made of it."""
    state = codec.decode(ContainerState, text)
    return state.replace(status=_STATUS[state.status])
