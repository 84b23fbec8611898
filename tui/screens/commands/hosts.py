"""Which host is shown: the box of hosts, and what it can do."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from engine.errors import InvalidArgument, LongshoreError
from engine.interface import Hosts
from engine.model.hosts import ALL, Host, check_name
from tui.screens.desk import Desk
from tui.words import tr


async def _hosts(desk: Desk) -> None:
    from tui.screens.hosts import HostsModal  # late: not needed for the first picture

    if desk.hosts is None:
        desk.tell(tr("hosts"), tr("this engine was handed over by the program that opened Longshore: no others are known"), bad=True)
        return
    again = True
    while again:
        again = False
        try:
            wish = await desk.ask(HostsModal(desk.hosts, desk.host))
            if wish is not None:
                again = await _fulfil(desk, desk.hosts, wish.verb, wish.host)
        except LongshoreError as error:
            desk.tell_error(tr("hosts"), error)


async def _fulfil(desk: Desk, hosts: Hosts, verb: str, host: Host | None) -> bool:
    """Do what was wished; whether the box is to come back."""
    from tui.screens.confirm import ConfirmModal

    if verb == "add":
        if added := await _asked_for(desk):
            hosts.add(added)
        return True
    if verb == "all":
        desk.go_to_host(ALL)
    elif host is None:
        return True
    elif verb == "go":
        desk.go_to_host(host.name)
    elif verb == "use":
        hosts.use(host.name)
        desk.tell(tr("hosts"), tr("Longshore talks to {name} when no host is named", name=host.name))
        return True
    elif verb == "remove":
        if await desk.ask(ConfirmModal(tr("Forget host {name}?", name=host.name), tr("{url} goes on as it is.", url=host.url))):
            hosts.remove(host.name)
        return True
    return False


async def _asked_for(desk: Desk) -> Host | None:
    from tui.screens.form import Field, FormModal

    fields = (
        Field(name="name", label=tr("Name"), example="prod"),
        Field(name="url", label=tr("Address"), example="ssh://me@server, tcp://server:2375 or unix:///run/docker.sock"),
    )
    about = tr("TLS is added with `longshore hosts add --tlscacert …`.")
    return await desk.ask(FormModal(tr("New host"), fields, _host, about=about))


def _host(texts: Mapping[str, str]) -> Host:
    try:
        name = check_name(texts["name"])
    except InvalidArgument as error:
        raise InvalidArgument(tr("name: {message}", message=error.message), hint=error.hint) from error
    if not texts["url"]:
        raise InvalidArgument(tr("url: is needed"))
    return Host(name=name, url=texts["url"])


HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {"global.hosts": _hosts}
