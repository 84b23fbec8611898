"""``longshore logout``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.registries import domain_of

SPEC = Spec(usage="[SERVER]", summary="Log out from a registry", most=1)


def run(context: Context, options: Options) -> int:
    from engine.registry import keyring

    domain = domain_of(options.args[0] if options.args else "")
    print(f"Removing login credentials for {keyring.key_of(domain)}", file=context.out)
    keyring.forget(domain)
    return 0
