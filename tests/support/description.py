"""The public description of the Docker Engine API as an oracle.

Debian's package of docker's Go sources carries ``api/swagger.yaml`` of API 1.41. ``python3 -m tests.support.description`` unpacks it into
``.venv-api``, for which the standard library is enough. ``LONGSHORE_API_DESCRIPTIONS`` names a directory with more of them, ``v1.43.yaml``
and so on, as moby keeps them in ``api/docs``; then each answer is held against the description of its own version.
"""

from __future__ import annotations

import fnmatch
import functools
import json
import os
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.support.debian import unpack

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(ROOT, ".venv-api")
PACKAGE = "golang-github-docker-docker-dev"
PACKAGED = 41
"""The minor version of the API that the package's description is of."""
_FILE = f"{CACHE}/usr/share/gocode/src/github.com/docker/docker/api/swagger.yaml"

NULL = (
    *("GET /containers/json [].NetworkSettings.Networks.*.Aliases", "GET /containers/json [].NetworkSettings.Networks.*.Links"),
    *(
        "GET /containers/{id}/json Config.Entrypoint",
        "GET /containers/{id}/json Config.OnBuild",
        "GET /containers/{id}/json Config.Volumes",
    ),
    *(
        f"GET /containers/{{id}}/json HostConfig.{field}"
        for field in (
            *("Binds", "CapAdd", "CapDrop", "DeviceCgroupRules", "DeviceRequests", "ExtraHosts", "GroupAdd", "Links", "MemorySwappiness"),
            *("SecurityOpt", "VolumesFrom"),
        )
    ),
    "GET /containers/{id}/json NetworkSettings.Networks.*.Aliases",
    "GET /containers/{id}/json NetworkSettings.Networks.*.Links",
    "GET /exec/{id}/json ExitCode",
    *(
        f"GET /images/{{name}}/json {config}.{field}"
        for config in ("Config", "ContainerConfig")
        for field in ("Entrypoint", "Labels", "OnBuild")
    ),
    *(f"GET /images/{{name}}/json {config}.Volumes" for config in ("Config", "ContainerConfig")),
    *("GET /info GenericResources", "GET /info Plugins.Authorization", "GET /info Warnings"),
    *("GET /networks [].IPAM.Options", "GET /networks/{id} IPAM.Options"),
    *(
        "GET /system/df Volumes.[].Options",
        "GET /volumes Volumes.[].Options",
        "GET /volumes/{name} Options",
        "POST /volumes/create Options",
    ),
    "GET /volumes Warnings",
    *("POST /containers/prune ContainersDeleted", "POST /images/prune ImagesDeleted", "POST /networks/prune NetworksDeleted"),
    *("POST /containers/{id}/update Warnings", "POST /containers/{id}/wait Error"),
)
"""Where dockerd answers ``null`` though its description does not say so, and so do we; ``tests/e2e/test_reference.py`` asks dockerd."""

LATER = (
    *(f"GET /containers/json [].NetworkSettings.Networks.*.{field}" for field in ("DNSNames", "IPAMConfig")),
    *("GET /containers/{id}/json ExecIDs", "GET /containers/{id}/json HostConfig.PidsLimit"),
    *(f"GET /{path}.Networks.*.DNSNames" for path in ("containers/{id}/json NetworkSettings", "system/df Containers.[].NetworkSettings")),
    *(f"GET /system/df Containers.[].NetworkSettings.Networks.*.{field}" for field in ("Aliases", "Links", "IPAMConfig")),
    *("GET /images/{name}/json Config.Cmd", "GET /images/{name}/json Config.Env"),
    *("GET /containers/{id}/json Config.Cmd", "GET /containers/{id}/changes "),
    *(f"GET {place}Labels" for place in ("/system/df Volumes.[].", "/volumes Volumes.[].", "/volumes/{name} ")),
    *("POST /volumes/create Labels", "POST /volumes/prune VolumesDeleted"),
)
"""More of them: nil slices and maps of moby's that Debian's dockerd does not show, in other versions or with nothing pruned."""

ALLOWED: tuple[tuple[str, int], ...] = (
    # Windows has isolation; dockerd says nothing on Linux.
    (r"GET /(info|containers/\{id\}/json) (HostConfig\.)?Isolation: '' is no enum .*", 24),
    # The policy that means none is described since 1.42, and docker's command line has always asked for it.
    (r"GET /containers/\{id\}/json HostConfig\.RestartPolicy\.Name: 'no' is no enum .*", 24),
    # null stands for the engine's own lists.
    (r"GET /containers/\{id\}/json HostConfig\.(MaskedPaths|ReadonlyPaths): is null", 24),
    # 1.41 describes a list of lists, which dockerd never sent.
    (r"GET /system/df Containers\.\[\]: .* is no type 'array'", 24),
    # Fields that are gone, where the description of the version is not at hand.
    (r"GET /(images/json|system/df) .*: 'VirtualSize' is a required property", 44),
    (r"GET /images/\{name\}/json : 'Container' is a required property", 45),
    # Before 1.35 the lists of bindings are described as if each were one.
    (r"GET /containers/\{id\}/json (HostConfig\.PortBindings|NetworkSettings\.Ports).* is no type '(object|array)'", 24),
    # Layers without an image of their own have no tags.
    (r"GET /images/\{name\}/history \[\]\.Tags: is null", 24),
)
"""Findings that are none, and the minor version since when."""

_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class Answer(NamedTuple):
    """A response as it went over the wire. ``minor`` is that of the API version of its request's path."""

    minor: int
    method: str
    path: str
    status: int
    kind: str
    body: bytes


class Finding(NamedTuple):
    """A place where an answer is not as its description says: the route, where in the document, and what is wrong there."""

    route: str
    place: str
    fault: str

    def __str__(self) -> str:
        return f"{self.route} {self.place}: {self.fault}"


class Description:
    """The description of one version."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._definitions = {"definitions": _nullable(document["definitions"])}
        self._paths = [(re.compile(re.sub(r"\{\w+\}", ".+" if "{name}" in path else "[^/]+", path)), path) for path in document["paths"]]
        self._paths.sort(key=lambda pair: "{" in pair[1])

    def findings(self, answer: Answer) -> Iterator[Finding]:
        """Where an answer differs. Errors have one shape everywhere; what else has no JSON in it is only looked up."""
        method, path = answer.method.lower(), self._path(answer)
        route = self.route(answer)
        if answer.status >= 400:
            yield from self._errors(route, answer)
            return
        responses = self._document["paths"].get(path, {}).get(method, {}).get("responses")
        if responses is None:
            yield Finding(route, "", "is not described")
            return
        described = responses.get(answer.status) or responses.get(str(answer.status))
        if described is None:
            yield Finding(route, "", f"status {answer.status} is not described")
            return
        schema = described.get("schema")
        if schema is None or answer.kind.partition(";")[0] != "application/json" or schema.get("type") == "string":
            return
        for document in documents(answer.body):
            yield from self._mismatches(route, schema, document)

    def routes(self) -> Iterator[tuple[str, str]]:
        """Every method and path, with placeholders."""
        for path, methods in self._document["paths"].items():
            yield from ((method.upper(), path) for method in methods if method != "parameters")

    def route(self, answer: Answer) -> str:
        """Method and path, with placeholders."""
        return f"{answer.method} {self._path(answer) or answer.path}"

    def _path(self, answer: Answer) -> str:
        method = answer.method.lower()
        fitting = (path for pattern, path in self._paths if method in self._document["paths"][path] and pattern.fullmatch(answer.path))
        return next(fitting, "")

    def _errors(self, route: str, answer: Answer) -> Iterator[Finding]:
        if answer.method == "HEAD" or answer.status == 499:
            return
        if answer.kind != "application/json":
            yield Finding(route, "", f"an error is {answer.kind or 'untyped'}")
            return
        yield from self._mismatches(f"{answer.status}", {"$ref": "#/definitions/ErrorResponse"}, json.loads(answer.body))

    def _mismatches(self, route: str, schema: Any, document: Any) -> Iterator[Finding]:
        from jsonschema import Draft4Validator, FormatChecker

        formats = FormatChecker(formats=())
        formats.checks("dateTime")(lambda value: not isinstance(value, str) or not value or bool(_DATE.fullmatch(value)))
        validator = Draft4Validator({**_nullable(schema), **self._definitions}, format_checker=formats)
        for error in validator.iter_errors(document):
            yield Finding(route, _spelled(error.absolute_path), _fault(error))


@functools.cache
def described(minor: int) -> Description | None:
    """The description that answers of a version are held against: its own, else the one that Debian has; ``None`` where there is none."""
    import yaml

    directory = os.environ.get("LONGSHORE_API_DESCRIPTIONS", "")
    for path in (f"{directory}/v1.{minor}.yaml", _FILE):
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                return Description(yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    return None


def faults(answer: Answer) -> Iterator[Finding]:
    """The findings that are faults of ours: not what dockerd does too, what newer versions allow, or where the description itself is wrong."""
    found = described(answer.minor)
    for finding in found.findings(answer) if found else ():
        if finding.fault == "is null" and any(
            fnmatch.fnmatchcase(f"{finding.route} {finding.place}", escaped(null)) for null in (*NULL, *LATER)
        ):
            continue
        if not any(re.fullmatch(pattern, str(finding)) and answer.minor >= since for pattern, since in ALLOWED):
            yield finding


def escaped(place: str) -> str:
    """Brackets are no wildcards."""
    return place.replace("[]", "[[]]")


def fetch() -> str:
    """The packaged description's file, downloaded where it is not there yet. Raises RuntimeError."""
    if not os.path.isfile(_FILE):
        unpack(CACHE, PACKAGE)
    return _FILE


def documents(body: bytes) -> list[Any]:
    """One document, or one a line."""
    try:
        return [json.loads(body)]
    except ValueError:
        return [json.loads(line) for line in body.splitlines() if line.strip()]


def _nullable(schema: Any) -> Any:
    """A schema of Swagger 2 as JSON Schema: ``x-nullable`` is the only way in which it says so."""
    if isinstance(schema, list):
        return [_nullable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _nullable(value) for key, value in schema.items() if key not in ("example", "description", "default")}
    if schema.get("x-nullable") is True:
        return {"anyOf": [found, {"type": "null"}]}
    return found


def _spelled(path: Any) -> str:
    """A place in a document, with its list indexes left out."""
    return ".".join("[]" if isinstance(part, int) else str(part) for part in path)


def _fault(error: Any) -> str:
    if error.validator == "type" and error.instance is None:
        return "is null"
    if error.validator == "required":
        return str(error.message)
    return f"{error.instance!r:.80} is no {error.validator} {error.validator_value!r:.80}"


if __name__ == "__main__":
    print(fetch())
