"""``longshore node ls``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.swarm import LIST_FLAGS, pretty
from engine.cli.tables import write
from engine.model import filters
from engine.model.swarm import Node, natural

SPEC = Spec(usage="[OPTIONS]", summary="List nodes in the swarm", flags=LIST_FLAGS)
HEADERS = {
    "ID": "ID", "Self": "", "Hostname": "HOSTNAME", "Status": "STATUS", "Availability": "AVAILABILITY",
    "ManagerStatus": "MANAGER STATUS", "EngineVersion": "ENGINE VERSION", "TLSStatus": "TLS STATUS",
}  # fmt: skip
TABLE = "table " + "\\t".join(("{{.ID}} {{if .Self}}*{{else}} {{end}}", *(f"{{{{.{name}}}}}" for name in list(HEADERS)[2:7])))


def run(context: Context, options: Options) -> int:
    engine, quiet, form = context.engine, options.on("quiet"), options.text("format")
    nodes = context.run(engine.swarm.nodes.list(filters=filters.parse(options.values("filter"))))
    plain = form in ("", "table")
    own = "" if quiet or not nodes else context.run(engine.system.info()).swarm_node
    tls = "" if quiet or plain or not nodes else context.run(engine.swarm.inspect()).tls
    rows = [
        {
            "Availability": pretty(node.availability),
            "EngineVersion": node.engine_version,
            "Hostname": node.hostname,
            "ID": node.id,
            "ManagerStatus": pretty(node.manager_status),
            "Self": node.id == own,
            "Status": pretty(node.state),
            "TLSStatus": _tls(node, tls),
        }
        for node in sorted(nodes, key=lambda node: natural(node.hostname))
    ]
    form = TABLE if plain and not quiet else form
    write(context.out, rows, headers=HEADERS, default=["ID"], form=form, quiet="ID" if quiet else "")
    return 0


def _tls(node: Node, cluster: str) -> str:
    if not node.tls or not cluster:
        return "Unknown"
    return "Ready" if node.tls == cluster else "Needs Rotation"
