"""The spawner's entry point: listen first, then import what supervisors need."""

from __future__ import annotations

from engine.spawner import server
from engine.store.roots import Roots


def main(arguments: list[str]) -> None:
    """Become the spawner: ``[state root, run root, token, idle seconds]``."""
    state, run, token, idle = arguments
    server.serve(run, token, lambda: _warm(Roots(state=state, run=run)), idle=float(idle))


def _warm(roots: Roots) -> tuple[server.Live, server.Practise]:
    from engine.linux import internal_signals
    from engine.runtime import process
    from engine.supervisor.practice import practise
    from engine.supervisor.supervise import live

    internal_signals.reset()
    process.warm()
    return (lambda spare: live(roots, spare)), (lambda: practise(roots.run))
