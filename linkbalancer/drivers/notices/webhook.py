"""A web server that takes JSON by POST. It blocks: whoever calls it has a process for it, and a time limit."""

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from linkbalancer import __version__
from linkbalancer.drivers.notices.outcome import NotToldError

SHOWN = 200
"""Characters of a refusal's body that are repeated."""


def post(
    url: str, document: Mapping[str, Any], *, authorization: str | None, authorities: str | None, timeout_s: float
) -> str:
    """Send a document; return the server's status, such as `200 OK`.

    Args:
        url: where to.
        document: what to send, JSON-able.
        authorization: the header of that name.
        authorities: certificates in PEM, in place of this host's authorities.
        timeout_s: how long each step may take.

    Raises:
        NotToldError: the server did not take it.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None
    body = json.dumps(document).encode()
    headers = {"Content-Type": "application/json", "User-Agent": f"linkbalancer/{__version__}"}
    if authorization is not None:
        headers["Authorization"] = authorization
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection = _connection(parts.scheme, parts.hostname, parts.port, authorities, timeout_s)
        try:
            connection.request("POST", target, body, headers)
            response = connection.getresponse()
            said = response.read(4 * SHOWN).decode(errors="replace")
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotToldError(f"{parts.netloc}: {_why(error)}") from error
    status = f"{response.status} {response.reason}".strip()
    if response.status // 100 == 2:
        return status
    if response.status // 100 == 3:
        raise NotToldError(f"{status}: it is elsewhere ({response.headers.get('Location', 'not said where')})")
    raise NotToldError(f"{status}: {' '.join(said.split())[:SHOWN]}".rstrip(": "))


def _connection(
    scheme: str, host: str, port: int | None, authorities: str | None, timeout_s: float
) -> http.client.HTTPConnection:
    if scheme == "https":
        context = ssl.create_default_context(cadata=authorities)
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)
    return http.client.HTTPConnection(host, port, timeout=timeout_s)


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
