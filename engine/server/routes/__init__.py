"""The table of everything that is served, and of what is known and is not."""

from __future__ import annotations

from engine.server.router import Missing, Route
from engine.server.routes import attach, containers, execs, files, images, lifecycle, missing, networks, streams, swarm, system, volumes

ROUTES: tuple[Route, ...] = (
    *system.ROUTES,
    *containers.ROUTES,
    *lifecycle.ROUTES,
    *attach.ROUTES,
    *execs.ROUTES,
    *streams.ROUTES,
    *files.ROUTES,
    *images.ROUTES,
    *networks.ROUTES,
    *volumes.ROUTES,
    *swarm.ROUTES,
)
MISSING: tuple[Missing, ...] = missing.ROUTES
