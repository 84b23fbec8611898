"""``longshore oci create``"""

from __future__ import annotations

import os

from engine.cli.flags import Flag, Options, Spec
from engine.cli.oci.main import Globals
from engine.oci import lifecycle
from engine.oci.state import container

FLAGS = (
    Flag(name="bundle", short="b", kind="string", help="Directory of the bundle, the current one by default"),
    Flag(name="console-socket", kind="string", help="Socket that is sent the master of the process's terminal"),
    Flag(name="pid-file", kind="string", help="File that the pid is written to"),
    Flag(name="no-pivot", help="Do not use pivot_root(2): for a root on a RAM disk"),
    Flag(name="no-new-keyring", help="Keep the session keyring"),
    Flag(name="preserve-fds", kind="int", default="0", help="How many descriptors from 3 on the program gets"),
)

SPEC = Spec(usage="[OPTIONS] CONTAINER", summary="Create a container", flags=FLAGS, least=1, most=1, interspersed=False)


def create_options(options: Options) -> lifecycle.CreateOptions:
    """What the flags say."""
    return lifecycle.CreateOptions(
        bundle=options.text("bundle"),
        pid_file=options.text("pid-file"),
        console_socket=options.text("console-socket"),
        listen=int(os.environ.get("LISTEN_FDS") or 0) if os.environ.get("LISTEN_PID", str(os.getpid())) == str(os.getpid()) else 0,
        preserve=options.number("preserve-fds") or 0,
        pivot=not options.on("no-pivot"),
        keyring=not options.on("no-new-keyring"),
    )


def run(given: Globals, options: Options) -> int:
    lifecycle.create(container(given.root, options.args[0]), create_options(options))
    return 0
