"""Where Prometheus reads: HTTP over a Unix socket and over TCP."""

import http.client
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.clock import MILLISECOND, SECOND, Instant
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.metrics import Exposition
from linkbalancer.daemon.scrape import CLIENTS, HEAD_LIMIT, OFF, PATIENCE, RETRY, UNIX, Answer, ScrapeServer
from tests.daemon.waiting import until

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


class Clock:
    """A clock that the test moves."""

    now: Instant = 0

    def __call__(self) -> Instant:
        """Return the present instant."""
        return self.now


class Daemon:
    """A server that is turned by a thread, as clients wait for it."""

    def __init__(self, run_dir: Path, place: str = UNIX) -> None:
        """Listen."""
        self.path, self.clock = run_dir / "metrics.sock", Clock()
        self.loop = Loop(self.clock)
        self.complaints: list[str] = []
        self.collected = 0
        self.applications = 1
        self.kept: list[Answer] | None = None
        self.server = ScrapeServer(self.loop, place, run_dir, self._collect, complain=self.complaints.append)
        self.loop.every(1 * MILLISECOND, lambda _now: None)
        self._stopped = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _collect(self, answer: Answer) -> None:
        self.collected += 1
        if self.kept is not None:
            self.kept.append(answer)
            return
        exposition = Exposition()
        for number in range(self.applications):
            exposition.set("linkbalancer_application_works", 1, application=f"app{number}")
        answer(exposition)

    def _run(self) -> None:
        while not self._stopped:
            self.clock.now += 1 * MILLISECOND
            self.loop.turn()

    def close(self) -> None:
        """End."""
        self._stopped = True
        self._thread.join()
        self.server.close()
        self.loop.forget()

    def connect(self) -> socket.socket:
        """Connect as a client does."""
        address = self.server.address
        sock = socket.socket(socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX)
        sock.settimeout(10)
        assert address is not None
        sock.connect(address)
        return sock


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Return a daemon that serves on its Unix socket."""
    running = Daemon(tmp_path)
    yield running
    running.close()


def ask(
    daemon: Daemon, method: str = "GET", path: str = "/metrics", **fields: str
) -> tuple[http.client.HTTPResponse, bytes]:
    """Return the answer to one request."""
    connection = http.client.HTTPConnection("gateway")
    connection.sock = daemon.connect()
    connection.request(method, path, headers=fields)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def raw(daemon: Daemon, data: bytes) -> bytes:
    """Return everything that is answered until the server hangs up."""
    with daemon.connect() as sock:
        try:
            sock.sendall(data)
            return b"".join(iter(lambda: sock.recv(1 << 16), b""))
        except ConnectionError:
            return b""


def test_the_form_is_the_clients_choice(daemon: Daemon) -> None:
    """OpenMetrics for whom takes it, else the text that every Prometheus reads."""
    response, body = ask(daemon, Accept=OPENMETRICS)
    assert response.status == 200
    assert response.getheader("Content-Type", "").startswith("application/openmetrics-text; version=1.0.0")
    assert body.endswith(b'linkbalancer_application_works{application="app0"} 1.0\n# EOF\n')
    for accept in ("*/*", "text/plain;version=0.0.4", "image/png"):
        response, body = ask(daemon, Accept=accept)
        assert response.getheader("Content-Type", "").startswith("text/plain; version=0.0.4")
        assert b"# EOF" not in body


def test_methods_and_paths(daemon: Daemon) -> None:
    """HEAD has the head alone, what is not there is not found, and nothing can be changed."""
    response, body = ask(daemon, "HEAD")
    assert (response.status, body) == (200, b"")
    assert int(response.getheader("Content-Length", "0")) > 100
    assert ask(daemon, path="/")[0].status == 404
    assert ask(daemon, path="/metrics?name=x")[0].status == 200
    response, body = ask(daemon, "DELETE")
    assert (response.status, response.getheader("Allow")) == (405, "GET, HEAD")
    assert body == b"405 Method Not Allowed: the metrics are at GET /metrics\n"
    assert ask(daemon, "POST", Expect="x")[0].status == 405


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
        b'{"verb": "status"}\n\r\n\r\n',
        b"GET /metrics\r\n\r\n",
        b"GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\n : x\r\n\r\n",
        b"POST /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
        b"GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"bla bla bla bla\r\nmore of it",
    ],
)
def test_garbage_is_refused(daemon: Daemon, data: bytes) -> None:
    """With 400, and the server hangs up."""
    assert raw(daemon, data).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert ask(daemon)[0].status == 200


def test_a_flood_without_an_end_is_cut_off(daemon: Daemon) -> None:
    """A head that is too long is refused."""
    assert raw(daemon, b"GET /" + b"x" * (2 * HEAD_LIMIT)).startswith((b"", b"HTTP/1.1 431"))
    assert ask(daemon)[0].status == 200


def test_a_connection_may_be_used_again(daemon: Daemon) -> None:
    """By HTTP/1.1 unless told otherwise, by 1.0 when asked to; requests may come all at once, or byte by byte."""
    one = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    with daemon.connect() as sock, sock.makefile("rb") as file:
        sock.sendall(one * 400 + b"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert file.read().count(b"HTTP/1.1 200 OK") == 401
    with daemon.connect() as sock, sock.makefile("rb") as file:
        for byte in one:
            sock.sendall(bytes([byte]))
        assert file.readline() == b"HTTP/1.1 200 OK\r\n"
    assert b"Connection: close\r\n" in raw(daemon, b"GET /metrics HTTP/1.0\r\n\r\n")
    with daemon.connect() as sock:
        sock.sendall(b"GET /metrics HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
        assert b"Connection: keep-alive\r\n" in sock.recv(200)


def test_all_who_wait_get_one_answer(daemon: Daemon) -> None:
    """Two scrapes at once ask the agent once; who has gone meanwhile is no harm."""
    daemon.kept = []
    with daemon.connect() as first, daemon.connect() as second:
        gone = daemon.connect()
        for sock in (first, second, gone):
            sock.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        until(lambda: daemon.kept)
        gone.close()
        until(lambda: len(daemon.server._clients) == 2)
        until(lambda: sum(client.waiting is not None for client in daemon.server._clients.values()) == 2)
        answer, daemon.kept = daemon.kept[0], None
        answer(Exposition())
        assert first.recv(15) == second.recv(15) == b"HTTP/1.1 200 OK"
    assert daemon.collected == 1


def test_slow_readers_and_the_silent_are_dropped(daemon: Daemon) -> None:
    """Whoever takes nothing of its answer, or never asks, is hung up on; others are served meanwhile."""
    daemon.applications = 100_000
    slow, silent = daemon.connect(), daemon.connect()
    slow.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
    assert slow.recv(1)
    daemon.applications = 1
    assert ask(daemon)[0].status == 200
    daemon.clock.now += PATIENCE + 2 * SECOND
    assert silent.recv(1) == b""
    until(lambda: not daemon.server._clients)
    slow.close()
    silent.close()


def test_idle_clients_keep_nobody_out(daemon: Daemon) -> None:
    """When all places are taken, the one that is idle for longest makes room."""
    idle = [daemon.connect() for _ in range(CLIENTS + 4)]
    assert ask(daemon)[0].status == 200
    for sock in idle:
        sock.close()


def test_a_place_that_is_taken_is_tried_again(tmp_path: Path) -> None:
    """Metrics never keep the daemon from running: it complains once, and listens when it can."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        place = f"127.0.0.1:{other.getsockname()[1]}"
        (tmp_path / "metrics.sock").touch()
        daemon = Daemon(tmp_path, place)
        daemon.clock.now += 2 * RETRY
        until(lambda: daemon.server._retry_at > 2 * RETRY)
    daemon.clock.now += 2 * RETRY
    until(lambda: daemon.server.address)
    assert ask(daemon)[0].status == 200
    daemon.close()

    assert not daemon.path.exists()
    (complaint,) = daemon.complaints
    assert complaint == f"cannot serve metrics on {place}: Address already in use; trying again"


def test_the_socket_is_its_owners(daemon: Daemon) -> None:
    """Where no group is let in."""
    assert daemon.path.stat().st_mode & 0o777 == 0o600


def test_off_is_off(tmp_path: Path) -> None:
    """Nobody listens, and no socket of an earlier configuration is left."""
    (tmp_path / "metrics.sock").touch()
    daemon = Daemon(tmp_path, OFF)
    assert daemon.server.address is None
    assert not daemon.path.exists()
    daemon.close()
