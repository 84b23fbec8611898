"""``longshore login``"""

from __future__ import annotations

import sys

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.registries import domain_of
from engine.errors import InvalidArgument, Unauthorized
from engine.model.auth import Credentials

SPEC = Spec(
    usage="[OPTIONS] [SERVER]",
    summary="Authenticate to a registry",
    flags=(
        Flag(name="password", short="p", kind="string", help="Password or Personal Access Token (PAT)"),
        Flag(name="password-stdin", help="Take the Password or Personal Access Token (PAT) from stdin"),
        Flag(name="username", short="u", kind="string", help="Username"),
    ),
    most=1,
)
_MAX_PASSWORD = 1 << 16


def run(context: Context, options: Options) -> int:
    from engine.registry import keyring

    domain = domain_of(options.args[0] if options.args else "")
    credentials = _given(context, options) or _stored(context, domain)
    if credentials is None:
        credentials = _asked(context, options)
    kept = context.run(context.engine.system.login(domain, credentials))
    if not keyring.keep(domain, kept):
        print(
            f"\nWARNING! Your credentials are stored unencrypted in '{keyring.path_of()}'.\n"
            "Configure a credential helper to remove this warning. See\nhttps://docs.docker.com/go/credential-store/\n",
            file=context.err,
        )
    print("Login Succeeded", file=context.out)
    return 0


def _given(context: Context, options: Options) -> Credentials | None:
    """What the command line says; ``None`` when something is missing."""
    user, password = options.text("username"), options.text("password")
    if options.on("password-stdin"):
        if options.has("password"):
            raise InvalidArgument("conflicting options: cannot specify both --password and --password-stdin")
        if not user:
            raise InvalidArgument("the --password-stdin option requires --username to be set")
        password = sys.stdin.read(_MAX_PASSWORD).rstrip("\r\n")
    elif password:
        print("WARNING! Using --password via the CLI is insecure. Use --password-stdin.", file=context.err)
    if user and password:
        return Credentials(username=user, password=password)
    if user or password:
        return _asked(context, options, password)
    return None


def _stored(context: Context, domain: str) -> Credentials | None:
    """What was stored before, if the registry still takes it."""
    from engine.registry import credentials

    found = credentials.lookup(domain).credentials
    if found.anonymous or not found.username:
        return None
    print(f"Authenticating with existing credentials... [Username: {found.username}]", file=context.out)
    try:
        context.run(context.engine.system.login(domain, found))
    except Unauthorized as error:
        print(f"Login did not succeed, error: {error}", file=context.err)
        return None
    return found


def _asked(context: Context, options: Options, password: str = "") -> Credentials:
    """What a person types."""
    if not sys.stdin.isatty():
        raise InvalidArgument("Cannot perform an interactive login from a non TTY device", hint="use --username and --password-stdin")
    import getpass

    user = options.text("username") or input("Username: ").strip()
    password = password or getpass.getpass("Password: ")
    if not user or not password:
        raise InvalidArgument("username and password are required")
    return Credentials(username=user, password=password)
