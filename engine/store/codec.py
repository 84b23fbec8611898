"""Values to and from the JSON text of the database's columns.

Only fields that differ from their default are written, so that a new field needs no migration. The C halves of
:mod:`json` are used directly where they exist: the module itself imports :mod:`re`, a third of what reading a
container list costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from engine.model.containers import (
    ContainerConfig,
    Device,
    DeviceRequest,
    Endpoint,
    EndpointOptions,
    HostConfig,
    Mount,
    PortBinding,
    RestartPolicy,
    ThrottleDevice,
    Ulimit,
    WeightDevice,
)
from engine.model.health import Healthcheck, HealthProbe, HealthReport
from engine.model.networks import Subnet
from engine.model.value import Value

V = TypeVar("V", bound=Value)

_NESTED: dict[type[Value], dict[str, type[Value]]] = {
    ContainerConfig: {"healthcheck": Healthcheck},
    HealthReport: {"log": HealthProbe},
    HostConfig: {
        "port_bindings": PortBinding,
        "mounts": Mount,
        "restart_policy": RestartPolicy,
        "ulimits": Ulimit,
        "devices": Device,
        "blkio_weight_device": WeightDevice,
        "device_read_bps": ThrottleDevice,
        "device_write_bps": ThrottleDevice,
        "device_read_iops": ThrottleDevice,
        "device_write_iops": ThrottleDevice,
        "endpoint": EndpointOptions,
        "device_requests": DeviceRequest,
    },
    Endpoint: {"options": EndpointOptions},
    Subnet: {},
}


def _functions() -> tuple[Callable[[Any], str], Callable[[str], Any]]:
    try:
        from _json import encode_basestring_ascii, make_encoder, make_scanner

        class _Context:
            strict = True
            object_hook = object_pairs_hook = None
            parse_float, parse_int, parse_constant = float, int, float
            memo: dict[str, str] = {}  # noqa: RUF012  the C scanner's own protocol

        scan = make_scanner(_Context())  # type: ignore[arg-type]  # typeshed wants the whole JSONDecoder, C reads these seven
        write = make_encoder(None, _refuse, encode_basestring_ascii, None, ":", ",", False, False, False)
    except (ImportError, TypeError):
        import json

        return (lambda item: json.dumps(item, separators=(",", ":"))), json.loads
    return (lambda item: "".join(write(item, 0))), (lambda text: scan(text, 0)[0])


def _refuse(item: object) -> Any:
    raise TypeError(f"{type(item).__name__} has no JSON form")


dumps, loads = _functions()
"""Compact JSON text from plain dicts, lists, texts and numbers, and back. For text we wrote ourselves only."""


def encode(item: Any) -> str:
    """JSON text of a value, a sequence of values, a mapping or a sequence of texts."""
    return dumps(_plain(item))


def decode(kind: type[V], text: str) -> V:
    """The value that :func:`encode` wrote."""
    return _value(kind, loads(text))


_SHARED: Final = 256
_shared: dict[tuple[type[Value], str], Any] = {}


def shared(kind: type[V], text: str) -> V:
    """:func:`decode` for texts that many rows have in common: equal ones give the same value, which nobody can change."""
    found: V | None = _shared.get((kind, text))
    if found is None:
        if len(_shared) >= _SHARED:
            _shared.clear()
        found = _shared[kind, text] = decode(kind, text)
    return found


def decode_all(kind: type[V], text: str) -> tuple[V, ...]:
    """The sequence of values that :func:`encode` wrote."""
    return tuple(_value(kind, item) for item in loads(text)) if text != "[]" else ()


def texts(text: str) -> tuple[str, ...]:
    """The sequence of texts that :func:`encode` wrote."""
    return tuple(loads(text)) if text != "[]" else ()


def mapping(text: str) -> dict[str, str]:
    """The mapping that :func:`encode` wrote."""
    found: dict[str, str] = loads(text) if text != "{}" else {}
    return found


def _plain(item: Any) -> Any:
    if isinstance(item, Value):
        defaults = type(item)._fields
        return {name: _plain(value) for name, value in item.fields() if value != defaults[name]}
    if isinstance(item, Mapping):
        return {str(key): _plain(value) for key, value in item.items()}
    if isinstance(item, (list, tuple)):
        return [_plain(value) for value in item]
    return str(item) if isinstance(item, str) else item


def _value(kind: type[V], data: Mapping[str, Any]) -> V:
    nested = _NESTED.get(kind, {})
    given: dict[str, Any] = {}
    for name, value in data.items():
        if name not in kind._fields:
            continue  # written by a newer version
        inner = nested.get(name)
        if isinstance(value, list):
            given[name] = tuple(_value(inner, item) for item in value) if inner else tuple(value)
        else:
            given[name] = _value(inner, value) if inner else value
    return kind(**given)
