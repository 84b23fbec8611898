"""The public description of the Docker Engine API as an oracle.

Debian's package of docker's Go sources carries ``api/swagger.yaml``: of API 1.41 in the release that the tests run on, and of newer ones in
later releases, whose package is downloaded without installing anything of them. ``python3 -m tests.support.description`` unpacks them into
``.venv-api``, for which the standard library is enough. ``LONGSHORE_API_DESCRIPTIONS`` names a directory with more of them, ``v1.43.yaml``
and so on, as moby keeps them in ``api/docs``. Each answer is held against the description that is nearest to its own version.
"""

from __future__ import annotations

import fnmatch
import functools
import glob
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tests.support.debian import Release, unpack

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(ROOT, ".venv-api")
PACKAGE = "golang-github-docker-docker-dev"
PACKAGED = 41
"""The minor version of the API that the package's description is of."""
RELEASES = ("trixie", "forky")
"""Debian's later releases, each with a newer description. What is not released yet may lose the package: then the one before must do."""
_INSIDE = "usr/share/gocode/src/github.com/docker/docker/api/swagger.yaml"
_FILE = f"{CACHE}/{_INSIDE}"

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
    # What control groups do not count is null, as dockerd has it.
    (r"GET /containers/\{id\}/stats blkio_stats\.\w+_recursive: is null", 24),
    # Fields that are gone, where the description of the version is not at hand.
    (r"GET /(images/json|system/df) .*: 'VirtualSize' is a required property", 44),
    (r"GET /images/\{name\}/json : 'Container' is a required property", 45),
    # Before 1.39 they say nothing of ports that are exposed and not published, for which dockerd has always had null.
    (r"GET /containers/\{id\}/json NetworkSettings\.Ports\..*: is null", 24),
    # Before 1.35 the lists of bindings are described as if each were one.
    (r"GET /containers/\{id\}/json (HostConfig\.PortBindings|NetworkSettings\.Ports).* is no type '(object|array)'", 24),
    # Before 1.42 all that a pool has is described as texts.
    (r"GET /networks(/\{id\})? (\[\]\.)?IPAM\.Config\.\[\]\.AuxiliaryAddresses: .* is no type 'string'", 24),
    # Layers without an image of their own have no tags.
    (r"GET /images/\{name\}/history \[\]\.Tags: is null", 24),
    # Required by a name that no description gives a type: moby has it in ``Size`` (``api/types/image/manifest.go``).
    (r"GET /images/(json|\{name\}/json) .*ImageData: 'UnpackedSize' is a required property", 47),
)
"""Findings that are none, and the minor version since when."""

EXTRA = {
    r"GET /events (status|id|from)": "for clients before 1.22; dockerd has them to this day",
    r"GET /networks(/\{id\})? (\[\]\.)?EnableIPv4": "described since 1.48, and never left out",
    r"GET /(containers|system)/.* .*Networks\.\*\.(DNSNames|GwPriority)": "described since 1.44 and 1.48, and never left out",
    r"GET /(containers/json|system/df) .*Mounts\.\[\]\.\w+": "1.41 describes what is asked for in place of what is there",
    r"GET /(events scope|networks(/\{id\})? (\[\]\.)?Config(Only|From))": "described since 1.42, and said by dockerd long before",
    r"GET /system/df BuilderSize": "1.41 has it in its example only",
    r"GET /info CDISpecDirs": "described since 1.44; dockerd does not leave it out before",
}
"""Fields that are said though the version does not describe them, and why."""

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

    def strange(self, answer: Answer) -> Iterator[str]:
        """Fields of an answer that its version does not know: route and place."""
        described = self._document["paths"].get(self._path(answer), {}).get(answer.method.lower(), {}).get("responses", {})
        schema = (described.get(answer.status) or described.get(str(answer.status)) or {}).get("schema") or {}
        if answer.status < 300 and answer.kind.partition(";")[0] == "application/json" and schema.get("type") != "string":
            for document in documents(answer.body):
                yield from (f"{self.route(answer)} {place}" for place in self._unknown(document, schema, ()))

    def _unknown(self, value: Any, schema: Any, place: tuple[str, ...]) -> Iterator[str]:
        known, other, items = self._members(schema)
        if isinstance(value, list):
            for item in value:
                yield from self._unknown(item, items, (*place, "[]"))
        elif isinstance(value, dict) and (known or other):
            for key, item in value.items():
                if key not in known and not other:
                    yield ".".join((*place, key))
                else:
                    yield from self._unknown(item, known.get(key, other), (*place, key if key in known else "*"))

    def _members(self, schema: Any) -> tuple[dict[str, Any], Any, Any]:
        """The fields of an object, what its further ones are, and what a list's items are."""
        while "$ref" in schema:
            schema = self._document["definitions"][schema["$ref"].rpartition("/")[2]]
        known, other = dict(schema.get("properties") or {}), schema.get("additionalProperties")
        for part in schema.get("allOf", ()):
            more, others, _ = self._members(part)
            known, other = {**known, **more}, other or others
        return known, other if isinstance(other, dict) else {}, schema.get("items") or {}

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
    """The description that answers of a version are held against: the nearest, and of two the older; ``None`` where there is none."""
    import yaml

    there = kept()
    if not there:
        return None
    with open(there[nearest(there, minor)], encoding="utf-8") as file:
        return Description(yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def nearest(versions: Iterable[int], minor: int) -> int:
    """The version that is nearest to one; of two the older."""
    return min(sorted(versions), key=lambda version: abs(version - minor))


def kept() -> dict[int, str]:
    """The files that are there, by the minor version that they describe."""
    found = {PACKAGED: _FILE} if os.path.isfile(_FILE) else {}
    for directory in (CACHE, os.environ.get("LONGSHORE_API_DESCRIPTIONS", "")):
        for path in glob.glob(f"{directory}/v1.*.yaml") if directory else ():
            found[int(path.rsplit(".", 2)[1])] = path
    return found


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


def fetch() -> dict[int, str]:
    """See :func:`kept`; what is not there yet is downloaded. Raises RuntimeError where even the oldest can not be had."""
    if not os.path.isfile(_FILE):
        unpack(CACHE, PACKAGE)
    for release in RELEASES:
        if not os.path.exists(f"{CACHE}/{release}"):
            try:
                _fetch_from(release)
            except RuntimeError as error:
                print(f"no description of the API from {release}: {error}", file=sys.stderr)
    return kept()


def _fetch_from(release: str) -> None:
    with tempfile.TemporaryDirectory(prefix="longshore-description-") as temporary:
        unpack(f"{temporary}/package", PACKAGE, release=Release(release, f"{temporary}/apt"))
        with open(f"{temporary}/package/{_INSIDE}", encoding="utf-8") as file:
            version = re.search(r'^basePath: "/v1\.(\d+)"$', file.read(), re.MULTILINE)
        if version is None:
            raise RuntimeError("its description tells no version")
        name = f"v1.{version[1]}.yaml"
        shutil.copy(f"{temporary}/package/{_INSIDE}", f"{CACHE}/{name}.new")
        os.rename(f"{CACHE}/{name}.new", f"{CACHE}/{name}")
        with open(f"{CACHE}/{release}", "w", encoding="ascii") as file:
            file.write(name)


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
        if isinstance(found.get("type"), str) and "enum" not in found:
            return {**found, "type": [found["type"], "null"]}  # what is wrong in it is found at its place
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
    print(*fetch().values(), sep="\n")
