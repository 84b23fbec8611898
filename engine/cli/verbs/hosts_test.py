"""``longshore hosts test``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.screen import harmless
from engine.cli.verbs.hosts_ls import endpoint, latency_text, seconds

SPEC = Spec(
    usage="[OPTIONS] [NAME...]",
    summary="Connect to hosts and tell what answers there, or why nothing does",
    flags=(Flag(name="timeout", kind="string", default="30s", help="How long to wait for each host"),),
    most=-1,
    completes="host",
)


def run(context: Context, options: Options) -> int:
    """0 when all answer, else 1."""
    bad = 0
    for state in context.ask_hosts(options.args, timeout=seconds(options)):
        if state.up:
            facts = (state.engine, state.version, f"API {state.api_version}" if state.api_version else "", state.platform)
            words = " ".join(fact for fact in facts if fact)
            lines = [f"{state.host.name}: {words}, {latency_text(state.latency)} ({endpoint(state.host)})"]
        else:
            bad += 1
            lines = [f"{state.host.name}: {state.problem}", *([f"  {state.hint}"] if state.hint else [])]
        print(harmless("\n".join(lines)), file=context.err if state.problem else context.out)
    return 1 if bad else 0
