"""Health checks: what is asked for, and what the probes found. Field names are Docker's (Engine API ``HealthConfig``, ``Health``)."""

from __future__ import annotations

from typing import Final

from engine.model.value import Value

STARTING: Final = "starting"
HEALTHY: Final = "healthy"
UNHEALTHY: Final = "unhealthy"

SHELL: Final = ("/bin/sh", "-c")


class Healthcheck(Value):
    """How to look after a container. Zero means docker's default, an empty ``test`` the image's.

    Attributes:
        test: ``("CMD", program, …)``, ``("CMD-SHELL", line)`` or ``("NONE",)``.
        interval, timeout: seconds between two probes, and that one may take.
        start_period, start_interval: seconds in which failures do not count yet, and between the probes of that time.
        retries: failures in a row that make it unhealthy.
    """

    test: tuple[str, ...] = ()
    interval: float = 0.0
    timeout: float = 0.0
    start_period: float = 0.0
    start_interval: float = 0.0
    retries: int = 0

    def over(self, image: Healthcheck | None) -> Healthcheck:
        """This one, with what it leaves open taken from an image's."""
        if image is None:
            return self
        return type(self)(**{name: value or getattr(image, name) for name, value in self.fields()})

    def command(self, shell: tuple[str, ...] = ()) -> tuple[str, ...]:
        """What a probe executes; nothing when there is nothing to probe with."""
        match self.test:
            case ("CMD", *words) if words:
                return tuple(words)
            case ("CMD-SHELL", *words) if words:
                return (*(shell or SHELL), *words)
            case _:
                return ()


class HealthProbe(Value):
    """One look at a container. ``exit_code`` 0 is healthy, -1 when the probe did not come to an end of its own."""

    started_at: float
    finished_at: float
    exit_code: int
    output: str = ""


class HealthReport(Value):
    """What the last probes found, oldest first."""

    failing_streak: int = 0
    log: tuple[HealthProbe, ...] = ()


def go_duration(seconds: float) -> str:
    """Seconds as Go writes a duration: ``1m30s``, ``500ms``, ``1.5s``."""
    if seconds < 1:
        return f"{seconds * 1000:.6g}ms" if seconds else "0s"
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{hours:.0f}h"] if hours else []
    parts += [f"{minutes:.0f}m"] if hours or minutes else []
    return "".join((*parts, f"{rest:.9g}s"))
