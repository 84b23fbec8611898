"""Which actions make sense for the selected object: what the footer and the menu offer. Keys work regardless."""

from __future__ import annotations

from engine.model.containers import Container, ContainerStatus
from tui.snapshot import Thing

_LIVE = (ContainerStatus.RUNNING, ContainerStatus.PAUSED, ContainerStatus.RESTARTING)
_WITHOUT_OBJECT = (
    "containers.hide",
    "containers.bulk",
    "containers.group",
    "containers.fold",
    "containers.mix",
    "containers.custom",
    "images.pull",
    "images.load",
    "images.bulk",
    "images.cancel",
    "volumes.create",
    "volumes.bulk",
    "networks.create",
    "networks.bulk",
)
_NOUNS = ("containers.", "images.", "volumes.", "networks.")
_STATES: dict[str, tuple[ContainerStatus, ...]] = {
    "containers.stop": _LIVE,
    "containers.kill": _LIVE,
    "containers.pause": (ContainerStatus.RUNNING, ContainerStatus.PAUSED),
    "containers.start": (ContainerStatus.CREATED, ContainerStatus.EXITED, ContainerStatus.DEAD, ContainerStatus.PAUSED),
    "containers.shell": (ContainerStatus.RUNNING,),
    "containers.another": (ContainerStatus.RUNNING,),
    "containers.debug": (ContainerStatus.RUNNING,),
    "containers.attach": (ContainerStatus.RUNNING,),
    "containers.exec": (ContainerStatus.RUNNING,),
    "containers.shell_screen": (ContainerStatus.RUNNING,),
    "containers.attach_screen": (ContainerStatus.RUNNING,),
}


def offered(action: str, thing: Thing | None) -> bool:
    """The action can do something to this object, or needs none."""
    if thing is None:
        return action in _WITHOUT_OBJECT or (not action.startswith(_NOUNS) and action != "lists.copy")
    if isinstance(thing, Container) and action in _STATES:
        return thing.state.status in _STATES[action]
    return action != "containers.open" or (isinstance(thing, Container) and any(port.host_port for port in thing.ports))
