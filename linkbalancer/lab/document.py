"""`topology.yaml` as it is written: what a lab cannot read in the gateways' own files."""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from pydantic import BaseModel, ConfigDict, Field

from linkbalancer.lab.routers import RouterDocument
from linkbalancer.links import DeviceName, LinkName, NodeName


class HostDocument(BaseModel):
    """A host: its address with prefix length, its one default gateway, and `more` addresses that it sends from."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    address: IPv4Interface
    gateway: IPv4Address
    more: tuple[IPv4Address, ...] = ()


class TopologyDocument(BaseModel):
    """`topology.yaml`: what the gateways' own files do not say."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str | None = None
    lans: dict[str, IPv4Network]
    gateways: dict[NodeName, dict[DeviceName, IPv4Interface]]
    hosts: dict[NodeName, HostDocument] = Field(default_factory=dict)
    links: dict[LinkName, tuple[RouterDocument, ...]] = Field(default_factory=dict)
