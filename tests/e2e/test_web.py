"""``longshore --web``: the real TUI in a real browser, and what is not let in."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support import certificates
from tests.support.browser import Browser, browser
from tests.support.registry import Registry
from tests.support.stateroot import StateRoot, state_root
from tests.support.wait import until

ATTACK = """<!DOCTYPE html><title>trying</title><script>
const socket = new WebSocket("%s");
socket.onopen = () => { document.title = "let in"; };
socket.onerror = () => { document.title = "kept out"; };
</script>"""


class Web:
    """A running ``longshore --web``. ``url`` has the token, ``base`` is without it."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url
        self.base = url.partition("/?")[0]
        self.host = urlsplit(url).netloc

    def sessions(self) -> list[int]:
        """Pids of the TUIs behind pages."""
        return children(self.process.pid)

    def get(self, path: str, headers: Mapping[str, str] | None = None, trust: ssl.SSLContext | None = None) -> http.client.HTTPResponse:
        """A request as a program makes it."""
        line = http.client.HTTPSConnection(self.host, context=trust) if trust else http.client.HTTPConnection(self.host)
        with contextlib.closing(line):
            line.request("GET", path, headers=headers or {})
            answer = line.getresponse()
            answer.read()
            return answer


def children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


@contextlib.contextmanager
def serving(machine: StateRoot, *words: str) -> Iterator[Web]:
    command = [*machine.command, *words, "--web=127.0.0.1:0"]
    process = subprocess.Popen(command, env=machine.environment, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert "Whoever has this address is root" in process.stdout.readline()
        found = re.fullmatch(r"Open (https?://127\.0\.0\.1:\d+/\?token=[\w-]{43})\n", line)
        assert found, line
        yield Web(process, found[1])
    finally:
        process.terminate()
        assert process.wait(60) in (0, -signal.SIGKILL)
        assert process.stdout
        process.stdout.close()


@pytest.fixture(scope="module")
def machine(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateRoot]:
    with state_root(str(tmp_path_factory.mktemp("web") / "m"), registry.host, ["busybox"]) as made:
        made.out("run", "-d", "--stop-signal", "KILL", "--name", "front", "busybox", "sleep", "1000")
        yield made


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as made:
        yield made


@pytest.fixture(scope="module")
def web(machine: StateRoot) -> Iterator[Web]:
    with serving(machine) as made:
        yield made


def test_the_list_is_shown_and_a_key_stops_a_container(machine: StateRoot, web: Web, window: Browser) -> None:
    window.open(web.url)
    assert "token" not in window.driver.current_url
    window.shows("front")
    window.shows("[1] Containers")
    assert len(web.sessions()) == 1
    window.type("s")
    window.shows("Stop front?")
    window.type("y")
    until(lambda: machine.out("inspect", "-f", "{{.State.Status}}", "front") == "exited\n", what="the stop")
    window.shows("exited")
    window.type("S")
    until(lambda: machine.out("inspect", "-f", "{{.State.Status}}", "front") == "running\n", what="the start")
    columns = int(window.driver.execute_script("return window.shown.cols"))
    window.driver.set_window_size(900, 700)
    until(lambda: window.driver.execute_script("return window.shown.cols") < columns, what="fewer columns")
    window.shows("[1] Containers")


def test_what_wants_a_terminal_of_its_own_says_so(web: Web, window: Browser) -> None:
    window.open(web.url)
    window.shows("front")
    window.type("5")
    window.type("|")
    window.shows("needs a terminal of its own")


def test_a_tab_without_token_or_cookie_is_refused(web: Web, window: Browser) -> None:
    window.open(web.url)
    window.shows("front")
    inside = window.driver.current_url
    window.tab()
    try:
        window.open(f"{web.base}/")
        assert "it ends with a token" in window.text()
        window.open(f"{web.base}/?token={'x' * 43}")
        assert "it ends with a token" in window.text()
        window.open(inside)
        window.shows("front")  # the same browser has the cookie
        window.driver.delete_all_cookies()
        window.open(inside)
        assert "it ends with a token" in window.text()
    finally:
        window.close_tab()


def test_a_page_of_another_origin_gets_neither_session_nor_cookie(web: Web, window: Browser) -> None:
    window.open(web.url)
    window.shows("front")
    inside = window.driver.current_url
    seen: list[str] = []

    class Attacker(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(f"{self.path} {self.headers.get('Cookie', '')}")
            body = ATTACK % inside.replace("http:", "ws:") + "ws"  # even with the secret path in hand
            if self.path == "/frame":
                body = f'<!DOCTYPE html><title>frame</title><iframe src="{inside}"></iframe>'
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Attacker) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        window.tab()
        try:
            before = web.sessions()
            for name in ("127.0.0.1", "localhost"):
                window.open(f"http://{name}:{server.server_port}/")
                until(lambda: window.driver.title != "trying", what="an answer to the attack")
                assert window.driver.title == "kept out"
            window.open(f"http://127.0.0.1:{server.server_port}/frame")
            window.driver.switch_to.frame(0)
            assert "terminal" not in window.driver.page_source
            assert web.sessions() == before
        finally:
            window.driver.switch_to.default_content()
            window.close_tab()
            server.shutdown()
            thread.join()
    assert seen
    assert not [line for line in seen if "longshore" in line]


def test_requests_of_programs(web: Web) -> None:
    entered = web.get(web.url.removeprefix(web.base))
    assert entered.status == 303
    path, cookie = entered.headers["Location"], entered.headers["Set-Cookie"]
    assert re.fullmatch(rf"longshore=[\w-]{{43}}; HttpOnly; Path={re.escape(path)}; SameSite=Lax", cookie), cookie
    given = {"Cookie": cookie.partition(";")[0]}
    page = web.get(path, given)
    assert page.status == 200
    for name, value in (("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-store")):
        assert page.headers[name] == value
    assert f"connect-src 'self' ws://{web.host};" in page.headers["Content-Security-Policy"]
    assert web.get(f"{path}static/js/textual.js", given).status == 200
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x" * 22 + "=="}
    before = web.sessions()
    refused = {
        "no cookie": web.get(path),
        "wrong cookie": web.get(path, {"Cookie": f"longshore={'x' * 43}"}),
        "no such path, no cookie": web.get("/x"),
        "static without cookie": web.get(f"{path}static/js/textual.js"),
        "no origin": web.get(f"{path}ws", given | upgrade),
        "foreign origin": web.get(f"{path}ws", given | upgrade | {"Origin": "http://evil.example"}),
        "null origin": web.get(f"{path}ws", given | upgrade | {"Origin": "null"}),
        "origin with another port": web.get(f"{path}ws", given | upgrade | {"Origin": "http://127.0.0.1:1"}),
        "no cookie, right origin": web.get(f"{path}ws", upgrade | {"Origin": web.base}),
    }
    assert {name: answer.status for name, answer in refused.items()} == dict.fromkeys(refused, 403)
    for name in ("evil.example", "127.0.0.1.evil.example", "169.254.1.1"):
        rebound = web.get(web.url.removeprefix(web.base), {"Host": f"{name}:{web.host.partition(':')[2]}"})
        assert rebound.status == 421
        assert "Set-Cookie" not in rebound.headers
    for way in ("static/../page.html", "static/%2e%2e/server.py", "static//etc/passwd"):
        assert web.get(path + way, given).status in (403, 404)
    assert web.sessions() == before


def test_secrets_are_in_no_command_line_and_no_environment(web: Web, window: Browser) -> None:
    window.open(web.url)
    window.shows("front")
    token = web.url.partition("token=")[2].encode()
    secret = window.driver.current_url.rstrip("/").rpartition("/")[2].encode()
    for pid in (web.process.pid, *web.sessions()):
        for name in ("cmdline", "environ"):
            content = Path(f"/proc/{pid}/{name}").read_bytes()
            assert token not in content
            assert secret not in content


def test_the_tui_ends_with_its_page_and_with_the_server(machine: StateRoot, window: Browser) -> None:
    with serving(machine) as web:
        window.tab()
        window.open(web.url)
        window.shows("front")
        window.close_tab()
        until(lambda: not web.sessions(), what="the end of the session of a closed tab")
        window.open(web.url)
        window.shows("front")
        window.type("q")
        until(lambda: "This session has ended." in window.text(), what="the note of the end")
        until(lambda: not web.sessions(), what="the end of the session that was left")
        window.open(web.url)
        window.shows("front")
        (session,) = web.sessions()
        os.kill(web.process.pid, signal.SIGKILL)
        until(lambda: not os.path.exists(f"/proc/{session}"), what="the end of the TUI after its server's death")
    assert machine.out("ps", "--format", "{{.Names}}") == "front\n"


def test_a_port_that_is_taken_is_said(machine: StateRoot, web: Web) -> None:
    done = machine(f"--web={web.host}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: listen tcp {web.host}: address already in use\n")


def test_with_a_certificate(machine: StateRoot, tmp_path: Path) -> None:
    files = certificates.make(str(tmp_path))
    with serving(machine, "--web-cert", f"{files}/server.pem", "--web-key", f"{files}/server.key") as web:
        assert web.url.startswith("https://")
        trust = ssl.create_default_context(cafile=f"{files}/ca.pem")
        entered = web.get(web.url.removeprefix(web.base), trust=trust)
        assert "Secure" in entered.headers["Set-Cookie"]
        page = web.get(entered.headers["Location"], {"Cookie": entered.headers["Set-Cookie"].partition(";")[0]}, trust)
        assert page.status == 200
        assert f"wss://{web.host}" in page.headers["Content-Security-Policy"]
