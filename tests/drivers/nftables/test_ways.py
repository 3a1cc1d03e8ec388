"""What becomes of running flows when their application goes to another VID, in a real kernel."""

import json
from contextlib import closing
from dataclasses import dataclass, replace
from ipaddress import ip_address

import pytest

from linkbalancer.clock import Instant
from linkbalancer.drivers import connections, sysctl, translations
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.kernel import Kernel
from linkbalancer.drivers.nftables import load
from linkbalancer.drivers.nftables.aims import AimWriter
from linkbalancer.drivers.nftables.standing import StandingWriter
from linkbalancer.engine.applicationwords import TableReceived, Tick
from linkbalancer.engine.crosscheck.observed import Connection
from linkbalancer.engine.share import Effect, Event, Look, Point, Pointed, Seen, Share, Tell
from linkbalancer.engine.sweeping import Inspect, Inspected, Remains, Sweep
from linkbalancer.feed.table import Table, VidEntry
from linkbalancer.routing.application import Application, Member
from linkbalancer.routing.balance import Aim, Pool, owner
from linkbalancer.routing.handover import Form
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.selector import Interval, Selector
from linkbalancer.routing.slot import slot_of
from linkbalancer.routing.sticky import Sticky
from tests.daemon.waiting import until
from tests.drivers.conftest import Gateway
from tests.drivers.frames import TCP_ACK, TCP_SYN, frame, mac_of, open_packet_socket
from tests.drivers.nftables.rules import IDS, LAYOUT, SAMPLE, classifier

pytestmark = pytest.mark.lab

ME = b"\x02\x00\x00\x00\x00\x64"
HOST = "192.0.2.100"
WEB = IDS["web"]
MARKS = Marks()
PREFERS_2 = Application("web", ((Member(2),), (Member(1),)))
TCP_RST = 0x04

_WITNESS = """
table inet witness {
    set seen { typeof meta mark . ip id; flags dynamic; }
    chain prerouting {
        type filter hook prerouting priority -140; policy accept;
        ip saddr 192.0.2.0/24 add @seen { meta mark . ip id }
    }
}
"""
_COUNTING = """
table inet heard {
    counter resets { }
    counter refusals { }
    chain input {
        type filter hook input priority 0; policy accept;
        tcp flags & rst != 0 counter name resets
        icmp type destination-unreachable counter name refusals
    }
}
"""


def flow(port: int, protocol: int = 17) -> Packet:
    """Return a packet of the application `web`, of the flow from this port."""
    return Packet(ip_address(HOST), ip_address("203.0.113.1"), protocol, port, 443)


@dataclass
class Path:
    """A gateway that steers, and a host that throws packets at it."""

    gateway: Gateway
    identity: int = 0

    def throw(self, packet: Packet, flags: int = TCP_ACK) -> int | None:
        """Send a packet from the LAN; return the VID of its mark when it has passed, None when it has not."""
        self.identity += 1
        target = mac_of("lan0")
        with self.gateway.lan.entered(), open_packet_socket("eth0") as thrower:
            thrower.send(frame(packet, target, ME, identity=self.identity, tcp_flags=flags))
        listed = json.loads(self.gateway.here("nft -j list set inet witness seen"))["nftables"][-1]["set"]
        marks = (element["concat"] for element in listed.get("elem", []))
        return next((MARKS.vid_of(mark) for mark, identity in marks if identity == self.identity), None)

    def entry(self, packet: Packet) -> Connection | None:
        """Return the flow's entry in connection tracking."""
        return connections.find(self.gateway.netfilter, packet)

    def remembers(self, packet: Packet) -> int:
        """Return the VID that the flow took last."""
        found = self.entry(packet)
        return 0 if found is None else MARKS.flow_of(found.mark)

    def application(self, packet: Packet) -> int:
        """Return the application that the flow is of."""
        found = self.entry(packet)
        return 0 if found is None else MARKS.application_of(found.mark)

    def point(self, vid: int, form: Form = Form.MOVE, standing: frozenset[int] = frozenset({1, 2})) -> None:
        """Point the application, while these VIDs work."""
        StandingWriter(MARKS, self.gateway.netfilter).write(standing)
        AimWriter(MARKS, self.gateway.netfilter).steer({WEB: Aim(vid, form)})

    def told(self, counter: str) -> int:
        """Return how often the host was told to end."""
        listed = json.loads(self.gateway.lan(f"nft -j list counter inet heard {counter}"))["nftables"]
        return int(listed[-1]["counter"]["packets"])


class Process:
    """The machine of an application's process on the real kernel; flows begin again on VID 1 after each deletion."""

    def __init__(self, share: Share, path: Path) -> None:
        self.share, self.path = share, path
        self.aims = AimWriter(MARKS, path.gateway.netfilter)
        self.now: Instant = 0
        self.recreate: list[Packet] = []
        self.told: list[int | None] = []

    def table(self, *working: int) -> Table:
        """Return a table of which these VIDs work."""
        entries = tuple(VidEntry(vid, vid in working, "self", "") for vid in (1, 2))
        return Table(7, len(working), {"web": WEB}, {"web": PREFERS_2.definition}, entries)

    def tick(self) -> None:
        """Let the next deadline come."""
        due = self.share.deadline()
        assert due is not None
        self.now = due
        self.take(Tick())

    def take(self, event: Event) -> None:
        """Hand in an event, and do what is wanted."""
        events = [event]
        while events:
            for effect in self.share.handle(self.now, events.pop(0)):
                events += self._perform(effect)

    def _perform(self, effect: Effect) -> list[Event]:
        match effect:
            case Look(_, app_ids, _):
                return [Seen({}, self.aims.read_some(app_ids))]
            case Point(wanted):
                self.aims.steer(wanted)
                return [Pointed(wanted, ok=True)]
            case Sweep(wanted):
                translations.sweep(self.path.gateway.netfilter, MARKS, wanted)
                if self.recreate:
                    self._begin_again()
                return []
            case Inspect(wanted):
                return [Inspected(wanted, translations.left(MARKS, wanted))]
            case Remains():
                self.told.append(effect.flows)
                return []
            case Tell():
                return []

    def _begin_again(self) -> None:
        """Do as a packet does that had passed the map before it was changed."""
        self.aims.steer({WEB: Aim(1)})
        for packet in self.recreate:
            assert self.path.throw(packet) == 1
        self.recreate = []
        self.aims.steer({WEB: Aim(2)})

    def left(self, *app_ids: int) -> dict[tuple[int, int], int]:
        """Return which flows of these are left on VID 1."""
        return translations.left(MARKS, {1: frozenset(app_ids)})


@pytest.fixture
def path(gateway: Gateway) -> Path:
    """Return a gateway whose application `web` goes to VID 1; both VIDs work."""
    with closing(Kernel(LAYOUT, {})) as kernel:
        kernel.prepare()
        kernel.install(SAMPLE, IDS)
    gateway.here("ip route add 203.0.113.0/24 via 10.1.0.2")
    gateway.here("nft -f -", given=_WITNESS)
    gateway.lan("nft -f -", given=_COUNTING)
    found = Path(gateway)
    found.point(1)
    return found


def test_a_connection_remembers_its_vid(path: Path) -> None:
    """From its first packet on, in bits of its own, beside what others keep there."""
    path.gateway.here(
        "nft add table inet other",
        "nft add chain inet other pre { type filter hook prerouting priority -160; policy accept; }",
        "nft add rule inet other pre ct mark set ct mark or 0x50000000",
    )
    assert path.throw(flow(40001)) == 1
    found = path.entry(flow(40001))
    assert found is not None
    assert found.mark == 0x50000000 | MARKS.generation_mark(1) | MARKS.flow_mark(1) | WEB
    path.point(2)
    assert path.throw(flow(40001)) == path.remembers(flow(40001)) == 2


@pytest.mark.parametrize("form", [Form.KEEP, Form.HOLD])
def test_flows_stay_while_their_vid_works(path: Path, form: Form) -> None:
    """New ones follow; when their VID works no more they follow too, or are told to end, once."""
    old, new = flow(40001), flow(40002)
    assert path.throw(old) == 1
    path.point(2, form)
    assert (path.throw(old), path.throw(new), path.throw(old)) == (1, 2, 1)
    path.point(2, form, standing=frozenset({2}))
    if form is Form.HOLD:
        assert path.throw(old) is None
        assert path.told("refusals") == 1
    assert path.throw(old) == path.remembers(old) == 2
    path.point(2, form)
    assert (path.throw(old), path.throw(new)) == (2, 2)


@pytest.mark.parametrize(("protocol", "counter"), [(6, "resets"), (17, "refusals")])
def test_flows_are_told_to_end_once_and_begin_anew(path: Path, protocol: int, counter: str) -> None:
    """By a reset where the protocol has one; what a host says to end passes, by the VID that the flow is of."""
    old, new, over = (flow(port, protocol) for port in (40001, 40002, 40003))
    assert path.throw(old) == path.throw(over) == 1  # of TCP, from the middle of the connection
    path.point(2, Form.RESET)
    assert path.told(counter) == 0
    assert path.throw(new, TCP_SYN) == 2
    if protocol == 6:
        assert path.throw(over, TCP_RST | TCP_ACK) == 1
    assert path.throw(old) is None
    assert path.told(counter) == 1
    assert path.throw(old, TCP_SYN) == path.remembers(old) == 2
    assert path.told(counter) == 1


def test_translated_flows_stay_until_their_entries_go(path: Path) -> None:
    """They would bear a wrong address elsewhere; of this VID and application alone, and translated ones alone."""
    path.gateway.here(
        "nft add table ip nat",
        "nft add chain ip nat post { type nat hook postrouting priority srcnat; policy accept; }",
        "nft add rule ip nat post oifname link0 udp sport 40001-40099 masquerade",
        "sysctl -qw net.ipv4.ip_forward=1",
    )
    old, plain, rest = flow(40001), flow(41000), IDS["rest"]
    assert [path.throw(one) for one in (old, plain)] == [1, 1]
    found = path.entry(old)
    assert found is not None
    assert found.source_translated
    path.point(2)
    assert (path.throw(old), path.throw(plain)) == (1, 2)
    path.point(2, standing=frozenset({2}))
    assert path.throw(old) is None
    translations.sweep(path.gateway.netfilter, MARKS, {1: frozenset({rest}), 2: frozenset({WEB})})
    assert path.entry(old) is not None
    translations.sweep(path.gateway.netfilter, MARKS, {1: frozenset({WEB})})
    assert path.entry(old) is None
    assert path.entry(plain) is not None
    assert path.throw(old) == path.remembers(old) == 2
    many = frozenset({WEB, *range(100, 200)})
    path.point(1, standing=frozenset({1}))
    translations.sweep(path.gateway.netfilter, MARKS, {2: many})
    assert path.entry(old) is None
    assert path.entry(plain) is not None


def test_flows_that_begin_again_in_the_middle_of_a_change_are_found_and_ended(path: Path) -> None:
    """A packet that was on its way makes an entry after the deletion: nobody but who looks again would know of it."""
    path.gateway.here(
        "nft add table ip nat",
        "nft add chain ip nat post { type nat hook postrouting priority srcnat; policy accept; }",
        "nft add rule ip nat post oifname link0 masquerade",
        "sysctl -qw net.ipv4.ip_forward=1",
    )
    web, bulk = [flow(port) for port in range(40001, 40006)], replace(flow(5001), destination_port=80)
    AimWriter(MARKS, path.gateway.netfilter).steer({IDS["bulk"]: Aim(1)})
    assert {path.throw(one) for one in (*web, bulk)} == {1}
    process = Process(Share([PREFERS_2]), path)
    process.take(TableReceived(process.table(1)))
    process.recreate = [*web[:3]]
    process.take(TableReceived(process.table(1, 2)))
    assert [path.remembers(one) for one in web] == [1, 1, 1, 0, 0]
    assert process.left(WEB) == {(1, WEB): 3}
    process.recreate = [web[0]]
    process.tick()
    assert [path.remembers(one) for one in web] == [1, 0, 0, 0, 0]
    process.tick()
    process.tick()
    assert [path.throw(one) for one in web] == [2] * 5
    assert process.told == [3, 1]
    assert process.left(WEB, IDS["bulk"]) == process.left(*range(2, 99)) == {(1, IDS["bulk"]): 1}
    assert path.remembers(bulk) == 1


def test_who_has_too_many_to_be_looked_at_is_told_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads for seconds what nobody needs."""
    path.gateway.here(
        "nft add table ip nat",
        "nft add chain ip nat post { type nat hook postrouting priority srcnat; policy accept; }",
        "nft add rule ip nat post masquerade",
        "sysctl -qw net.ipv4.ip_forward=1",
    )
    for port in range(40001, 40006):
        assert path.throw(flow(port)) == 1
    monkeypatch.setattr(translations, "ENTRIES_MAX", 4)
    with pytest.raises(DriverError, match="there are more than 4"):
        translations.left(MARKS, {1: frozenset({WEB})})
    assert translations.left(MARKS, {2: frozenset({WEB})}) == {}


@pytest.mark.parametrize("sticky", [Sticky.FLOW, Sticky.SOURCE])
def test_translated_flows_of_a_balanced_step_stay_while_their_vid_works(path: Path, sticky: Sticky) -> None:
    """Also when a VID comes back that their slot prefers; a flow that bears its own address goes by its slot."""
    path.gateway.here(
        "nft add table ip nat",
        "nft add chain ip nat post { type nat hook postrouting priority srcnat; policy accept; }",
        "nft add rule ip nat post udp sport 40001-40099 masquerade",
        "sysctl -qw net.ipv4.ip_forward=1",
    )
    pool = Pool((Member(1), Member(2)), sticky)
    load.prepare(replace(LAYOUT, pools=(pool,)), path.gateway.netfilter)
    AimWriter(MARKS, path.gateway.netfilter).steer({WEB: Aim(pool)})
    standing = StandingWriter(MARKS, path.gateway.netfilter)
    old, plain = flow(40001), flow(41000)
    first = path.throw(old)
    assert first in {1, 2}
    if sticky is Sticky.SOURCE:
        assert path.throw(plain) == first
    found = path.entry(old)
    assert found is not None
    assert found.source_translated
    assert path.throw(old) == path.remembers(old) == first
    other = 3 - first
    standing.write({other})
    assert path.throw(old) is None
    translations.sweep(path.gateway.netfilter, MARKS, {first: frozenset({WEB})})
    assert path.throw(old) == path.remembers(old) == path.throw(plain) == other
    standing.write({1, 2})
    assert path.throw(old) == path.remembers(old) == other
    assert path.throw(plain) == (first if sticky is Sticky.SOURCE else other)


class Balanced:
    """The application `web` over both VIDs, in a form; two flows, the first on VID 1 and the other on VID 2."""

    def __init__(self, path: Path, sticky: Sticky, form: Form) -> None:
        self.path, self.form = path, form
        self.pool = Pool((Member(1), Member(2)), sticky)
        self.writer = StandingWriter(MARKS, path.gateway.netfilter)
        load.prepare(replace(LAYOUT, pools=(self.pool,)), path.gateway.netfilter)
        self.point(self.pool)
        sources = [replace(flow(40001 + number), source=ip_address(f"192.0.2.{number}")) for number in range(3, 40)]
        found = {owner(self.pool.step, slot_of(one, sticky), {1, 2}): one for one in sources}
        self.flows = [found[1], found[2]]

    def point(self, pool: Pool) -> None:
        """Point the application at a step."""
        AimWriter(MARKS, self.path.gateway.netfilter).steer({WEB: Aim(pool, self.form)})

    def work(self, *vids: int) -> None:
        """Say which VIDs work."""
        self.writer.write(frozenset(vids))

    def go(self) -> list[int | None]:
        """Return by which VIDs the next packets go."""
        return [self.path.throw(one) for one in self.flows]


@pytest.mark.parametrize("sticky", list(Sticky))
@pytest.mark.parametrize("form", [Form.KEEP, Form.MOVE])
def test_flows_of_a_balanced_step_stay_or_go_back(path: Path, sticky: Sticky, form: Form) -> None:
    """Those of a VID that dies follow at once, no others. When it is back they stay, or go by their host's slot."""
    balanced = Balanced(path, sticky, form)
    assert balanced.go() == [1, 2]
    balanced.work(2)
    assert balanced.go() == [2, 2]
    balanced.work(1, 2)
    stays = form is Form.KEEP or sticky is Sticky.FLOW
    assert balanced.go() == ([2, 2] if stays else [1, 2])
    fresh = replace(balanced.flows[0], source_port=50001)
    if sticky is not Sticky.FLOW:
        assert path.throw(fresh) == 1
    balanced.work(1)
    assert balanced.go() == [1, 1]


@pytest.mark.parametrize("sticky", list(Sticky))
def test_flows_stay_on_a_vid_that_left_their_step(path: Path, sticky: Sticky) -> None:
    """While it works, where the application keeps; other weights move none of them either."""
    balanced = Balanced(path, sticky, Form.KEEP)
    assert balanced.go() == [1, 2]
    weighed, shorter = Pool((Member(1, 9), Member(2)), sticky), Pool((Member(2), Member(1, 200)), sticky)
    for pool in (weighed, shorter):
        load.prepare(replace(LAYOUT, pools=(pool,)), path.gateway.netfilter, {WEB: Aim(pool, Form.KEEP)})
        assert balanced.go() == [1, 2]
    AimWriter(MARKS, path.gateway.netfilter).steer({WEB: Aim(2, Form.KEEP)})
    assert balanced.go() == [1, 2]
    balanced.work(2)
    assert balanced.go() == [2, 2]


@pytest.mark.parametrize(
    ("sticky", "form"), [(Sticky.FLOW, Form.RESET), (Sticky.FLOW, Form.HOLD), (Sticky.SOURCE, Form.HOLD)]
)
def test_flows_of_a_vid_of_a_step_that_dies_are_told_to_end(path: Path, sticky: Sticky, form: Form) -> None:
    """Once, and no others; they begin anew by another VID of the step, and stay there when theirs is back."""
    balanced = Balanced(path, sticky, form)
    assert balanced.go() == [1, 2]
    balanced.work(2)
    assert balanced.go() == [None, 2]
    assert balanced.go() == [2, 2]
    balanced.work(1, 2)
    assert balanced.go() == [2, 2]


def test_running_flows_are_classified_anew_after_an_edit(path: Path) -> None:
    """On their next packet, from either direction; they keep the VID that they have where their application keeps."""
    web, bulk = flow(40001), flow(40002)
    assert path.throw(web) == path.throw(bulk) == 1
    edited = classifier(("bulk", Selector(source_port=(Interval(40002, 40002),), protocols=(17,))), *_sample())
    AimWriter(MARKS, path.gateway.netfilter).steer({IDS["bulk"]: Aim(2, Form.KEEP)})
    load.install(LAYOUT, edited, IDS, path.gateway.netfilter)
    assert path.throw(web) == 1
    assert path.throw(bulk) == 1
    assert (path.application(web), path.application(bulk)) == (WEB, IDS["bulk"])
    AimWriter(MARKS, path.gateway.netfilter).steer({IDS["bulk"]: Aim(2)})
    assert path.throw(bulk) == 2
    load.install(LAYOUT, SAMPLE, IDS, path.gateway.netfilter)
    target = mac_of("link0")
    with path.gateway.far.entered(), open_packet_socket("eth0") as thrower:
        thrower.send(frame(bulk.mirrored(), target, ME))
    assert path.application(bulk) == WEB
    assert path.remembers(bulk) == 2
    assert path.throw(bulk) == 1


def _sample() -> list[tuple[str, Selector]]:
    return [(rule.application, rule.selector) for rule in SAMPLE.rules]


def test_a_flow_that_arrives_in_its_middle_finds_its_application(path: Path) -> None:
    """As after a virtual IP has moved here: a segment without its SYN, from the LAN or, answering, from a link."""
    middle, answered = flow(40001, 6), flow(40002, 6)
    assert path.throw(middle, TCP_ACK) == 1
    assert path.application(middle) == WEB
    target = mac_of("link0")
    with path.gateway.far.entered(), open_packet_socket("eth0") as thrower:
        thrower.send(frame(answered.mirrored(), target, ME, tcp_flags=TCP_ACK))
    assert path.application(answered.mirrored()) == WEB
    assert path.throw(answered, TCP_ACK) == 1


def test_tcp_whose_answers_go_another_way_is_known_when_its_syn_is_forgotten(path: Path) -> None:
    """Until then the kernel calls all of it invalid, and nothing can be remembered; that is why it forgets soon."""
    assert dict(sysctl.wanted((), ()))["netfilter/nf_conntrack_tcp_timeout_syn_sent"] == "5"
    path.gateway.here("sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_syn_sent=1")
    early, late = flow(40001, 6), flow(40002, 6)
    for one in (early, late):
        assert (path.throw(one, TCP_SYN), path.throw(one)) == (1, 1)
    until(lambda: path.entry(late) is None, 5, "the SYN is forgotten")
    assert path.throw(late) == 1
    assert path.throw(early, TCP_SYN) == 1
    path.point(2, Form.KEEP)
    assert (path.throw(early), path.throw(late)) == (2, 1)
