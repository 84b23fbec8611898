"""The distribution protocol against a registry that misbehaves on demand."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator

import pytest

from engine.errors import (
    Cancelled,
    CorruptData,
    Forbidden,
    LongshoreError,
    NotFound,
    PullDenied,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from engine.model.auth import Credentials
from engine.model.reference import parse_tagged
from engine.registry import transport
from engine.registry.cancel import Cancel
from engine.registry.client import MAX_MANIFEST, RegistryClient
from engine.registry.credentials import Found
from engine.registry.endpoints import Endpoint, endpoints
from engine.registry.settings import Settings
from tests.engine.registry.fake import CERTIFICATE, Answer, Asked, FakeRegistry, error, fake_registry
from tests.support.images import digest, hello_world, pack
from tests.support.registry import free_port

IMAGE = pack(hello_world())
LAYER = next(iter(IMAGE.blobs))
USER = Credentials(username="ann", password="secret:with:colons")
Connect = Callable[..., RegistryClient]


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with fake_registry() as fake:
        fake.add("library/hello:latest", IMAGE)
        yield fake


@pytest.fixture
def connect() -> Iterator[Connect]:
    made: list[RegistryClient] = []

    def make(host: str, found: Found | None = None, endpoint: Endpoint | None = None, cancel: Cancel | None = None) -> RegistryClient:
        reference = parse_tagged(f"{host}/library/hello")
        place = endpoint or endpoints(Settings(), reference.domain)[0]
        made.append(RegistryClient(place, reference, found or Found(), cancel or Cancel()))
        return made[-1]

    yield make
    for client in made:
        client.close()


def challenge(registry: FakeRegistry, scheme: str = "Bearer", **more: str) -> str:
    fields = {"realm": f"{registry.url}/token", "service": "fake", "scope": "repository:library/hello:pull,push", **more}
    return scheme + " " + ",".join(f'{key}="{value}"' for key, value in fields.items())


def guard(registry: FakeRegistry, wanted: str, answer: Answer, *, scheme: str = "Bearer") -> None:
    """Everything but the token server wants ``Authorization: wanted``."""

    def rule(asked: Asked) -> Answer | None:
        if asked.path == "/token":
            return answer
        if asked.authorization == wanted:
            return None
        return error(401, "UNAUTHORIZED", "authentication required", **{"WWW-Authenticate": challenge(registry, scheme)})

    registry.rules.append(rule)


def failure(client: RegistryClient, kind: type[LongshoreError]) -> LongshoreError:
    with pytest.raises(kind) as caught:
        client.manifest("latest")
    return caught.value


def test_a_manifest_and_a_blob(registry: FakeRegistry, connect: Connect) -> None:
    client = connect(registry.host)
    assert client.head("latest") == IMAGE.digest
    found = client.manifest("latest")
    assert (found.data, found.digest, found.media_type) == (IMAGE.manifest, IMAGE.digest, IMAGE.media_type)
    blob = client.blob(LAYER)
    assert b"".join(blob) == IMAGE.blobs[LAYER]
    blob.close()
    assert registry.asked[-1].headers["Accept-Encoding"] == "identity"


def test_a_big_blob_is_read_whole_and_what_came_before_the_connection_was_lost_is_good(registry: FakeRegistry, connect: Connect) -> None:
    data = random.Random(5).randbytes(12 << 20)
    name = digest(data)
    registry.blobs[f"/v2/library/hello/blobs/{name}"] = data
    client = connect(registry.host)
    blob = client.blob(name)
    assert b"".join(blob) == data
    blob.close()
    assert client.manifest("latest").digest == IMAGE.digest
    registry.rules.append(lambda asked: Answer(200, data, cut=11 << 20) if asked.path.endswith(name) else None)
    came = bytearray()
    blob = client.blob(name)
    with pytest.raises(Unavailable):
        for piece in blob:
            came += piece
    blob.close()
    assert len(came) == 11 << 20
    assert data.startswith(came)
    registry.rules.clear()
    blob = client.blob(name, 1 << 20)
    assert b"".join(blob) == data[1 << 20 :]
    blob.close()


def test_unknown_names_are_told_in_dockers_words(registry: FakeRegistry, connect: Connect) -> None:
    client = connect(registry.host)
    assert client.head("no") == ""
    with pytest.raises(NotFound) as caught:
        client.manifest("no")
    assert caught.value.message == f"manifest for {registry.host}/library/hello:latest not found: manifest unknown: unknown to registry"
    registry.rules.append(lambda asked: error(404, "NAME_UNKNOWN", "repository name not known to registry"))
    assert failure(client, NotFound).message == (
        f"repository {registry.host}/library/hello not found: name unknown: repository name not known to registry"
    )


def test_a_password_is_shown_to_the_token_server_only(registry: FakeRegistry, connect: Connect) -> None:
    guard(registry, "Bearer good", Answer(body=b'{"token": "good", "expires_in": 300}'))
    client = connect(registry.host, Found(credentials=USER))
    assert client.manifest("latest").digest == IMAGE.digest
    assert client.manifest("latest").digest == IMAGE.digest
    tokens = [asked for asked in registry.asked if asked.path == "/token"]
    assert [asked.authorization for asked in tokens] == ["Basic YW5uOnNlY3JldDp3aXRoOmNvbG9ucw=="]
    assert tokens[0].query["scope"] == ["repository:library/hello:pull,push", "repository:library/hello:pull"]
    assert tokens[0].query["service"] == ["fake"]
    assert not any(asked.authorization.startswith("Basic") for asked in registry.asked if asked.path != "/token")


def test_an_anonymous_token_is_fetched_without_credentials(registry: FakeRegistry, connect: Connect) -> None:
    guard(registry, "Bearer good", Answer(body=b'{"access_token": "good", "token": "old"}'))
    assert connect(registry.host).manifest("latest").digest == IMAGE.digest
    assert [asked.authorization for asked in registry.asked if asked.path == "/token"] == [""]


def test_an_identity_token_is_posted(registry: FakeRegistry, connect: Connect) -> None:
    guard(registry, "Bearer good", Answer(body=b'{"access_token": "good"}'))
    client = connect(registry.host, Found(credentials=Credentials(identity_token="refresh-me")))
    client.manifest("latest")
    posted = next(asked for asked in registry.asked if asked.path == "/token")
    assert posted.method == "POST"
    assert b"grant_type=refresh_token" in posted.body
    assert b"refresh_token=refresh-me" in posted.body


def test_basic_credentials(registry: FakeRegistry, connect: Connect) -> None:
    guard(registry, "Basic YW5uOnNlY3JldDp3aXRoOmNvbG9ucw==", Answer(404), scheme="Basic")
    assert connect(registry.host, Found(credentials=USER)).manifest("latest").digest == IMAGE.digest
    assert failure(connect(registry.host), Unauthorized).message == "no basic auth credentials"
    refused = failure(connect(registry.host, Found(credentials=USER.replace(password="wrong"))), Unauthorized)
    assert refused.message == "unauthorized: authentication required"
    assert "were refused" in refused.hint


def test_an_expired_token_is_renewed_once(registry: FakeRegistry, connect: Connect) -> None:
    tokens = iter(["first", "second", "third"])
    valid = ["first"]

    def rule(asked: Asked) -> Answer | None:
        if asked.path == "/token":
            return Answer(body=b'{"token": "%s"}' % next(tokens).encode())
        if asked.authorization == f"Bearer {valid[0]}":
            return None
        return error(401, "UNAUTHORIZED", "expired", **{"WWW-Authenticate": challenge(registry, error="invalid_token")})

    registry.rules.append(rule)
    client = connect(registry.host)
    client.manifest("latest")
    valid[0] = "second"
    client.manifest("latest")
    valid[0] = "never"
    assert failure(client, Unauthorized).message == "unauthorized: expired"
    assert next(tokens, None) is None


def test_a_refused_login_and_a_hidden_repository(registry: FakeRegistry, connect: Connect) -> None:
    guard(registry, "Bearer good", error(401, "UNAUTHORIZED", "incorrect username or password"))
    refused = failure(connect(registry.host, Found(credentials=USER)), Unauthorized)
    assert refused.message == "unauthorized: incorrect username or password"
    hidden = failure(connect(registry.host), PullDenied)
    assert hidden.message.startswith(f"pull access denied for {registry.host}/library/hello, repository does not exist or may require")
    troubled = failure(connect(registry.host, Found(problem="credential helper docker-credential-x: not found")), PullDenied)
    assert "docker-credential-x" in troubled.hint


def test_docker_hubs_answer_for_a_repository_that_does_not_exist(registry: FakeRegistry, connect: Connect) -> None:
    def rule(asked: Asked) -> Answer | None:
        if asked.path == "/token":
            return Answer(body=b'{"token": "good"}')
        header = challenge(registry, error="insufficient_scope") if asked.authorization else challenge(registry)
        return error(401, "UNAUTHORIZED", "authentication required", **{"WWW-Authenticate": header})

    registry.rules.append(rule)
    assert failure(connect(registry.host), PullDenied).message == (
        f"pull access denied for {registry.host}/library/hello, repository does not exist or may require 'docker login': "
        "denied: requested access to the resource is denied"
    )


def test_a_mirror_never_sees_credentials(registry: FakeRegistry, connect: Connect) -> None:
    guard(registry, "Bearer good", Answer(body=b'{"token": "good"}'))
    mirror = Endpoint(urls=(registry.url,), insecure=True, mirror=True)
    connect(registry.host, Found(credentials=USER), mirror).manifest("latest")
    assert not any("Basic" in asked.authorization or b"secret" in asked.body for asked in registry.asked)


@pytest.mark.parametrize("answer", [b"{}", b"[]", b"no json", b'{"token": "a\\nb"}', b'{"token": 5}', b"[" * 100000])
def test_a_token_server_that_talks_nonsense(registry: FakeRegistry, connect: Connect, answer: bytes) -> None:
    guard(registry, "Bearer good", Answer(body=answer))
    assert "did not include a token" in failure(connect(registry.host), Unauthorized).message


def test_a_redirect_to_another_host_loses_the_authorization(registry: FakeRegistry, connect: Connect) -> None:
    guard(registry, "Bearer good", Answer(body=b'{"token": "good"}'))
    with fake_registry() as storage:
        storage.blobs["/signed"] = IMAGE.blobs[LAYER]
        redirect = Answer(307, b"moved", {"Location": f"{storage.url}/signed?key=1"})
        registry.rules.insert(0, lambda asked: redirect if "/blobs/" in asked.path and asked.authorization else None)
        blob = connect(registry.host).blob(LAYER)
        assert b"".join(blob) == IMAGE.blobs[LAYER]
        blob.close()
        assert [(asked.path, asked.authorization) for asked in storage.asked] == [("/signed", "")]


def test_an_address_that_a_manifest_names_sees_no_credentials(registry: FakeRegistry, connect: Connect) -> None:
    """CVE-2020-15157: not even when it asks for them."""
    guard(registry, "Basic YW5uOnNlY3JldDp3aXRoOmNvbG9ucw==", Answer(404), scheme="Basic")
    client = connect(registry.host, Found(credentials=USER))
    assert client.manifest("latest").digest == IMAGE.digest
    with fake_registry() as elsewhere:
        asking = error(401, "UNAUTHORIZED", "who are you", **{"WWW-Authenticate": 'Basic realm="elsewhere"'})
        elsewhere.rules.append(lambda asked: None if asked.authorization else asking)
        with pytest.raises(LongshoreError):
            client.foreign(f"{elsewhere.url}/layer")
        assert [asked.authorization for asked in elsewhere.asked] == [""]


@pytest.mark.parametrize("location", ["", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://", "/v2/library/hello/manifests/latest"])
def test_a_redirect_to_nowhere_or_in_circles(registry: FakeRegistry, connect: Connect, location: str) -> None:
    registry.rules.append(lambda asked: Answer(302, b"", {"Location": location}))
    assert "redirect" in failure(connect(registry.host), Unavailable).message


def test_a_rate_limit_is_told_or_waited_for(registry: FakeRegistry, connect: Connect) -> None:
    limited = error(429, "TOOMANYREQUESTS", "You have reached your pull rate limit.", **{"Retry-After": "7200"})
    registry.rules.append(lambda asked: limited)
    told = failure(connect(registry.host), TooManyRequests)
    assert told.message == "toomanyrequests: You have reached your pull rate limit."
    assert "7200 seconds" in told.hint
    assert len(registry.asked) == 1
    answers = iter([error(429, "TOOMANYREQUESTS", "slow down", **{"Retry-After": "0"})])
    registry.rules[:] = [lambda asked: next(answers, None)]
    assert connect(registry.host).manifest("latest").digest == IMAGE.digest


def test_an_overloaded_server_is_asked_again(registry: FakeRegistry, connect: Connect) -> None:
    answers = iter([Answer(503, b"<html>busy", {"Retry-After": "0"}), Answer(502)])
    registry.rules.append(lambda asked: next(answers, None))
    assert connect(registry.host).manifest("latest").digest == IMAGE.digest
    registry.rules[:] = [lambda asked: Answer(500, b'{"message": "out of \\u001b[31mcheese"}')]
    assert failure(connect(registry.host), Unavailable).message == (
        "received unexpected HTTP status: 500 Internal Server Error: out of  [31mcheese"
    )
    registry.rules[:] = [lambda asked: Answer(403)]
    assert failure(connect(registry.host), Forbidden).message == "denied: requested access to the resource is denied"


def test_a_download_is_continued(registry: FakeRegistry, connect: Connect) -> None:
    data = IMAGE.blobs[LAYER]
    client = connect(registry.host)
    for begin in (10, len(data) - 1):
        blob = client.blob(LAYER, begin)
        assert b"".join(blob) == data[begin:]
        blob.close()
    assert registry.asked[-1].headers["Range"] == f"bytes={len(data) - 1}-"


@pytest.mark.parametrize("kind", ["ignored", "elsewhere", "refused"])
def test_a_server_that_can_not_continue(registry: FakeRegistry, connect: Connect, kind: str) -> None:
    data = IMAGE.blobs[LAYER]
    odd = {
        "ignored": Answer(200, data),
        "elsewhere": Answer(206, data[5:], {"Content-Range": f"bytes 5-{len(data) - 1}/{len(data)}"}),
        "refused": Answer(416),
    }[kind]
    registry.rules.append(lambda asked: odd if "Range" in asked.headers else None)
    blob = connect(registry.host).blob(LAYER, 100)
    assert b"".join(blob) == data[100:]
    blob.close()


def test_a_lost_connection_gives_what_came_before(registry: FakeRegistry, connect: Connect) -> None:
    data = IMAGE.blobs[LAYER]
    registry.rules.append(lambda asked: Answer(200, data, cut=5000) if "/blobs/" in asked.path else None)
    blob = connect(registry.host).blob(LAYER)
    got = []
    with pytest.raises(Unavailable, match="unexpected EOF"):
        for chunk in blob:
            got.append(chunk)
    assert b"".join(got) == data[:5000]
    blob.close()


def test_bytes_that_are_not_what_was_asked_for(registry: FakeRegistry, connect: Connect) -> None:
    client = connect(registry.host)
    other = digest(b"something else")
    registry.manifests[f"/v2/library/hello/manifests/{other}"] = (IMAGE.manifest, IMAGE.media_type)
    with pytest.raises(CorruptData, match=f"manifest verification failed for digest {other}"):
        client.manifest(other)
    registry.rules.append(lambda asked: Answer(200, b"changed", {"Docker-Content-Digest": IMAGE.digest}))
    assert failure(client, CorruptData).message == f"manifest verification failed for digest {IMAGE.digest}"
    registry.rules[:] = [lambda asked: Answer(200, bytes(MAX_MANIFEST + 1))]
    assert "larger than" in failure(client, CorruptData).message


def test_a_closed_port(connect: Connect) -> None:
    host = f"127.0.0.1:{free_port()}"
    assert failure(connect(host), Unavailable).message == f'Get "http://{host}/v2/": dial tcp {host}: connect: connection refused'


def test_tls_and_plain_http_mixed_up(registry: FakeRegistry, connect: Connect) -> None:
    plain = failure(connect(registry.host, endpoint=Endpoint(urls=(f"https://{registry.host}",))), Unavailable)
    assert plain.message == f'Get "https://{registry.host}/v2/": http: server gave HTTP response to HTTPS client'
    assert "insecure = true" in plain.hint


def test_certificates(connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    import os
    import shutil

    with fake_registry(tls=True) as registry:
        registry.add("library/hello:latest", IMAGE)
        verified = Endpoint(urls=(registry.url,))
        unknown = failure(connect(registry.host, endpoint=verified), Unavailable)
        assert unknown.message.endswith("tls: failed to verify certificate: x509: certificate signed by unknown authority")
        assert f"certs.d/{registry.host}" in unknown.hint
        # Loopback is asked without TLS first, and without verification then.
        assert connect(registry.host).manifest("latest").digest == IMAGE.digest
        directory = os.path.join(str(tmp_path), registry.host)
        os.makedirs(directory)
        shutil.copy(CERTIFICATE, os.path.join(directory, "ca.crt"))
        monkeypatch.setattr(transport, "CERTIFICATES", (str(tmp_path),))
        assert connect(registry.host, endpoint=verified).manifest("latest").digest == IMAGE.digest


def test_a_proxy_is_used_but_not_for_loopback(registry: FakeRegistry, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", registry.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    far = Endpoint(urls=("http://registry.invalid:5000",), insecure=True)
    assert connect("registry.invalid:5000", endpoint=far).manifest("latest").digest == IMAGE.digest
    assert registry.asked[-1].headers["Host"] == "registry.invalid:5000"
    with fake_registry() as other:
        other.add("library/hello:latest", IMAGE)
        assert connect(other.host).manifest("latest").digest == IMAGE.digest
        assert other.asked[-1].headers["Host"] == other.host


def test_cancelling_wakes_a_blocked_read(registry: FakeRegistry, connect: Connect) -> None:
    release, begun = threading.Event(), threading.Event()
    data = IMAGE.blobs[LAYER]
    registry.rules.append(lambda asked: Answer(200, data, cut=1000, stall=release) if "/blobs/" in asked.path else None)
    cancel = Cancel()
    client = connect(registry.host, cancel=cancel)
    ended: list[BaseException] = []

    def read() -> None:
        blob = client.blob(LAYER)
        try:
            for _ in blob:
                begun.set()
        except LongshoreError as error:
            ended.append(error)
        finally:
            blob.close()

    thread = threading.Thread(target=read)
    with cancel.waking(client.abort):
        thread.start()
        assert begun.wait(60)
        cancel.throw()
        thread.join(20)
    release.set()
    assert not thread.is_alive()
    assert isinstance(ended[0], Unavailable)
    with pytest.raises(Cancelled):
        client.manifest("latest")
