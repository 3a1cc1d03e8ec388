"""What may fail: a link, a gateway, a LAN leg, or the plain gateway of a static group."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple, TypeAlias

from linkbalancer.config.findings import suggestion
from linkbalancer.engine.foresight.site import Site
from linkbalancer.links import DeviceName, NodeName


class Kind(StrEnum):
    """What kind of thing fails."""

    LINK = "link"
    GATEWAY = "gateway"
    LEG = "leg"
    UPSTREAM = "upstream"


class Failure(NamedTuple):
    """One thing that has failed: `target` is a name, an address, or for a leg `gateway/device`."""

    kind: Kind
    target: str

    def __str__(self) -> str:
        return f"{self.kind} {self.target}"

    @property
    def word(self) -> str:
        """Write it as a word of a command line."""
        return f"{self.kind}:{self.target}"


Failures: TypeAlias = tuple[Failure, ...]


class UnknownFailureError(Exception):
    """A word names nothing that can fail here, or several things; the argument says so, and what can."""


def leg(gateway: NodeName, device: DeviceName) -> Failure:
    """Return the failure of a gateway's device: its carrier is lost, or its checks hear nobody."""
    return Failure(Kind.LEG, f"{gateway}/{device}")


def failures(site: Site) -> Iterator[Failure]:
    """Yield everything that may fail, each once."""
    yield from (Failure(Kind.LINK, link) for link in site.ends)
    yield from (Failure(Kind.GATEWAY, one.name) for one in site.gateways)
    yield from (leg(one.name, device) for one in site.gateways for device in one.devices)
    upstreams = (member.upstream for one in site.gateways for member in one.members.values())
    yield from (Failure(Kind.UPSTREAM, one) for one in dict.fromkeys(upstreams) if one is not None)


def pairs(site: Site) -> Iterator[Failures]:
    """Yield every two of them."""
    yield from combinations(failures(site), 2)


def read_failures(words: Iterable[str], site: Site) -> Failures:
    """Return what words such as `link:l1` name, each once; `l1` is enough where nothing else has that name.

    Raises:
        UnknownFailureError: a word names nothing of this site, or several things.
    """
    known = tuple(failures(site))
    found: dict[Failure, None] = {}
    for word in words:
        meant = [one for one in known if word in {one.word, one.target}]
        if not meant:
            raise UnknownFailureError(f"nothing here is called {word}; {suggestion(word, (one.word for one in known))}")
        if len(meant) > 1:
            raise UnknownFailureError(f"{word} may be {' or '.join(one.word for one in meant)}; write one of them")
        found[meant[0]] = None
    return tuple(found)
