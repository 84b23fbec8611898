"""What a swarm has, as one immutable value: the shape in which its lists reach the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cached_property

from engine.model.services import Service, Stack, by_name, stacks_of
from engine.model.swarm import Node, SwarmFile, Task, natural, sorted_tasks, task_names
from engine.model.value import EMPTY, Value


class SwarmNoun(StrEnum):
    """The kinds of objects, each with a pane of its own."""

    SERVICES = "services"
    NODES = "nodes"
    TASKS = "tasks"
    STACKS = "stacks"
    CONFIGS = "configs"
    SECRETS = "secrets"


SwarmThing = Service | Node | Task | Stack | SwarmFile


class SwarmSnapshot(Value):
    """Everything that the panes list.

    Attributes:
        own: the id of the node that answers.
        pending: what is being done to an object right now, by id: ``scaling``, ``removing``, …
        loaded: the lists were read at least once.
        trouble: why the engine does not answer, ``""`` while it does; the lists are then what it said last.
    """

    services: tuple[Service, ...] = ()
    nodes: tuple[Node, ...] = ()
    tasks: tuple[Task, ...] = ()
    configs: tuple[SwarmFile, ...] = ()
    secrets: tuple[SwarmFile, ...] = ()
    own: str = ""
    pending: Mapping[str, str] = EMPTY
    loaded: bool = False
    trouble: str = ""

    @cached_property
    def node_names(self) -> Mapping[str, str]:
        """What nodes are called, by their ids."""
        return {one.id: one.title for one in self.nodes}

    @cached_property
    def task_names(self) -> Mapping[str, str]:
        """What tasks are called, by their ids; those of global services by their node's name."""
        return task_names(self.tasks, {one.id: one.name for one in self.services}, self.node_names)


def key_of(thing: SwarmThing) -> str:
    """What names the object in operations: the id, of stacks the name."""
    return thing.name if isinstance(thing, Stack) else thing.id


def label_of(thing: SwarmThing, snapshot: SwarmSnapshot) -> str:
    """What a person calls the object."""
    if isinstance(thing, Task):
        return snapshot.task_names.get(thing.id, thing.id)
    return thing.title if isinstance(thing, Node) else thing.name


def swarm_things(snapshot: SwarmSnapshot, noun: SwarmNoun) -> Sequence[SwarmThing]:
    """The objects of one kind, in their order: by name as docker sorts names; tasks of one place the newest first."""
    match noun:
        case SwarmNoun.SERVICES:
            return sorted(snapshot.services, key=by_name)
        case SwarmNoun.NODES:
            return sorted(snapshot.nodes, key=lambda one: natural(one.title))
        case SwarmNoun.TASKS:
            return sorted_tasks(snapshot.tasks, snapshot.task_names)
        case SwarmNoun.STACKS:
            return stacks_of(snapshot.services)
        case SwarmNoun.CONFIGS:
            return sorted(snapshot.configs, key=by_name)
        case SwarmNoun.SECRETS:
            return sorted(snapshot.secrets, key=by_name)


def tasks_of(snapshot: SwarmSnapshot, thing: SwarmThing) -> list[Task]:
    """The tasks of a service or of a stack, or those on a node."""
    services = {one.id for one in thing.services} if isinstance(thing, Stack) else {thing.id}
    found = [one for one in snapshot.tasks if (one.node_id if isinstance(thing, Node) else one.service_id) in services]
    return sorted_tasks(found, snapshot.task_names)
