"""``longshore port``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.errors import NotFound

SPEC = Spec(
    usage="CONTAINER [PRIVATE_PORT[/PROTO]]",
    summary="List port mappings or a specific mapping for the container",
    least=1,
    most=2,
    completes="container",
)


def run(context: Context, options: Options) -> int:
    name, *wanted = options.args
    ports = context.run(context.engine.containers.inspect(name)).container.ports
    mapped = sorted((port for port in ports if port.host_port), key=lambda port: (port.container_port, port.protocol, port.host_ip))
    if not wanted:
        for port in mapped:
            print(f"{port.container_port}/{port.protocol} -> {_address(port.host_ip)}:{port.host_port}", file=context.out)
        return 0
    number, _, protocol = wanted[0].partition("/")
    protocol = protocol or "tcp"
    found = [port for port in mapped if str(port.container_port) == number and port.protocol == protocol]
    if not found:
        raise NotFound(f"No public port '{wanted[0]}' published for {name}")
    for port in found:
        print(f"{_address(port.host_ip)}:{port.host_port}", file=context.out)
    return 0


def _address(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip or "0.0.0.0"
