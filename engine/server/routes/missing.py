"""Parts of the API that are known and not served: each answers 501 with a sentence."""

from __future__ import annotations

from engine.server.router import Missing

_BUILD = "building images is not served yet: build elsewhere and push, or load the result"
_PLUGINS = "this engine takes no plugins"
_CHECKPOINT = "checkpoints are not served: the engine can not freeze a container to disk"

ROUTES = (
    Missing(method="POST", pattern="/build", reason=_BUILD),
    Missing(method="POST", pattern="/build/cancel", reason=_BUILD),
    Missing(method="POST", pattern="/session", reason="BuildKit sessions are not served; DOCKER_BUILDKIT=0 does without"),
    Missing(method="POST", pattern="/grpc", reason="BuildKit is not served; DOCKER_BUILDKIT=0 does without"),
    Missing(method="*", pattern="/containers/{id}/checkpoints", reason=_CHECKPOINT),
    Missing(method="*", pattern="/containers/{id}/checkpoints/{name}", reason=_CHECKPOINT),
    Missing(method="PUT", pattern="/volumes/{name}", reason="cluster volumes need Swarm mode, which this engine does not have"),
    Missing(method="*", pattern="/plugins/{rest*}", reason=_PLUGINS),
)
