"""``longshore --web``: the same TUI in a browser.

The terminal's drawing and keys travel over a WebSocket to xterm.js; textual-serve runs one TUI process for each page and copies the bytes.
What is here is the door in front of it, for whoever comes in is root on this machine::

    browser -- GET /?token=…  --> gate: Host, token      -> 303 /SECRET/, cookie (HttpOnly, Path=/SECRET/)
            -- GET /SECRET/   --> gate: Host, cookie     -> page
            -- GET /SECRET/ws --> gate: Host, cookie, Origin -> textual-serve -> TUI process

``address`` says where to listen, ``gate`` who comes in, ``server`` puts it together.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence

from engine.errors import InvalidArgument, NotSupported


def launch(command: Sequence[str], address: str, *, tell: Callable[[str], None], certificate: str = "", key: str = "") -> int:
    """Serve the TUI that ``command`` starts until a signal ends it: the exit code. ``tell`` gets what the person has to know: the address.

    Raises:
        InvalidArgument: the address, the certificate or its key is wrong.
        NotSupported: the packages for it are not installed, or others would reach it in clear text.
        Unavailable: the address can not be listened on.
    """
    from tui.web.address import DEFAULT, parse

    if bool(certificate) != bool(key):
        raise InvalidArgument("--web-cert and --web-key belong together: one is missing")
    where = parse(address or DEFAULT, tls=bool(certificate))
    if importlib.util.find_spec("textual_serve") is None:
        raise NotSupported(
            "--web needs the package textual-serve, which is not installed", hint=f"{sys.executable} -m pip install textual-serve"
        )
    from tui.web.server import serve

    def opened(url: str) -> None:
        tell(f"Open {url}\nWhoever has this address is {_person()} on this machine. ctrl-c ends it; containers go on running.")

    serve(command, where, certificate=certificate, key=key, tell=opened)
    return 0


def _person() -> str:
    import os
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"
