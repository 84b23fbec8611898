"""The flags that ``service create`` and ``service update`` share, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.cli.container_options import HEALTH, environment, healthcheck, labels, pairs, ulimit
from engine.cli.flags import Flag, FlagError, Options
from engine.cli.mounts import parse_mount
from engine.cli.ports import parse_publish
from engine.errors import InvalidArgument
from engine.model.services import Grant, RolloutConfig, ServiceChange
from engine.model.swarm import ServicePort
from engine.model.units import parse_duration, parse_size


def _string(name: str, help: str, short: str = "") -> Flag:
    return Flag(name=name, kind="string", short=short, help=help)


def _duration(name: str, help: str) -> Flag:
    return Flag(name=name, kind="duration", help=f"{help} (ns|us|ms|s|m|h)")


def _int(name: str, help: str) -> Flag:
    return Flag(name=name, kind="int", help=help)


def _rollout(verb: str) -> tuple[Flag, ...]:
    actions = '("pause", "continue", "rollback")' if verb == "update" else '("pause", "continue")'
    return (
        _duration(f"{verb}-delay", f"Delay between task {verb}s"),
        _string(f"{verb}-failure-action", f"Action on {verb} failure {actions}"),
        _string(f"{verb}-max-failure-ratio", f"Failure rate to tolerate during an {verb}"),
        _duration(f"{verb}-monitor", f"Duration after each task {verb} to monitor for failure"),
        _string(f"{verb}-order", f'{verb.capitalize()} order ("start-first", "stop-first")'),
        _int(f"{verb}-parallelism", f"Maximum number of tasks {verb}d simultaneously (0 to update all at once)"),
    )


COMMON: tuple[Flag, ...] = (
    Flag(name="cap-add", kind="list", help="Add Linux capabilities"),
    Flag(name="cap-drop", kind="list", help="Drop Linux capabilities"),
    *HEALTH,
    _int("max-concurrent", "Number of job tasks to run concurrently (default equal to --replicas)"),
    _string("credential-spec", "Credential spec for managed service account (Windows only)"),
    _string("isolation", "Service container isolation mode"),
    _int("oom-score-adj", "Tune host's OOM preferences (-1000 to 1000)"),
    Flag(name="with-registry-auth", help="Send registry authentication details to swarm agents"),
    Flag(name="detach", short="d", help="Exit immediately instead of waiting for the service to converge"),
    _string("endpoint-mode", "Endpoint mode (vip or dnsrr)"),
    _string("entrypoint", "Overwrite the default ENTRYPOINT of the image"),
    _string("hostname", "Container hostname"),
    Flag(name="init", help="Use an init inside each service container to forward signals and reap processes"),
    _string("limit-cpu", "Limit CPUs"),
    _string("limit-memory", "Limit Memory"),
    _int("limit-pids", "Limit maximum number of processes (default 0 = unlimited)"),
    Flag(name="log-driver", kind="string", help="Logging driver for service", completes="log-driver"),
    Flag(name="log-opt", kind="list", help="Logging driver options"),
    Flag(name="no-resolve-image", help="Do not query the registry to resolve image digest and supported platforms"),
    Flag(name="quiet", short="q", help="Suppress progress output"),
    Flag(name="read-only", help="Mount the container's root filesystem as read only"),
    _int("replicas", "Number of tasks"),
    _int("replicas-max-per-node", "Maximum number of tasks per node (default 0 = unlimited)"),
    _string("reserve-cpu", "Reserve CPUs"),
    _string("reserve-memory", "Reserve Memory"),
    _string("restart-condition", 'Restart when condition is met ("none", "on-failure", "any")'),
    _duration("restart-delay", "Delay between restart attempts"),
    _int("restart-max-attempts", "Maximum number of restarts before giving up"),
    _duration("restart-window", "Window used to evaluate the restart policy"),
    _duration("stop-grace-period", "Time to wait before force killing a container"),
    _string("stop-signal", "Signal to stop the container"),
    Flag(name="tty", short="t", help="Allocate a pseudo-TTY"),
    _string("user", "Username or UID (format: <name|uid>[:<group|gid>])", "u"),
    _string("workdir", "Working directory inside the container", "w"),
    *_rollout("rollback"),
    *_rollout("update"),
)

_LISTS: tuple[tuple[str, str, str, str], ...] = (
    ("config", "", "Specify configurations to expose to the service", "a configuration file"),
    ("constraint", "", "Placement constraints", "a constraint"),
    ("container-label", "", "Container labels", "a container label by its key"),
    ("dns", "", "Set custom DNS servers", "a DNS server"),
    ("dns-option", "", "Set DNS options", "a DNS option"),
    ("dns-search", "", "Set custom DNS search domains", "a DNS search domain"),
    ("env", "e", "Set environment variables", "an environment variable"),
    ("generic-resource", "", "User defined resources", "a Generic resource"),
    ("group", "", "Set one or more supplementary user groups for the container", "a supplementary group"),
    ("host", "", "Set one or more custom host-to-IP mappings (host:ip)", "a custom host-to-IP mapping (host:ip)"),
    ("label", "l", "Service labels", "a label by its key"),
    ("mount", "", "Attach a filesystem mount to the service", "a mount by its target path"),
    ("network", "", "Network attachments", "a network"),
    ("placement-pref", "", "Add a placement preference", "a placement preference"),
    ("publish", "p", "Publish a port as a node port", "a published port by its target port"),
    ("secret", "", "Specify secrets to expose to the service", "a secret"),
    ("sysctl", "", "Sysctl options", "a sysctl option"),
    ("ulimit", "", "Ulimit options", "a ulimit option"),
)
CREATE: tuple[Flag, ...] = (
    *COMMON,
    *(Flag(name=name, short=short, kind="list", help=help) for name, short, help, _ in _LISTS),
    Flag(name="env-file", kind="list", help="Read in a file of environment variables"),
    Flag(name="mode", kind="string", default="replicated", help='Service mode ("replicated", "global", "replicated-job", "global-job")'),
    _string("name", "Service name"),
)
UPDATE: tuple[Flag, ...] = (
    *COMMON,
    *(Flag(name=f"{name}-add", kind="list", help=f"Add or update: {help[:1].lower()}{help[1:]}") for name, _, help, _ in _LISTS),
    *(Flag(name=f"{name}-rm", kind="list", help=f"Remove {what}") for name, _, _, what in _LISTS),
    _string("args", "Service command args"),
    Flag(name="force", help="Force update even if no changes require it"),
    _string("image", "Service image tag"),
    Flag(name="rollback", help="Rollback to previous specification"),
)


def created(options: Options) -> ServiceChange:
    """What a new service is to have, without its command.

    Raises:
        FlagError, InvalidArgument: a value is malformed, in docker's words.
    """
    return _common(options).replace(
        image=options.args[0],
        args=tuple(options.args[1:]) or None,
        env=environment(options),
        **_added(options, ""),
    )


def changed(options: Options) -> ServiceChange:
    """What ``service update`` changes.

    Raises:
        FlagError, InvalidArgument: a value is malformed, in docker's words.
    """
    return _common(options).replace(
        image=options.text("image"),
        args=_words(options, "args"),
        force=options.on("force"),
        env=_known(options.values("env-add")),
        remove_env=options.values("env-rm"),
        remove_labels=options.values("label-rm"),
        remove_container_labels=options.values("container-label-rm"),
        remove_ports=tuple(port for text in options.values("publish-rm") for port in _ports(text)),
        remove_mounts=options.values("mount-rm"),
        remove_networks=options.values("network-rm"),
        remove_constraints=options.values("constraint-rm"),
        remove_secrets=options.values("secret-rm"),
        remove_configs=options.values("config-rm"),
        remove_dns=options.values("dns-rm"),
        remove_dns_options=options.values("dns-option-rm"),
        remove_dns_search=options.values("dns-search-rm"),
        remove_generic_resources=options.values("generic-resource-rm"),
        remove_groups=options.values("group-rm"),
        remove_hosts=options.values("host-rm"),
        remove_spread=tuple(map(_spread, options.values("placement-pref-rm"))),
        remove_sysctls=options.values("sysctl-rm"),
        remove_ulimits=options.values("ulimit-rm"),
        **_added(options, "-add"),
    )


def _added(options: Options, suffix: str) -> Mapping[str, object]:
    return {
        "labels": labels(options.values(f"label{suffix}")),
        "container_labels": labels(options.values(f"container-label{suffix}")),
        "ports": tuple(port for text in options.values(f"publish{suffix}") for port in _ports(text)),
        "mounts": tuple(map(parse_mount, options.values(f"mount{suffix}"))),
        "networks": tuple(_network(text) for text in options.values(f"network{suffix}")),
        "constraints": options.values(f"constraint{suffix}"),
        "dns": options.values(f"dns{suffix}"),
        "dns_options": options.values(f"dns-option{suffix}"),
        "dns_search": options.values(f"dns-search{suffix}"),
        "generic_resources": _generic(options, f"generic-resource{suffix}"),
        "groups": options.values(f"group{suffix}"),
        "hosts": tuple(map(_host, options.values(f"host{suffix}"))),
        "spread": tuple(map(_spread, options.values(f"placement-pref{suffix}"))),
        "sysctls": pairs(options.values(f"sysctl{suffix}")),
        "ulimits": tuple(map(ulimit, options.values(f"ulimit{suffix}"))),
        "secrets": tuple(_grant(text, "secret") for text in options.values(f"secret{suffix}")),
        "configs": tuple(_grant(text, "config") for text in options.values(f"config{suffix}")),
    }


def _common(options: Options) -> ServiceChange:
    return ServiceChange(
        entrypoint=_words(options, "entrypoint"),
        replicas=_count(options, "replicas"),
        max_per_node=_count(options, "replicas-max-per-node"),
        nano_cpus=_cpus(options, "limit-cpu"),
        memory=_size(options, "limit-memory"),
        pids=options.number("limit-pids"),
        reserve_nano_cpus=_cpus(options, "reserve-cpu"),
        reserve_memory=_size(options, "reserve-memory"),
        user=_text(options, "user"),
        workdir=_text(options, "workdir"),
        hostname=_text(options, "hostname"),
        tty=_bool(options, "tty"),
        init=_bool(options, "init"),
        read_only=_bool(options, "read-only"),
        stop_signal=_text(options, "stop-signal"),
        stop_grace=seconds(options, "stop-grace-period"),
        restart_condition=options.text("restart-condition"),
        restart_delay=seconds(options, "restart-delay"),
        restart_attempts=_count(options, "restart-max-attempts"),
        restart_window=seconds(options, "restart-window"),
        endpoint_mode=options.text("endpoint-mode"),
        log_driver=options.text("log-driver"),
        log_options=pairs(options.values("log-opt")),
        cap_add=options.values("cap-add"),
        cap_drop=options.values("cap-drop"),
        healthcheck=healthcheck(options),
        max_concurrent=_count(options, "max-concurrent"),
        credential_spec=_credential_spec(options),
        isolation=_text(options, "isolation"),
        oom_score_adj=options.number("oom-score-adj"),
        send_auth=options.on("with-registry-auth"),
        update=_rollout_config(options, "update"),
        rollback=_rollout_config(options, "rollback"),
        resolve_image=not options.on("no-resolve-image"),
    )


def _rollout_config(options: Options, verb: str) -> RolloutConfig:
    ratio = options.text(f"{verb}-max-failure-ratio")
    try:
        failures = float(ratio) if ratio else None
    except ValueError:
        raise _bad(options, f"{verb}-max-failure-ratio", f'strconv.ParseFloat: parsing "{ratio}": invalid syntax') from None
    return RolloutConfig(
        parallelism=_count(options, f"{verb}-parallelism"),
        delay=seconds(options, f"{verb}-delay"),
        monitor=seconds(options, f"{verb}-monitor"),
        failure_action=options.text(f"{verb}-failure-action"),
        max_failure_ratio=failures,
        order=options.text(f"{verb}-order"),
    )


def _credential_spec(options: Options) -> str | None:
    text = _text(options, "credential-spec")
    if text and not text.startswith(("config://", "file://", "registry://")):
        raise _bad(
            options, "credential-spec", 'invalid credential spec: value must be prefixed with "config://", "file://", or "registry://"'
        )
    return text


def _generic(options: Options, name: str) -> Mapping[str, int]:
    """``KIND=COUNT``; single ones by their names can not be asked for."""
    found: dict[str, int] = {}
    for text in options.values(name):
        if "=" not in text:
            raise _bad(options, name, f"invalid generic-resource format `{text}` expected `name=value`")
        kind, equals, value = (part.strip() for part in text.partition("="))
        if not (kind and equals and value) or "=" in value:
            raise InvalidArgument(f"could not parse GenericResource: incorrect term {text}, missing '=' or malformed expression")
        if not (value.removeprefix("-").isascii() and value.removeprefix("-").isdigit()):
            raise InvalidArgument(
                f"invalid generic-resource request `{kind}={value}`, Named Generic Resources is not supported for service create or update"
            )
        if value.startswith("-"):
            raise InvalidArgument(f"could not parse GenericResource: cannot ask for negative resource {kind}")
        found[kind] = int(value)
    return found


def _spread(text: str) -> str:
    """``spread=node.labels.datacenter``, the only strategy there is."""
    strategy, equals, by = text.partition("=")
    if not equals:
        raise FlagError(f'invalid argument "{text}" for "--placement-pref" flag: must have the format <strategy>=<arg>')
    if strategy.strip().lower() != "spread":
        raise FlagError(f'invalid argument "{text}" for "--placement-pref" flag: unsupported placement preference {strategy}')
    return by.strip()


def _host(text: str) -> str:
    """``NAME:ADDRESS`` as the API has it."""
    name, colon, address = text.partition(":")
    if not (name and colon and address):
        raise FlagError(f'invalid argument "{text}" for "--host" flag: bad format for add-host: "{text}"')
    return f"{address} {name}"


def _text(options: Options, name: str) -> str | None:
    return options.text(name) if options.has(name) else None


def _bool(options: Options, name: str) -> bool | None:
    return options.on(name) if options.has(name) else None


def _words(options: Options, name: str) -> tuple[str, ...] | None:
    if not options.has(name):
        return None
    import shlex  # late: for this only

    try:
        return tuple(shlex.split(options.text(name)))
    except ValueError as error:
        raise _bad(options, name, str(error).lower()) from None


def _count(options: Options, name: str) -> int | None:
    found = options.number(name)
    if found is not None and found < 0:
        raise _bad(options, name, f'strconv.ParseUint: parsing "{options.text(name)}": invalid syntax')
    return found


def seconds(options: Options, name: str) -> float | None:
    """A flag that is a duration, ``None`` where it is not given.

    Raises:
        FlagError: it is none.
    """
    if not options.has(name):
        return None
    try:
        return parse_duration(options.text(name))
    except InvalidArgument as error:
        raise _bad(options, name, error.message) from None


def _size(options: Options, name: str) -> int | None:
    if not options.has(name):
        return None
    try:
        return parse_size(options.text(name))
    except InvalidArgument as error:
        raise _bad(options, name, error.message) from None


def _cpus(options: Options, name: str) -> int | None:
    if not options.has(name):
        return None
    try:
        return round(float(options.text(name)) * 1e9)
    except (ValueError, OverflowError):
        raise _bad(options, name, f"failed to parse {options.text(name)} as a rational number") from None


def _bad(options: Options, name: str, why: str) -> FlagError:
    return FlagError(f'invalid argument "{options.text(name)}" for "--{name}" flag: {why}')


def _known(texts: Sequence[str]) -> tuple[str, ...]:
    """Variables to set; one without a value takes our own, or is left out."""
    import os

    found = (text if "=" in text else f"{text}={os.environ[text]}" if text in os.environ else "" for text in texts)
    return tuple(text for text in found if text)


def _ports(text: str) -> list[ServicePort]:
    """``8080:80/tcp``, or ``published=8080,target=80,protocol=tcp,mode=host`` (docker/cli, ``opts/swarmopts/port.go``)."""
    if "=" not in text:
        return [ServicePort(target=one.container_port, published=one.host_port, protocol=one.protocol) for one in parse_publish(text)]
    fields = _fields(text, "publish", ("published", "target", "protocol", "mode"))
    for name in ("published", "target"):
        if name in fields and not fields[name].isdigit():
            raise FlagError(
                f'invalid argument "{text}" for "-p, --publish" flag: invalid {name} port ({fields[name]}): value must be an integer'
            )
    if "target" not in fields:
        raise FlagError(f'invalid argument "{text}" for "-p, --publish" flag: missing mandatory field "target"')
    if fields.get("mode", "ingress") not in ("ingress", "host"):
        raise FlagError(f'invalid argument "{text}" for "-p, --publish" flag: invalid publish mode value ({fields["mode"]})')
    return [
        ServicePort(
            target=int(fields["target"]),
            published=int(fields.get("published", "0")),
            protocol=fields.get("protocol", "tcp"),
            mode=fields.get("mode", "ingress"),
        )
    ]


def _network(text: str) -> str:
    return _fields(text, "network", ("name",)).get("name", "") if "=" in text else text


def _grant(text: str, kind: str) -> Grant:
    """``NAME``, or ``source=NAME,target=FILE,uid=0,gid=0,mode=0444``."""
    if "=" not in text:
        return Grant(source=text, target=text)
    fields = _fields(text, kind, ("source", "src", "target", "uid", "gid", "mode"))
    source = fields.get("source", fields.get("src", ""))
    if not source:
        raise FlagError(f'invalid argument "{text}" for "--{kind}" flag: source is required')
    try:
        mode = int(fields.get("mode", "0444"), 8)
    except ValueError:
        raise FlagError(f'invalid argument "{text}" for "--{kind}" flag: invalid mode specified: {fields["mode"]}') from None
    return Grant(source=source, target=fields.get("target", ""), uid=fields.get("uid", "0"), gid=fields.get("gid", "0"), mode=mode)


def _fields(text: str, flag: str, known: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        key = key.strip().lower()
        if not equals or key not in known:
            raise FlagError(f'invalid argument "{text}" for "--{flag}" flag: invalid field key {key}')
        found[key] = value
    return found
