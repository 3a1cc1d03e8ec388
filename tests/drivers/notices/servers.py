"""Real receivers for tests: a mail server and a web server that do as they are told, and certificates for both."""

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

PASSWORD = b"correct horse"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate for 127.0.0.1, signed by itself: it is its own authority."""

    path: Path
    key: Path

    @classmethod
    def make(cls, directory: Path) -> "Certificate":
        """Have one made."""
        path, key = directory / "server.pem", directory / "server.key"
        words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
        words += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(path)]
        subprocess.run(words, check=True, capture_output=True)
        return cls(path, key)

    @property
    def context(self) -> ssl.SSLContext:
        """What a server needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path, self.key)
        return context


@dataclass
class Post:
    """A mail server's mind: what it answers to the next mails, and what it has got."""

    answers: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    mails: list[Envelope] = field(default_factory=list)
    tried: int = 0

    async def take_recipient(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, or not."""
        if address in self.refused:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def take_mail(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Take a mail, or not."""
        self.tried += 1
        if self.answers:
            return self.answers.pop(0)
        self.mails.append(envelope)
        return "250 OK: queued as 42"

    @property
    def texts(self) -> list[str]:
        """What came, with plain line ends."""
        return [(one.content or b"").decode().replace("\r\n", "\n") for one in self.mails]  # type: ignore[union-attr]


for _name, _hook in {"handle_RCPT": Post.take_recipient, "handle_DATA": Post.take_mail}.items():
    setattr(Post, _name, _hook)  # by the names that aiosmtpd looks for


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"b1", PASSWORD)
    return AuthResult(success=good, handled=good or mechanism not in {"LOGIN", "PLAIN"})


@contextmanager
def mail_server(post: Post, certificate: Certificate | None = None, *, port: int = 0, **words: Any) -> Iterator[int]:
    """Have a mail server on 127.0.0.1; with a certificate it wants TLS and a password. Yields its port."""
    options: dict[str, Any] = {"enable_SMTPUTF8": False, **words}
    if certificate is not None:
        options |= {"tls_context": certificate.context, "require_starttls": True}
        options |= {"authenticator": _authenticate, "auth_required": True}
    controller = Controller(post, hostname="127.0.0.1", port=port or free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def free_port() -> int:
    """Return a TCP port that nobody has."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class Web:
    """A web server's mind: which statuses it answers with next, and what it has got."""

    statuses: list[int] = field(default_factory=list)
    hang: threading.Event = field(default_factory=threading.Event)
    hanging: bool = False
    got: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def web_server(web: Web, certificate: Certificate | None = None) -> Iterator[int]:
    """Have a web server on 127.0.0.1; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take what comes."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if web.hanging:
                web.hang.wait(20)
                return
            status = web.statuses.pop(0) if web.statuses else 200
            if status == 200:
                web.got.append(json.loads(body))
                web.headers.append(dict(self.headers))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "https://elsewhere.example.org/")
            self.end_headers()
            self.wfile.write(b"so it is\n")

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        server.socket = certificate.context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        web.hang.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
