"""Routers that a link crosses on its way, as a cloud would have them: what the gateways at its ends cannot see."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import pairwise

from pydantic import BaseModel, ConfigDict, Field

from linkbalancer.config.model import Link
from linkbalancer.lab.errors import LabError
from linkbalancer.links import LinkName, NodeName

NAME = r"^[a-z0-9][a-z0-9-]{0,9}$"
"""A router's ports are named by it and the way that they look, in the 15 characters of a device's name."""

NEAR, FAR = "near", "far"


class RouterDocument(BaseModel):
    """One router of a link: its name, and its address on either side."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(pattern=NAME)
    near: IPv4Interface
    far: IPv4Interface


@dataclass(frozen=True, slots=True)
class Router:
    """A router, and what it must be told: the prefixes towards either side, and who is next there."""

    name: NodeName
    near: IPv4Interface
    far: IPv4Interface
    routes: tuple[tuple[IPv4Network, IPv4Address], ...]

    def port(self, way: str) -> str:
        """Return the name of its port in the link's namespace; the router itself calls its devices by the way alone."""
        return f"{self.name}-{way}"


def chain(
    link: LinkName,
    documents: Sequence[RouterDocument],
    ends: Mapping[str, Link],
    lans: Mapping[str, Sequence[IPv4Network]],
) -> tuple[Router, ...]:
    """Return the routers of a link, from near to far; LabError says where they and the gateways do not fit together.

    `ends` are the gateways' words on the link, and `lans` the prefixes behind them, by side.
    """
    if not documents:
        for side, end in ends.items():
            if end.via is not None:
                raise LabError(
                    f"link {link}: its {side} end is reached via {end.via}, but topology.yaml names no routers of it: "
                    "add them under `links`, from near to far"
                )
        return ()
    outer = {NEAR: documents[0].near, FAR: documents[-1].far}
    for side, end in ends.items():
        if end.via != outer[side].ip or end.local not in outer[side].network:
            raise LabError(
                f"link {link}: its {side} end must have via: {outer[side].ip}, the first router that topology.yaml "
                f"names there, and an address within {outer[side].network}"
            )
    for one, other in pairwise(documents):
        if one.far.network != other.near.network or one.far.ip == other.near.ip:
            raise LabError(f"link {link}: {one.name} and {other.name} have no network in common")
    return tuple(_routers(documents, ends, lans))


def _routers(
    documents: Sequence[RouterDocument], ends: Mapping[str, Link], lans: Mapping[str, Sequence[IPv4Network]]
) -> Iterator[Router]:
    last = len(documents) - 1
    for place, one in enumerate(documents):
        following = {
            NEAR: documents[place - 1].far.ip if place else ends[NEAR].local,
            FAR: documents[place + 1].near.ip if place < last else ends[FAR].local,
        }
        beyond = {
            NEAR: [*lans[NEAR], *([documents[0].near.network] if place else [])],
            FAR: [*lans[FAR], *([documents[-1].far.network] if place < last else [])],
        }
        routes = tuple((prefix, following[side]) for side in (NEAR, FAR) for prefix in beyond[side])
        yield Router(one.name, one.near, one.far, routes)
