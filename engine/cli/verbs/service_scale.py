"""``longshore service scale``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.converge import converge
from engine.cli.flags import Options, Spec, UsageError
from engine.cli.main import print_error
from engine.cli.swarm import DETACH, warn
from engine.errors import InvalidArgument, LongshoreError
from engine.model.services import ServiceChange

SPEC = Spec(
    usage="SERVICE=REPLICAS [SERVICE=REPLICAS...]",
    summary="Scale one or multiple replicated services",
    flags=(DETACH,),
    least=1,
    most=-1,
    completes="service",
)


def run(context: Context, options: Options) -> int:
    wanted = [word.partition("=") for word in options.args]
    for name, _, count in wanted:
        if not name or not count:
            raise UsageError(f"invalid scale specifier '{name or '=' + count}'.\nSee 'longshore service scale --help'.")
    scaled: list[str] = []
    failures: list[LongshoreError] = []
    for name, _, count in wanted:
        try:
            warn(context, context.run(context.engine.swarm.services.update(name, ServiceChange(replicas=_count(count)))))
        except LongshoreError as error:
            failures.append(type(error)(f"{name}: {error.message}", hint=error.hint))
            continue
        print(f"{name} scaled to {int(count)}", file=context.out, flush=True)
        scaled.append(name)
    for name in scaled if not options.on("detach") else ():
        try:
            converge(context, name)
        except LongshoreError as error:
            failures.append(type(error)(f"{name}: {error.message}", hint=error.hint))
    context.out.flush()
    for failure in failures:
        print_error(failure)
    return 1 if failures else 0


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) >= 1 << 64:
        why = "value out of range" if text.isascii() and text.isdigit() else "invalid syntax"
        raise InvalidArgument(f'invalid replicas value {text}: strconv.ParseUint: parsing "{text}": {why}')
    return int(text)
