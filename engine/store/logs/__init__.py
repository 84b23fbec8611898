"""Container logs: written by supervisors, read by front ends (:mod:`engine.store.logs.reader`, which supervisors do not load)."""

from engine.store.logs.writer import LogWriter

__all__ = ["LogWriter"]
