"""The log of a container, followed as long as somebody supervises it."""

from __future__ import annotations

from engine.backends.embedded.core import Core
from engine.errors import InvalidArgument
from engine.model.streams import LogLine, LogQuery
from engine.store.logs.reader import LogReader
from engine.supervisor import places


class LogsOf:
    """A :class:`~engine.model.blocking.Source` of batches.

    Raises:
        NotFound: no such container.
        InvalidArgument: neither stream is wanted.
    """

    def __init__(self, core: Core, container: str, query: LogQuery) -> None:
        record = core.containers.resolve(container)
        if not (query.stdout or query.stderr):
            raise InvalidArgument("Bad parameters: you must choose at least one stream")
        reader = LogReader(core.roots.log_dir(record.id), core.roots.bell)
        self._source = reader.read(query, lambda: places.alive(core.roots, record.id))

    def next(self) -> list[LogLine] | None:
        """The next batch."""
        return self._source.next()

    def close(self) -> None:
        """Cancel."""
        self._source.close()
