"""Values are frozen, compared by content, and strict about their fields."""

from __future__ import annotations

import pytest

from engine.model.containers import Container, ContainerState, ContainerStatus, HostConfig, PortBinding
from engine.model.describe import ports_text, status_text
from engine.model.value import Value


class Base(Value):
    first: int
    second: str = "x"


class Derived(Base):
    third: tuple[int, ...] = ()


def test_fields_come_from_bases_first() -> None:
    assert repr(Derived(first=1, third=(2,))) == "Derived(first=1, second='x', third=(2,))"


def test_equality_and_hash_are_by_content_and_type() -> None:
    assert Derived(first=1) == Derived(first=1) and hash(Derived(first=1)) == hash(Derived(first=1))
    assert Derived(first=1) != Derived(first=2)
    assert Base(first=1) != Derived(first=1)
    assert hash(HostConfig(tmpfs={"/a": ""})) == hash(HostConfig(tmpfs={"/a": ""}))


def test_values_are_frozen_and_replaced() -> None:
    value = Base(first=1)
    with pytest.raises(AttributeError, match="read-only"):
        value.first = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del value.first
    assert value.replace(second="y") == Base(first=1, second="y")


def test_fields_are_strict() -> None:
    with pytest.raises(TypeError, match="Base needs first"):
        Base()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="no field nope"):
        Base(first=1).replace(nope=1)


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (ContainerState(status=ContainerStatus.RUNNING, started_at=940.0), "Up About a minute"),
        (ContainerState(status=ContainerStatus.RUNNING, started_at=990.0, health="healthy"), "Up 10 seconds (healthy)"),
        (ContainerState(status=ContainerStatus.RUNNING, started_at=990.0, health="starting"), "Up 10 seconds (health: starting)"),
        (ContainerState(status=ContainerStatus.PAUSED, started_at=990.0), "Up 10 seconds (Paused)"),
        (ContainerState(status=ContainerStatus.EXITED, exit_code=137, finished_at=998.0), "Exited (137) 2 seconds ago"),
        (ContainerState(status=ContainerStatus.RESTARTING, exit_code=1, finished_at=998.0), "Restarting (1) 2 seconds ago"),
        (ContainerState(status=ContainerStatus.CREATED), "Created"),
        (ContainerState(status=ContainerStatus.DEAD), "Dead"),
    ],
)
def test_status_in_dockers_words(state: ContainerState, text: str) -> None:
    assert status_text(Container(id="a" * 64, name="n", image="i", state=state), 1000.0) == text


def test_ports_in_dockers_words() -> None:
    def port(inner: int, outer: int = 0, ip: str = "", protocol: str = "tcp") -> PortBinding:
        return PortBinding(container_port=inner, host_port=outer, host_ip=ip, protocol=protocol)

    shown = ports_text(
        [
            port(80, 8080, "0.0.0.0"),
            port(80, 8080, "::"),
            port(443),
            port(90, 90, "127.0.0.1", "udp"),
            port(91, 91, "127.0.0.1", "udp"),
            port(444),
        ]
    )
    assert shown == "127.0.0.1:90-91->90-91/udp, 443-444/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"


def test_a_default_below_a_class_whose_fields_all_have_to_be_given() -> None:
    class Base(Value):
        name: str

    class Further(Base):
        size: int = 3

    class Last(Further):
        note: str = ""

    assert (Further(name="a").name, Further(name="a").size, Further(name="b", size=4).size) == ("a", 3, 4)
    assert dict(Last(name="a", note="n").replace(name="c").fields()) == {"name": "c", "size": 3, "note": "n"}
    assert Last(name="a") == Last(name="a") != Last(name="b")
