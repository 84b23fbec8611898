"""Ports that an image says it has: it may say anything."""

from __future__ import annotations

import pytest

from engine.errors import InvalidArgument
from engine.network import ports


def test_ranges() -> None:
    found = ports.exposed(["80", "53/udp", "90-92/tcp"])
    assert [(port.container_port, port.protocol) for port in found] == [(80, "tcp"), (53, "udp"), (90, "tcp"), (91, "tcp"), (92, "tcp")]


@pytest.mark.parametrize("text", ["0", "x", "", "1-99999999999", "65535-65536", "9-8", "-1", "9" * 5000], ids=lambda text: text[:12])
def test_ports_that_are_none(text: str) -> None:
    """One would take the machine's memory, were it spelled out before it is looked at."""
    with pytest.raises(InvalidArgument, match="invalid containerPort"):
        ports.exposed([text])
