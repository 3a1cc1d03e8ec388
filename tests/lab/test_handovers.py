"""Long-lived flows through a failover and a fail-back of whole gateways, for every handover, TCP and UDP.

`pytest -s tests/lab/test_handovers.py` shows which lived and how long they stalled: the figures of docs/handover.md.
"""

import shutil
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from linkbalancer.lab.impairments import lose, repair
from linkbalancer.lab.lab import Lab, opened
from linkbalancer.routing.marks import Marks
from tests.daemon.gateway import Gateway
from tests.daemon.providers import site
from tests.daemon.waiting import until
from tests.lab.example import EXAMPLE
from tests.lab.longflows import Fate, Flow, Talk, talking
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

PATIENCE_S = 60
DRAIN_S = 4
HANDOVERS = {"move": 6001, "keep": 6002, "drain": 6003, "reset": 6004}
OPTIONS = {"move": "move", "keep": "keep", "drain": f"drain:{DRAIN_S}s", "reset": "reset"}
LEVELS = ("leaves", "waits")
PROTOCOLS = ("tcp", "udp")
MARKS = Marks()


def rules(steps: str) -> str:
    """Return a line for each handover."""
    return "".join(
        f"App=* * * * {port} tcp,udp {steps} name={name} handover={OPTIONS[name]} good-for=1s\n"
        for name, port in HANDOVERS.items()
    )


def flows(names: Iterable[tuple[str, int]], near: str, far: str, *, pushed: bool = False) -> list[Flow]:
    """Return a TCP and a UDP flow for each; no two have a port in common, also after a TCP flow began again."""
    return [
        Flow(name, protocol, (near, 20000 + 100 * (port - 6000)), (far, port), pushed)
        for name, port in names
        for protocol in PROTOCOLS
    ]


class Watched:
    """A gateway's connection tracking, and which applications its daemon has."""

    def __init__(self, namespace: Namespace, status: Callable[[], dict[str, object] | None]) -> None:
        self._namespace, self._status = namespace, status

    def applications(self) -> dict[str, dict[str, object]]:
        """Return what the daemon says of its applications."""
        found = (self._status() or {}).get("applications", {})
        assert isinstance(found, dict)
        return found

    def marks(self, flow: Flow) -> set[int]:
        """Return the marks of the entries of a flow, in whichever direction it was seen first.

        Of handshakes none: a gateway that sees one direction alone takes TCP up when it has forgotten the SYN.
        """
        found = set()
        for line in self._namespace("cat /proc/net/nf_conntrack").splitlines():
            words = dict(word.split("=") for word in reversed(line.split()) if "=" in word)
            if "SYN_SENT" in line:
                continue
            ports = {int(words.get("sport", 0)), int(words.get("dport", 0))}
            if (
                f" {flow.protocol} " in line
                and flow.far[1] in ports
                and ports & set(range(flow.near[1], flow.near[1] + 9))
            ):
                found.add(int(words["mark"]))
        return found

    def vids(self, flow: Flow) -> set[int]:
        """Return which VIDs a flow took last; several where it was opened anew."""
        return {MARKS.flow_of(mark) for mark in self.marks(flow)}

    def names(self, flow: Flow) -> set[str]:
        """Return the applications that the kernel takes a flow for."""
        by_number = {one["id"]: name for name, one in self.applications().items()}
        return {str(by_number.get(MARKS.application_of(mark))) for mark in self.marks(flow)}

    def places(self, names: Iterable[str]) -> set[object]:
        """Return the VIDs that applications are on."""
        known = self.applications()
        return {known[name]["vid"] if name in known else None for name in names}


def told(title: str, talk: Talk, since: float, till: float) -> dict[tuple[str, str], Fate]:
    """Show what became of the flows, and return it."""
    found = {(flow.name, flow.protocol): talk.fate(flow, since, till) for flow in talk.flows}
    sys.stdout.write(
        f"\n{title}\n" + "".join(f"  {flow!s:15} {found[flow.name, flow.protocol]}\n" for flow in talk.flows)
    )
    return found


def lived(fate: Fate) -> bool:
    """Return whether a flow went on, and nobody told it to end."""
    return fate.heard > 0 and not fate.told and not fate.begun


def ended(fate: Fate) -> bool:
    """Return whether a TCP flow was told to end, and could begin anew."""
    return fate.told > 0 and fate.begun > 0 and fate.heard > 0


MORE = """\
App=* * * * 6011 tcp,udp [1 2] name=asked
App=* * * * 6012 tcp,udp [1 2] name=pushed
App=* * * * 6021 tcp,udp [3 2] name=leaves sla=loss<5%,back:2s
App=* * * * 6022 tcp,udp [3 2] name=waits  sla=loss<5%,back:2s handover=keep
App=* * * * *    *       [1 2] name=rest
"""


def example(target: Path) -> Path:
    """Return the two sites with these rules: VID 3 has link 1 alone, VID 1 has both, VID 2 begins on link 2."""
    shutil.copytree(EXAMPLE, target)
    (target / "apps.conf").write_text(rules("[3 2]") + MORE)
    for file in target.glob("*/linkbalancer.yaml"):
        file.write_text(file.read_text() + "processes: 1\n")
    return target


class Sites:
    """Two sites: b1 and f1 have link 1, b2 and f2 link 2, by which hosts enter; some enter at VID 1's virtual IP."""

    def __init__(self, lab: Lab) -> None:
        """Start it, and give its hosts a second address each, that enters at the virtual IP of VID 1."""
        lab.start()
        self.lab = lab
        self.near, self.far = (Namespace.known(lab.run.namespace(f"{side}-host")) for side in ("near", "far"))
        for host, net, other in ((self.near, "192.168.1", "192.168.2"), (self.far, "192.168.2", "192.168.1")):
            host(
                f"ip route replace default via {net}.252",
                f"ip addr add {net}.101/32 dev eth0",
                f"ip route add {other}.101/32 via {net}.251 src {net}.101",
            )
        self.gateways = {
            node: Watched(Namespace.known(lab.run.namespace(node)), self._asker(node)) for node in lab.services
        }
        self.link = next(one for one in lab.topology.segments if {port.node for port in one.ports} == {"b1", "f1"})

    def _asker(self, node: str) -> Callable[[], dict[str, object] | None]:
        return lambda: self.lab.statuses()[node]

    def masters(self) -> dict[str, list[str]]:
        """Return the VIDs of which each is Master."""
        return {
            node: [vid for vid, group in status["groups"].items() if group["master"] == "self"]
            for node, status in self.lab.statuses().items()
            if status is not None
        }

    def on(self, vid: int, names: Iterable[str] = HANDOVERS) -> bool:
        """Return whether applications are on a VID everywhere."""
        return all(one.places(names) == {vid} for one in self.gateways.values())

    def settled(self) -> bool:
        """Return whether everything is as it is with both links."""
        best = {"b1": ["1", "3"], "f1": ["1", "3"], "b2": ["2"], "f2": ["2"]}
        return self.masters() == best and self.on(3) and self.on(1, ["asked", "pushed", "rest"])

    def wait_for(self, talk: Talk) -> None:
        """Wait until the gateways by which hosts enter know every flow."""
        what = "every flow is known where it enters"
        until(lambda: all(self.entry(flow).vids(flow) & {1, 3} for flow in talk.flows), PATIENCE_S, what)

    def entry(self, flow: Flow) -> Watched:
        """Return the near gateway by which a flow enters, with both links."""
        return self.gateways["b1" if flow.near[0].endswith(".101") else "b2"]

    def carrier(self, *, up: bool) -> float:
        """Cut link 1 at both ends, or heal it; return when."""
        began = time.monotonic()
        self.lab.network.carrier(self.link, ["b1", "f1"], up=up)
        return began


def test_flows_between_two_sites(tmp_path: Path) -> None:
    """Without translation: through a cut link and its return, a lossy link, and an edit of the rules."""
    every = [
        *flows(HANDOVERS.items(), "192.168.1.100", "192.168.2.100"),
        *flows([("asked", 6011)], "192.168.1.101", "192.168.2.101"),
        *flows([("pushed", 6012)], "192.168.1.101", "192.168.2.101", pushed=True),
    ]
    with opened(example(tmp_path / "sites")) as lab:
        sites = Sites(lab)
        until(sites.settled, 2 * PATIENCE_S, "both links are used")
        with talking(every, sites.near, sites.far, tmp_path / "notes") as talk:
            until(lambda: talk.heard_since(time.monotonic() - 1), PATIENCE_S, "every flow is heard")
            sites.wait_for(talk)
            the_link_is_cut(sites, talk)
            it_comes_back(sites, talk)
            the_rules_are_edited(sites, talk)
        level = flows([("leaves", 6021), ("waits", 6022)], "192.168.1.100", "192.168.2.100")
        until(lambda: sites.on(3, LEVELS), PATIENCE_S, "its level is kept")
        with talking(level, sites.near, sites.far, tmp_path / "level") as talk:
            sites.wait_for(talk)
            it_loses_packets(sites, talk)


def right(sites: Sites, talk: Talk, changed: dict[str, str] | None = None) -> None:
    """Check that no gateway takes a flow for another application's."""
    for node, gateway in sites.gateways.items():
        for flow in talk.flows:
            # An entry that no packet has met since an edit is still the former application's.
            assert gateway.names(flow) <= {flow.name, (changed or {}).get(flow.name, flow.name)}, (node, str(flow))


def the_link_is_cut(sites: Sites, talk: Talk) -> None:
    """VID 3 dies; VID 1 goes to other gateways, which see its flows in their middle."""
    began = sites.carrier(up=False)
    until(lambda: sites.on(2), PATIENCE_S, "the applications leave VID 3")
    time.sleep(3)
    found = told("link 1 is cut, no translation", talk, began, time.monotonic())
    for name in ("move", "keep", "drain", "asked", "pushed"):
        assert all(lived(found[name, protocol]) for protocol in PROTOCOLS), name
    assert ended(found["reset", "tcp"])
    assert found["reset", "udp"].told
    assert found["reset", "udp"].heard
    right(sites, talk)
    for node in ("b2", "f2"):
        for flow in talk.flows:
            entries = sites.gateways[node].names(flow)
            assert entries == {flow.name}, (node, str(flow))
    ways = {str(flow): sites.gateways["b2"].vids(flow) for flow in talk.flows if flow.name in HANDOVERS}
    assert all(2 in vids for vids in ways.values()), ways


def it_comes_back(sites: Sites, talk: Talk) -> None:
    """Who keeps stays on VID 2 for good, who drains until the end of that."""
    entry = sites.gateways["b2"]
    began = sites.carrier(up=True)
    until(lambda: sites.on(3), PATIENCE_S, "the applications come back")
    time.sleep(1)
    stays = {flow: entry.vids(flow) for flow in talk.flows if flow.name in {"keep", "drain"}}
    assert all(2 in vids and 3 not in vids for vids in stays.values()), stays
    moved = [flow for flow in talk.flows if flow.name == "move"]
    assert all(3 in entry.vids(flow) for flow in moved)
    time.sleep(DRAIN_S + 1)
    found = told("link 1 is back, no translation", talk, began, time.monotonic())
    for flow in talk.flows:
        if flow.name in {"keep", "drain"}:
            assert entry.vids(flow) == ({2} if flow.name == "keep" else {3}), str(flow)
    for name in ("move", "keep", "drain", "asked", "pushed"):
        assert all(lived(found[name, protocol]) for protocol in PROTOCOLS), name
    assert ended(found["reset", "tcp"])
    assert found["reset", "udp"].told
    right(sites, talk)


def it_loses_packets(sites: Sites, talk: Talk) -> None:
    """The link lives on: who keeps stays there, with what it loses; who does not leaves it."""
    entry = sites.gateways["b2"]

    def ways() -> dict[str, set[int]]:
        return {name: {vid for one in talk.flows if one.name == name for vid in entry.vids(one)} for name in LEVELS}

    until(lambda: ways() == {name: {3} for name in LEVELS}, PATIENCE_S, "both are there")
    began = time.monotonic()
    lose(sites.lab.network, sites.link, ["b1", "f1"], 20)
    until(lambda: sites.on(2, LEVELS), 2 * PATIENCE_S, "its level is broken")
    until(lambda: ways()["leaves"] == {2}, PATIENCE_S, "its flows leave too")
    time.sleep(3)
    assert ways() == {"leaves": {2}, "waits": {3}}
    found = told("link 1 loses a fifth, and breaks a level", talk, began, time.monotonic())
    repair(sites.lab.network, sites.link)
    assert all(lived(fate) for fate in found.values())
    right(sites, talk)


def the_rules_are_edited(sites: Sites, talk: Talk) -> None:
    """Two applications' flows become others', whose VID is another: one follows, one stays where it is."""
    new = {"move": "follows", "asked": "stays"}
    edits = "App=* * * * 6001 tcp,udp [2 3] name=follows\nApp=* * * * 6011 tcp,udp [2 1] name=stays handover=keep\n"
    began = time.monotonic()
    for node, service in sites.lab.services.items():
        file = sites.lab.directory.config_path(node).parent / "apps.conf"
        file.write_text(edits + file.read_text())
        service.reload()
    until(lambda: sites.on(2, new.values()), PATIENCE_S, "the new applications are steered")
    time.sleep(2)
    found = told("the rules are edited", talk, began, time.monotonic())
    assert all(lived(fate) for (name, _), fate in found.items() if name in {*new, "keep", "pushed"})
    right(sites, talk, new)
    entry, first = sites.gateways["b2"], sites.gateways["b1"]
    for flow in talk.flows:
        if flow.name == "move":
            assert (entry.names(flow), entry.vids(flow)) == ({"follows"}, {2})
        if flow.name == "asked":
            assert first.names(flow) == {"stays"}
            assert 1 in first.vids(flow)


def test_flows_that_are_translated(tmp_path: Path) -> None:
    """Behind one gateway with two providers, whose addresses flows bear."""
    every = flows(HANDOVERS.items(), "192.168.1.10", "198.51.100.1")
    with site(tmp_path) as edge:
        (edge.gateway.directory / "apps.conf").write_text(rules("[1 2]") + "App=* * * * * * [1 2] name=rest\n")
        edge.gateway.start()
        entry = Watched(edge.gw, edge.gateway.status)
        until(lambda: entry.places(HANDOVERS) == {1}, PATIENCE_S, "all by their first choice")
        with talking(every, edge.inside, edge.outside, tmp_path / "notes") as talk:
            until(lambda: talk.heard_since(time.monotonic() - 1), PATIENCE_S, "every flow is heard")
            began = time.monotonic()
            edge.p1("ip link set eth0 down")
            until(lambda: entry.places(HANDOVERS) == {2}, PATIENCE_S, "the applications leave VID 1")
            time.sleep(5)
            found = told("provider 1 is dead, masqueraded", talk, began, time.monotonic())
            assert all(ended(found[name, "tcp"]) for name in HANDOVERS)
            assert all(found[name, "udp"].heard for name in HANDOVERS)
            nothing_is_left(edge.gateway, entry, talk, vid=1)

            began = time.monotonic()
            edge.p1("ip link set eth0 up", "ip route replace 198.51.100.0/24 via 10.9.1.2")
            until(lambda: entry.places(HANDOVERS) == {1}, PATIENCE_S, "the applications come back")
            came = time.monotonic()
            time.sleep(DRAIN_S - 2)
            found = told("provider 1 is back, masqueraded, in the drain", talk, began, time.monotonic())
            assert all(lived(found[name, protocol]) for name in ("keep", "drain") for protocol in PROTOCOLS)
            assert all(ended(found[name, "tcp"]) for name in ("move", "reset"))
            time.sleep(max(0, came + DRAIN_S + 4 - time.monotonic()))
            found = told("provider 1 is back, masqueraded, after the drain", talk, began, time.monotonic())
            assert all(lived(found["keep", protocol]) for protocol in PROTOCOLS)
            assert ended(found["drain", "tcp"])
            assert all(found[name, "udp"].heard for name in HANDOVERS)
            for flow in talk.flows:
                assert (entry.names(flow), entry.vids(flow)) == ({flow.name}, {2 if flow.name == "keep" else 1}), str(
                    flow
                )
        assert edge.gateway.stop() == 0


def nothing_is_left(gateway: Gateway, entry: Watched, talk: Talk, vid: int) -> None:
    """Check that no flow is on a VID any more; the history says nothing of any that was left for good."""
    assert all(vid not in entry.vids(flow) for flow in talk.flows)
    assert "they stay there" not in gateway.lines()
