"""Mail, with a real SMTP server: what it gets, and what is said of its refusals."""

from email import message_from_string
from typing import Any

import pytest

from linkbalancer.config.notifications import Email
from linkbalancer.drivers.notices.mail import compose, send
from linkbalancer.drivers.notices.outcome import NotToldError
from tests.drivers.notices.servers import PASSWORD, Certificate, Post, mail_server

LOGIN = {"user": "b1", "password_file": "p"}
DOCUMENT = {
    "schema": 1,
    "id": "agent-7-12",
    "node": "b1",
    "time": "2026-11-22T04:00:00.000+00:00",
    "subject": "VID 1",
    "group": None,
    "text": "VID 1 master here: 192.168.1.2 fell silent",
    "fields": {"vid": 1},
}


def email(port: int, **words: Any) -> Email:
    """Return a mail server's configuration."""
    return Email.model_validate(
        {"server": "127.0.0.1", "port": port, "from": "b1@example.org", "to": ["o@example.org"], **words}
    )


def sent(mail: Email, password: str | None = None, authorities: str | None = None) -> str:
    """Send the document."""
    return send(mail, compose(mail, DOCUMENT, 0.0), password=password, authorities=authorities, timeout_s=5)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a server's certificate."""
    return Certificate.make(tmp_path_factory.mktemp("certificate"))


def test_a_mail_says_what_happened() -> None:
    """In its subject; by a name of its own, so that the same mail twice is known for one; never to be answered."""
    mail = compose(email(25, to=["a@example.org", "b@example.org"]), DOCUMENT, 0.0)

    assert mail["Subject"] == "[b1] VID 1 master here: 192.168.1.2 fell silent"
    assert mail["To"] == "a@example.org, b@example.org"
    assert mail["Message-ID"] == "<agent-7-12.b1@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    assert text.startswith("VID 1 master here: 192.168.1.2 fell silent")
    assert "subject      VID 1" in text
    assert "vid          1" in text
    assert "group" not in text


def test_a_plain_server() -> None:
    """The mail arrives as it was written, and the server's last word is told."""
    post = Post()
    with mail_server(post) as port:
        assert sent(email(port, security="none")) == "250 OK: queued as 42"

    (envelope,) = post.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("b1@example.org", ["o@example.org"])
    assert message_from_string(post.texts[0])["Subject"] == "[b1] VID 1 master here: 192.168.1.2 fell silent"


def test_starttls_and_a_password(certificate: Certificate) -> None:
    """Only to a server that can prove who it is."""
    post, authorities = Post(), certificate.path.read_text()
    with mail_server(post, certificate) as port:
        mail = email(port, **LOGIN)
        assert sent(mail, PASSWORD.decode(), authorities) == "250 OK: queued as 42"
        with pytest.raises(NotToldError, match=r"127.0.0.1: its certificate is not good: self"):
            sent(mail, PASSWORD.decode())
        with pytest.raises(NotToldError, match=r"535 .*invalid"):
            sent(mail, "wrong", authorities)

    assert len(post.mails) == 1


def test_tls_from_the_first_byte(certificate: Certificate) -> None:
    """`security: tls`."""
    post = Post()
    with mail_server(post, ssl_context=certificate.context) as port:
        assert sent(email(port, security="tls"), authorities=certificate.path.read_text()).startswith("250")


def test_a_server_without_starttls_gets_nothing() -> None:
    """A password, or what happened, is never sent in clear where that was not asked for."""
    post = Post()
    with mail_server(post) as port, pytest.raises(NotToldError, match=r"STARTTLS extension not supported"):
        sent(email(port))

    assert post.tried == 0


def test_refusals_are_said_in_the_servers_words() -> None:
    """All of the mail, or one recipient of two."""
    post = Post(answers=["451 try later"], refused={"gone@example.org"})
    with mail_server(post) as port:
        with pytest.raises(NotToldError, match=r"^451 try later$"):
            sent(email(port, security="none"))
        with pytest.raises(NotToldError, match=r"^gone@example.org: 550 no such user$"):
            sent(email(port, security="none", to=["gone@example.org"]))
        said = sent(email(port, security="none", to=["gone@example.org", "o@example.org"]))
        assert said == "250 OK: queued as 42; not for gone@example.org: 550 no such user"


def test_nobody_there() -> None:
    """Which server, and why."""
    with pytest.raises(NotToldError, match=r"^127.0.0.1: Connection refused$"):
        sent(email(1, security="none"))
