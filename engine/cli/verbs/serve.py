"""``longshore serve``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.model.units import parse_duration

SPEC = Spec(
    usage="[OPTIONS]",
    summary="Serve the Docker Engine API over this engine",
    flags=(
        Flag(
            name="host",
            short="H",
            kind="list",
            help="Address to listen on: unix://PATH, tcp://HOST:PORT or fd:// (default: docker.sock in the run root)",
        ),
        Flag(name="idle-timeout", kind="string", help="Leave when nobody has been connected for this long, such as 60s (default: never)"),
        Flag(name="tlscacert", kind="string", help="Let clients in whose certificates this authority has signed (tcp)"),
        Flag(name="tlscert", kind="string", help="Certificate of the server"),
        Flag(name="tlskey", kind="string", help="Key of the server's certificate"),
    ),
)


def run(context: Context, options: Options) -> int:
    from engine.backends.embedded.offload import Automatic
    from engine.connect import connect
    from engine.server.launch import THREADS, Wanted, serve
    from engine.store.roots import resolve

    given = context.options
    idle = parse_duration(options.text("idle-timeout")) if options.has("idle-timeout") else 0.0
    addresses = options.values("host")
    own = "" if addresses else resolve(given.root).run
    engine = connect(given.host, root=given.root, config=given.config, offload=Automatic(THREADS))
    wanted = Wanted(
        addresses=tuple(addresses) or (f"unix://{own}/docker.sock",),
        private=own,
        tls_authority=options.text("tlscacert"),
        tls_certificate=options.text("tlscert"),
        tls_key=options.text("tlskey"),
        idle=idle,
        debug=given.debug,
    )
    serve(engine, wanted, lambda line: print(line, file=context.err, flush=True))
    return 0
