"""Where flows run: the gateway at which each enters, the VID that it takes there, and the link that carries it.

An application's VID is what that gateway says. Where flows of one application may be on several, a balanced one's or
one's that keeps what runs where it is, each flow's own is what the gateway's connection tracking remembers of it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from linkbalancer.lab.commands import shell_words
from linkbalancer.lab.conntrack import forget_flows
from linkbalancer.lab.flows import Flow
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.status import Statuses, masters
from linkbalancer.lab.topology import SIDES, Topology
from linkbalancer.links import LinkName, NodeName, Vid
from linkbalancer.routing.application import Application
from linkbalancer.routing.handover import Mode

_FILE: Final = "/proc/net/nf_conntrack"
_ENTRY: Final = re.compile(r"^\S+\s+\d+\s+(tcp|udp)\s.*?\bmark=(\d+)", re.MULTILINE)
_PORTS: Final = re.compile(r"\bsport=(\d+) dport=(\d+)")

Key: TypeAlias = tuple[str, int, int]
"""Protocol, source port and destination port: no two flows of a drill have them in common."""


@dataclass(frozen=True, slots=True)
class Path:
    """Where a flow runs: its VID, by the gateways' word, and the link that carries it.

    `gateway` is where it enters, `due` the VID of its application there, and `since_ms` for how long it has been that.
    """

    vid: Vid | None
    link: LinkName | None
    gateway: NodeName | None = None
    due: Vid | None = None
    since_ms: float | None = None


Paths: TypeAlias = Mapping[int, Path]
"""By the flow's number."""

Crossed: TypeAlias = Mapping[LinkName, Mapping[int, int]]
"""By link and flow, how many packets have passed."""


def parts_company(application: Application) -> bool:
    """Whether flows of an application may be on several VIDs at a time."""
    staying = {Mode.KEEP, Mode.DRAIN}
    return application.balanced or application.manner.failback.mode in staying


class Whereabouts:
    """Finds out where the flows of a drill are; asks connection tracking only if some may not be where most are."""

    def __init__(self, lab: Lab, flows: Iterable[Flow], applications: Mapping[str, Application]) -> None:
        self._lab = lab
        self._flows = tuple(flows)
        self._scattered = {name for name, one in applications.items() if parts_company(one)}

    def paths(self, statuses: Statuses, becomes: Mapping[str, str], earlier: Crossed, later: Crossed) -> Paths:
        """Return where each flow runs, by what the gateways say and what crossed the links between two counts.

        `becomes` names the flows' applications where they are others for the moment.
        """
        topology = self._lab.topology
        nodes = {side: entrance(topology, statuses, side) for side in SIDES}
        remembered = {node: self._remembered(node) for node in {*nodes.values()} if node and self._scattered}
        links = _links(topology, statuses)
        found: dict[int, Path] = {}
        for flow in self._flows:
            node = nodes["near" if flow.direction == "out" else "far"]
            app = becomes.get(flow.app, flow.app)
            status = (statuses.get(node) if node else None) or {}
            said = status.get("applications", {}).get(app, {})
            due: Vid | None = said.get("vid")
            link = _carrier(flow.number, earlier, later)
            own = remembered[node].get(_key(flow)) if node and due and app in self._scattered else None
            # What tracking calls invalid has no memory, and its entry says where it was once.
            at = own if own and link in links.get(own, ()) else due
            found[flow.number] = Path(at, link, node, due, said.get("since_ms"))
        return found

    def age(self) -> None:
        """Have gateways meet the connections that run in their middle, as if they had begun long ago.

        One that began where a gateway sees one direction alone is invalid to its tracking for two minutes, and has no
        memory there. Who translates must not forget.
        """
        translating = self._lab.topology.translated
        for node, config in self._lab.topology.gateways.items():
            if self._scattered and not translating.intersection(config.links):
                forget_flows(self._lab.run.namespace(node))

    def _remembered(self, node: NodeName) -> dict[Key, Vid]:
        """Return the VID that each conversation took last at a gateway; nothing where the kernel has no such list."""
        text = shell_words(["sh", "-c", f"cat {_FILE} 2>/dev/null || true"], self._lab.run.namespace(node))
        marks = self._lab.topology.gateways[node].marks
        return {key: vid for key, mark in entries(text) if (vid := marks.flow_of(mark))}


def entries(text: str) -> Iterable[tuple[Key, int]]:
    """Yield the conversations of the kernel's list, from either end, with the marks of their connections."""
    for entry in _ENTRY.finditer(text):
        for source, destination in _PORTS.findall(entry[0]):
            yield (entry[1], int(source), int(destination)), int(entry[2])


def _links(topology: Topology, statuses: Statuses) -> dict[Vid, set[LinkName | None]]:
    """Return the links behind the Masters of each VID."""
    found: dict[Vid, set[LinkName | None]] = {}
    for side, by_vid in masters(topology, statuses).items():
        for vid, names in by_vid.items():
            nodes = [node for node in topology.side_gateways(side) if node in (names or "").split("+")]
            found.setdefault(Vid(int(vid)), set()).update(topology.link_of(node, Vid(int(vid))) for node in nodes)
    return found


def _key(flow: Flow) -> Key:
    return flow.protocol, flow.source_port, flow.destination_port


def _carrier(flow: int, earlier: Crossed, later: Crossed) -> LinkName | None:
    """Return the link that carried most of a flow's packets between two counts, None when none did."""
    counts = {link: later[link].get(flow, 0) - earlier[link].get(flow, 0) for link in later}
    best = max(counts, key=counts.__getitem__)
    return best if counts[best] > 0 else None


def entrance(topology: Topology, statuses: Statuses, side: str) -> NodeName | None:
    """Return the gateway at which a side's traffic enters: the Master of its hosts' gateway, else any that answers."""
    gateway = topology.host(side).gateway

    def enters(node: NodeName) -> bool:
        status: Mapping[str, Any] | None = statuses.get(node)
        config = topology.gateways[node]
        return status is not None and any(
            gateway in (ip.ip for ip in group.virtual_ips) and status["groups"][str(vid)]["state"] == "master"
            for vid, group in config.groups.items()
        )

    # Without a Master any gateway's word will do.
    nodes = sorted(topology.side_gateways(side), key=enters)
    return next((node for node in reversed(nodes) if statuses.get(node) is not None), None)
