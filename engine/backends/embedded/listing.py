"""The container list and its filters.

Source: moby ``daemon/list.go``. The keys are docker's; ``isolation`` and ``is-task`` know one value here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.backends.embedded import usage, view
from engine.backends.embedded.core import Core
from engine.errors import InvalidArgument, LongshoreError
from engine.model import filters as filtering
from engine.model.containers import Container, ContainerStatus
from engine.model.filters import Filters
from engine.model.patterns import Pattern
from engine.model.units import whole
from engine.store.containers import ContainerRecord

KEYS = (
    *("ancestor", "before", "exited", "expose", "health", "id", "is-task", "isolation", "label", "label!", "name", "network"),
    *("publish", "since", "status", "volume"),
)
_ALIVE = (ContainerStatus.RUNNING, ContainerStatus.PAUSED, ContainerStatus.RESTARTING)
_ID_LENGTH = 64
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_HEALTH = ("starting", "healthy", "unhealthy", "none")

Test = Callable[[ContainerRecord], bool]


def listing(core: Core, *, all: bool, filters: Filters, limit: int, size: bool) -> list[Container]:
    """Running containers, or all, newest first; ``limit`` counts containers in any state, as docker's ``--last`` does."""
    filtering.check(filters, KEYS)
    tests = [_TESTS[key](core, values) for key, values in filters.items() if key in _TESTS]
    everything = all or limit > 0 or any(key in filters for key in ("status", "exited", "before", "since"))
    records = _candidates(core, filters.get("id", ()), everything=everything)
    found = [record for record in records if filtering.labels_match(filters, record.config.labels) and _passes(record, tests)]
    return [sized(core, record) if size else view.summary(record) for record in (found[:limit] if limit > 0 else found)]


def _candidates(core: Core, ids: Sequence[str], *, everything: bool) -> list[ContainerRecord]:
    """Those that are read from the database. Whole ids name them: who looks after a change does not pay for all containers."""
    if ids and all(len(one) == _ID_LENGTH for one in ids):
        return [record for record in core.containers.some(ids) if everything or record.state.status in _ALIVE]
    return core.containers.all() if everything else core.containers.by_status(*_ALIVE)


def _passes(record: ContainerRecord, tests: Sequence[Test]) -> bool:
    return all(test(record) for test in tests)


def sized(core: Core, record: ContainerRecord) -> Container:
    """A row of the list with :func:`sizes`."""
    written, whole = sizes(core, record)
    return view.summary(record).replace(size_rw=written, size_rootfs=whole)


def sizes(core: Core, record: ContainerRecord) -> tuple[int, int]:
    """Bytes that a container has written, and those together with its image's."""
    written = usage.tree_size(f"{core.roots.container_dir(record.id)}/upper")
    try:
        below = core.images.get(record.image_id).size
    except LongshoreError:
        below = 0
    return written, written + below


def _ancestor(core: Core, values: tuple[str, ...]) -> Test:
    """Made from an image by name or id, or from one that was built on it: one whose layers begin with its layers."""
    wanted: set[str] = set()
    for value in values:
        try:
            base = core.catalog.resolve(value)
        except LongshoreError:
            continue
        wanted.add(base.id)
        if base.diff_ids:
            wanted |= {image.id for image in core.images.all() if image.diff_ids[: len(base.diff_ids)] == base.diff_ids}
    return lambda record: record.image_id in wanted


def _edge(core: Core, values: tuple[str, ...]) -> list[ContainerRecord]:
    return [core.containers.resolve(value) for value in values]


def _before(core: Core, values: tuple[str, ...]) -> Test:
    edge = min(other.created_at for other in _edge(core, values))
    return lambda record: record.created_at < edge


def _since(core: Core, values: tuple[str, ...]) -> Test:
    edge = max(other.created_at for other in _edge(core, values))
    return lambda record: record.created_at > edge


def _exited(core: Core, values: tuple[str, ...]) -> Test:
    try:
        codes = {int(value) for value in values}
    except ValueError:
        raise InvalidArgument(f"invalid filter 'exited={values[0]}'") from None
    return lambda record: record.state.status is ContainerStatus.EXITED and record.state.exit_code in codes


def _status(core: Core, values: tuple[str, ...]) -> Test:
    for value in values:
        if value not in list(ContainerStatus):
            raise InvalidArgument(f"invalid filter 'status={value}'")
    return lambda record: record.state.status in values


def _health(core: Core, values: tuple[str, ...]) -> Test:
    for value in values:
        if value not in _HEALTH:
            raise InvalidArgument(f"invalid filter 'health={value}'")
    return lambda record: (record.state.health or "none") in values


def _name(core: Core, values: tuple[str, ...]) -> Test:
    try:
        patterns = [Pattern(value) for value in values]
    except InvalidArgument as error:
        raise InvalidArgument(f"invalid filter 'name={values[0][:100]}': {error.message}") from None
    return lambda record: any(pattern.found_in(record.name) or pattern.found_in(f"/{record.name}") for pattern in patterns)


def _network(core: Core, values: tuple[str, ...]) -> Test:
    ids = {network.id for value in values for network in core.networks.all() if value in (network.name, network.id)}
    names = {network.name for network in core.networks.all() if network.id in ids} | set(values)
    return lambda record: any(place.network in names or place.network_id in ids for place in view.endpoints(record))


def _volume(core: Core, values: tuple[str, ...]) -> Test:
    return lambda record: any(value in (mount.source, mount.target) for mount in record.mounts for value in values)


def _ports(values: tuple[str, ...], key: str) -> set[tuple[int, str]]:
    found: set[tuple[int, str]] = set()
    for value in values:
        numbers, _, protocol = value.partition("/")
        first, dash, last = numbers.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise InvalidArgument(f"invalid filter '{key}={value}'")
        found |= {(number, protocol or "tcp") for number in range(whole(first), min(whole(last or first), 65535) + 1)}
    return found


def _publish(core: Core, values: tuple[str, ...]) -> Test:
    wanted = _ports(values, "publish")
    return lambda record: any((port.host_port, port.protocol) in wanted for port in (*record.ports, *record.host_config.port_bindings))


def _expose(core: Core, values: tuple[str, ...]) -> Test:
    wanted = _ports(values, "expose")

    def test(record: ContainerRecord) -> bool:
        exposed = (*map(view.exposed_port, record.config.exposed_ports), *record.host_config.port_bindings)
        return any((port.container_port, port.protocol) in wanted for port in exposed)

    return test


def _id(core: Core, values: tuple[str, ...]) -> Test:
    return lambda record: record.id.startswith(values)


def _is_task(core: Core, values: tuple[str, ...]) -> Test:
    for value in values:
        if value not in _BOOLEANS:
            raise InvalidArgument(f"invalid filter 'is-task=[{value}]'")
    return lambda record: any(not _BOOLEANS[value] for value in values)


_TESTS: dict[str, Callable[[Core, tuple[str, ...]], Test]] = {
    "ancestor": _ancestor,
    "before": _before,
    "exited": _exited,
    "expose": _expose,
    "health": _health,
    "id": _id,
    "is-task": _is_task,
    "name": _name,
    "network": _network,
    "publish": _publish,
    "since": _since,
    "status": _status,
    "volume": _volume,
}
