"""How services are worded and sorted: docker's own cases (docker/cli, ``cli/command/service/formatter_test.go``)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.services import Service, ports_text, short_image, stacks_of
from engine.model.swarm import ServicePort, Task, natural, sorted_tasks, task_names


def ports(*pairs: tuple[int, int], protocol: str = "tcp", mode: str = "ingress") -> list[ServicePort]:
    return [ServicePort(published=published, target=target, protocol=protocol, mode=mode) for published, target in pairs]


@pytest.mark.parametrize(
    ("given_ports", "text"),
    [
        (ports((80, 8080)), "*:80->8080/tcp"),
        (ports((80, 80), (81, 80)), "*:80-81->80/tcp"),
        (ports((80, 80), (81, 81), (82, 82)), "*:80-82->80-82/tcp"),
        (ports((80, 80), (81, 81), (82, 80)), "*:80-81->80-81/tcp, *:82->80/tcp"),
        (ports((61, 61), (62, 61), (80, 80)), "*:61-62->61/tcp, *:80->80/tcp"),
        ([*ports((97, 97)), *ports((98, 98), protocol="udp")], "*:97->97/tcp, *:98->98/udp"),
        (ports((90, 90), mode="host"), ""),
        ([], ""),
    ],
)
def test_published_ports_are_written_as_docker_writes_them(given_ports: list[ServicePort], text: str) -> None:
    assert ports_text(given_ports) == text
    assert ports_text(reversed(given_ports)) == text


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        ("busybox:latest@sha256:ab", "busybox:latest"),
        ("docker.io/library/busybox:1", "busybox:1"),
        ("docker.io/team/app:1@sha256:ab", "team/app:1"),
        ("localhost:5000/app:1@sha256:ab", "localhost:5000/app:1"),
        ("localhost:5000/app", "localhost:5000/app"),
        ("busybox@sha256:ab", "busybox@sha256:ab"),
        ("", ""),
    ],
)
def test_an_image_is_shown_without_its_digest(image: str, shown: str) -> None:
    assert short_image(image) == shown


def test_counts_of_every_mode() -> None:
    facts: dict[str, Any] = {"id": "x", "name": "x", "running": 1, "desired": 3, "completed": 2}
    assert Service(**facts, replicas=3).count == "1/3"
    assert Service(**facts, replicas=3, max_per_node=2).count == "1/3 (max 2 per node)"
    assert Service(**facts, mode="global", max_per_node=2).count == "1/3"
    assert Service(**facts, mode="replicated job", replicas=7).count == "1/3 (2/7 completed)"
    assert Service(**facts, mode="global job").count == "1/3 (2/5 completed)"


def test_numbers_in_names_sort_as_numbers() -> None:
    names = ["web.10", "web.2", "web", "web.1", "10", "9", "a1b", "a01b"]
    assert sorted(names, key=natural) == ["9", "10", "a01b", "a1b", "web", "web.1", "web.2", "web.10"]


@given(st.lists(st.text(alphabet="a0.1-é٣ 9", max_size=8), max_size=6))
def test_every_name_has_a_place(names: list[str]) -> None:
    places = [[natural(name) for name in sorted(given, key=natural)] for given in (names, names[::-1])]
    assert places[0] == places[1]


def test_tasks_are_named_by_slot_or_node_and_the_newest_comes_first() -> None:
    old = Task(id="a", service_id="s", slot=2, state="failed", created_at=1.0)
    new = Task(id="b", service_id="s", slot=2, state="running", created_at=2.0)
    tenth = Task(id="c", service_id="s", slot=10, state="running")
    everywhere = Task(id="d", service_id="g", node_id="n")
    lost = Task(id="e", service_id="gone", node_id="n")
    tasks = [tenth, old, everywhere, new, lost]
    names = task_names(tasks, {"s": "web", "g": "agent"}, {"n": "node1"})
    assert names == {"a": "web.2", "b": "web.2", "c": "web.10", "d": "agent.node1", "e": "gone.node1"}
    assert [one.id for one in sorted_tasks(tasks, names)] == ["d", "e", "b", "a", "c"]
    assert old.final and not new.final


def test_stacks_are_what_labels_say() -> None:
    label = "com.docker.stack.namespace"
    services = [
        Service(id="1", name="shop_web", labels={label: "shop"}, running=1, desired=2),
        Service(id="2", name="shop_db", labels={label: "shop"}, running=1, desired=1),
        Service(id="3", name="alone"),
    ]
    (shop,) = stacks_of(services)
    assert [one.name for one in shop.services] == ["shop_db", "shop_web"] and (shop.running, shop.desired) == (2, 3)
