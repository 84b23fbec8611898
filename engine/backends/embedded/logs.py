"""The log of a container, followed as long as it lives."""

from __future__ import annotations

from collections.abc import Sequence

from engine.backends.embedded.core import Core
from engine.errors import InvalidArgument, NotFound, NotSupported
from engine.model.containers import NO_LOG, ContainerStatus
from engine.model.streams import LogLine, LogQuery
from engine.store.logs.reader import LogReader
from engine.supervisor import places

_ENDED = (ContainerStatus.EXITED, ContainerStatus.DEAD)


class LogsOf:
    """A :class:`~engine.model.blocking.Source` of batches.

    Raises:
        NotFound: no such container.
        NotSupported: it has no log.
        InvalidArgument: neither stream is wanted.
    """

    def __init__(self, core: Core, container: str, query: LogQuery) -> None:
        record = core.containers.resolve(container)
        if not (query.stdout or query.stderr):
            raise InvalidArgument("Bad parameters: you must choose at least one stream")
        if record.host_config.log_driver == NO_LOG:
            raise NotSupported("configured logging driver does not support reading")
        self._core = core
        self._id = record.id
        self._source = LogReader(core.roots.log_dir(record.id), core.roots.bell).read(query, self._alive)

    def _alive(self) -> bool:
        """More may be written. A supervisor has written all there is before it records an end, which rings the bell."""
        if not places.alive(self._core.roots, self._id):
            return False
        try:
            return self._core.containers.get(self._id).state.status not in _ENDED
        except NotFound:
            return False

    def next(self) -> Sequence[LogLine] | None:
        """The next batch."""
        return self._source.next()

    def close(self) -> None:
        """Cancel."""
        self._source.close()
