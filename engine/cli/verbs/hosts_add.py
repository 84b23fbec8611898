"""``longshore hosts add``"""

from __future__ import annotations

import os

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.errors import InvalidArgument, NotFound
from engine.model.hosts import Host

SPEC = Spec(
    usage="[OPTIONS] NAME URL",
    summary="Make a host known: unix://PATH, tcp://HOST:PORT or ssh://[USER@]HOST[:PORT][/SOCKET]",
    flags=(
        Flag(name="tlscacert", kind="string", help="Trust engines whose certificates this authority has signed (tcp)"),
        Flag(name="tlscert", kind="string", help="Certificate to show"),
        Flag(name="tlskey", kind="string", help="Key of that certificate; only the file's path is kept"),
        Flag(name="tls-skip-verify", help="Accept any certificate"),
    ),
    least=2,
    most=2,
)


def run(context: Context, options: Options) -> int:
    name, url = options.args
    files = {flag: _file(options.text(flag)) for flag in ("tlscacert", "tlscert", "tlskey")}
    if bool(files["tlscert"]) != bool(files["tlskey"]):
        raise InvalidArgument("a certificate and its key belong together", hint="give both --tlscert and --tlskey")
    secure = any(files.values()) or options.on("tls-skip-verify")
    if secure and not url.startswith("tcp://"):
        raise InvalidArgument(f"TLS is for tcp://, not for {url}", hint="leave the --tls options out")
    host = Host(
        name=name,
        url=url,
        ca=files["tlscacert"],
        certificate=files["tlscert"],
        key=files["tlskey"],
        verify=not options.on("tls-skip-verify"),
    )
    context.hosts.add(host)
    print(name, file=context.out)
    return 0


def _file(path: str) -> str:
    if not path:
        return ""
    if not os.path.isfile(path):
        raise NotFound(f"{path}: no such file")
    return os.path.abspath(path)
