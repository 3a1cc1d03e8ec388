"""A webhook, with a real web server."""

import pytest

from linkbalancer.drivers.notices.outcome import NotToldError
from linkbalancer.drivers.notices.webhook import post
from tests.drivers.notices.servers import Certificate, Web, web_server

DOCUMENT = {"schema": 1, "text": "VID 1 master here"}


def sent(url: str, authorization: str | None = None, authorities: str | None = None, timeout_s: float = 5) -> str:
    """Send the document."""
    return post(url, DOCUMENT, authorization=authorization, authorities=authorities, timeout_s=timeout_s)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a server's certificate."""
    return Certificate.make(tmp_path_factory.mktemp("certificate"))


def test_a_document_arrives() -> None:
    """As JSON, with what authorizes it."""
    web = Web()
    with web_server(web) as port:
        assert sent(f"http://127.0.0.1:{port}/hook?a=1", "Bearer t") == "200 OK"

    assert web.got == [DOCUMENT]
    assert web.headers[0]["Content-Type"] == "application/json"
    assert web.headers[0]["Authorization"] == "Bearer t"
    assert web.headers[0]["User-Agent"].startswith("linkbalancer/")


def test_whom_it_is_sent_to_is_verified(certificate: Certificate) -> None:
    """By the authorities that are given, else by this host's."""
    web = Web()
    with web_server(web, certificate) as port:
        url = f"https://127.0.0.1:{port}/"
        assert sent(url, authorities=certificate.path.read_text()) == "200 OK"
        with pytest.raises(NotToldError, match=r"its certificate is not good: self"):
            sent(url)

    assert len(web.got) == 1


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (500, "^500 Internal Server Error: so it is$"),
        (302, "^302 Found: it is elsewhere .https://elsewhere.example.org/.$"),
    ],
)
def test_what_is_not_taken(status: int, why: str) -> None:
    """In the server's words; a redirection is not followed: the token is for this server."""
    web = Web(statuses=[status])
    with web_server(web) as port, pytest.raises(NotToldError, match=why):
        sent(f"http://127.0.0.1:{port}/")


def test_a_server_that_hangs() -> None:
    """Is given up."""
    web = Web(hanging=True)
    with web_server(web) as port, pytest.raises(NotToldError, match=r"timed out"):
        sent(f"http://127.0.0.1:{port}/", timeout_s=0.2)


def test_nobody_there() -> None:
    """Who, and why."""
    with pytest.raises(NotToldError, match=r"^127.0.0.1:1: Connection refused$"):
        sent("http://127.0.0.1:1/")
