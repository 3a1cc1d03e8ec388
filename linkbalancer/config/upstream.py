"""The keys of a `mode: static` group: a plain gateway of somebody else's, and the probes that tell whether it works."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Annotated, Final, TypeAlias

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from linkbalancer.config.fields import Address, Integer, Switch, parse_address, reading
from linkbalancer.config.findings import FieldError, as_text, shown
from linkbalancer.config.section import Section

PROBES: Final = ("arp", "icmp", "tcp", "dns", "http")

_URL: Final = re.compile(r"http://([A-Za-z0-9.-]+)(?::([0-9]{1,5}))?(/[!-~]*)?", re.ASCII)
_LABEL: Final = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}\.?\Z){_LABEL}(?:\.{_LABEL})*\.?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and a TCP port."""

    address: IPv4Address
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


def parse_endpoint(raw: object) -> Endpoint:
    """Read `192.0.2.1:443`.

    Raises:
        FieldError: It is none.
    """
    if isinstance(raw, Endpoint):
        return raw
    remedy = "write an address and a port, such as 192.0.2.1:443"
    host, _, port = as_text(raw, "address with a port", remedy).rpartition(":")
    if not re.fullmatch("[0-9]{1,5}", port, re.ASCII) or not 1 <= int(port) <= 65535:
        raise FieldError(f"{shown(raw)} has no port from 1 to 65535", remedy)
    try:
        return Endpoint(parse_address(host), int(port))
    except FieldError:
        raise FieldError(f"{shown(raw)} has no IPv4 address", remedy) from None


def parse_url(raw: object) -> str:
    """Read the URL of a page: http alone.

    Raises:
        FieldError: It is none.
    """
    remedy = "write such as http://192.0.2.1/, or http://example.net/ and its address beside"
    match = _URL.fullmatch(as_text(raw, "URL", remedy))
    if match is None or not 1 <= int(match[2] or 80) <= 65535:
        raise FieldError(f"{shown(raw)} is no URL of a page by http", remedy)
    return str(raw)


def parse_domain(raw: object) -> str:
    """Read a name of the domain name system.

    Raises:
        FieldError: It is none.
    """
    word = as_text(raw, "name", "write such as example.net")
    if not _NAME.fullmatch(word):
        raise FieldError(f"{shown(word)} is no name that can be asked for", "write such as example.net")
    return word


_ENDPOINT: Final = {"type": "string", "pattern": "^[0-9.]+:[0-9]{1,5}$"}

HostPort: TypeAlias = Annotated[
    Endpoint,
    BeforeValidator(reading(parse_endpoint)),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(_ENDPOINT),
]
Url: TypeAlias = Annotated[
    str, BeforeValidator(reading(parse_url)), WithJsonSchema({"type": "string", "pattern": f"^{_URL.pattern}$"})
]
Domain: TypeAlias = Annotated[str, BeforeValidator(reading(parse_domain)), WithJsonSchema({"type": "string"})]


class DnsProbe(Section):
    """A question to a name server; any answer will do that is not a refusal or a failure of its own."""

    server: Address
    name: Domain


class HttpProbe(Section):
    """A page; `address` is where its server is, needed where the URL names it."""

    url: Url
    address: Address | None = None
    status: Annotated[Integer, Field(ge=100, le=599)] | None = None

    @property
    def host(self) -> str:
        """The server, as the URL names it."""
        match = _URL.fullmatch(self.url)
        assert match is not None
        return match[1]

    @property
    def port(self) -> int:
        """Its port."""
        match = _URL.fullmatch(self.url)
        assert match is not None
        return int(match[2] or 80)

    @property
    def path(self) -> str:
        """What is asked for there."""
        match = _URL.fullmatch(self.url)
        assert match is not None
        return match[3] or "/"

    @property
    def server(self) -> IPv4Address | None:
        """The server's address, None where neither the URL nor `address` says it."""
        if self.address is not None:
            return self.address
        try:
            return parse_address(self.host)
        except FieldError:
            return None


class GatewayProbe(Section):
    """One way of asking whether a gateway works; one of its keys says which."""

    arp: Switch = False
    icmp: Address | None = None
    tcp: HostPort | None = None
    dns: DnsProbe | None = None
    http: HttpProbe | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Which it is; `check` sees to it that it is one."""
        return tuple(kind for kind in PROBES if getattr(self, kind))


Probes: TypeAlias = Annotated[tuple[GatewayProbe, ...], Field(max_length=16)]
Streak: TypeAlias = Annotated[Integer, Field(ge=1, le=1000)]
Quorum: TypeAlias = Annotated[Integer, Field(ge=1, le=16)]

ASK_NEXT_DOOR: Final = (GatewayProbe(arp=True),)
"""What is asked where nothing else is said: the gateway's own answer to ARP."""

KEYS: Final = frozenset({"gateway", "gateway6", "probe6", "probes", "interval", "timeout", "rise", "fall", "quorum"})
"""The keys that only a static group has."""
