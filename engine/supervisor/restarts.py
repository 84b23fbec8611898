"""Docker's restart manager, as arithmetic: whether to restart after an exit, and when."""

from __future__ import annotations

from typing import Final

from engine.model.containers import RestartPolicy

FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 60.0
STABLE_AFTER: Final = 10.0
"""A run of this many seconds resets the delay."""


class Restarts:
    """Counts restarts since the last manual start."""

    __slots__ = ("_delay", "count", "policy")

    def __init__(self, policy: RestartPolicy, count: int = 0) -> None:
        self.policy = policy
        self.count = count
        self._delay = 0.0

    def after(self, exit_code: int, *, lasted: float, manually_stopped: bool) -> float | None:
        """Seconds to wait before the next run, or ``None`` when there is to be none. Counts a granted restart."""
        if not self._wanted(exit_code, manually_stopped):
            return None
        if lasted >= STABLE_AFTER:
            self._delay = 0.0
        self._delay = min(self._delay * 2, LONGEST_DELAY) if self._delay else FIRST_DELAY
        self.count += 1
        return self._delay

    def _wanted(self, exit_code: int, manually_stopped: bool) -> bool:
        if manually_stopped:
            return False
        match self.policy.name:
            case "always" | "unless-stopped":
                return True
            case "on-failure":
                limit = self.policy.max_retries
                return exit_code != 0 and (limit <= 0 or self.count < limit)
            case _:
                return False


def comes_back(policy: RestartPolicy, exit_code: int, *, count: int, manually_stopped: bool) -> bool:
    """Whether a container that ended so runs again after a reboot: with ``always`` even one that a person has stopped."""
    return policy.name == "always" or Restarts(policy, count).after(exit_code, lasted=0.0, manually_stopped=manually_stopped) is not None
