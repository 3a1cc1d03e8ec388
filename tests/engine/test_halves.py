"""Ways that have lost IPv6 alone: what is concluded, what is told, and that IPv4 is left alone."""

from ipaddress import IPv4Address, IPv6Address
from types import SimpleNamespace
from typing import Any, cast

from linkbalancer.clock import SECOND
from linkbalancer.config.load import Loaded, load
from linkbalancer.engine.company import EVERY, SILENT, Company, Herald, decode, encode
from linkbalancer.engine.effects import Effect, Record, SendHerald, SetLost, SetNextHop
from linkbalancer.engine.events import DeviceChanged, HeraldReceived, Started
from linkbalancer.engine.halves import NO_FAR_END, Halves
from linkbalancer.engine.health import assess
from linkbalancer.engine.membership import Membership
from linkbalancer.engine.tracking import Checked, Tracking
from linkbalancer.health.report import Report, Reports
from linkbalancer.links import Family, GroupId, NextHop, Unreachable, ViaLink, ViaMain, ViaMaster
from linkbalancer.routing.twins import NOTHING_LOST, Lost, Twin
from tests.engine.alone import ONE, OTHER4, OTHER_MAC, Alone
from tests.engine.bench import Bench, of_type

SITE = """\
node: b1
role: controller
links:
  l1: {device: eth1, local: 10.1.0.1, peer: 10.1.0.2, peer6: "fe80::2", insecure: true}
  l2: {device: eth2, local: 10.2.0.1, peer: 10.2.0.2, insecure: true}
  l3: {device: eth3, local: 10.3.0.1, peer: 10.3.0.2, peer6: "fe80::3", probe6: false, insecure: true}
groups:
  1: {device: eth0, link: l1, virtual_ips: [192.0.2.251/24]}
  2: {device: eth0, link: l2, virtual_ips: [192.0.2.252/24]}
  3: {device: eth0, link: l3, virtual_ips: [192.0.2.253/24]}
  9: {mode: static, device: eth7, gateway: 203.0.113.1, gateway6: "fe80::9"}
  1/ipv6: {device: eth0, link: l1, virtual_ips: ["fe80::251/64"]}
applications: apps.conf
"""
BESIDE = """\
node: r1
role: standalone
steer_ipv6: true
groups:
  1: {device: eth0, virtual_ips: [192.0.2.251/24], priority: 150, advert_interval: 200ms}
  9: {mode: static, device: eth3, gateway: 203.0.113.1, gateway6: "fe80::9"}
applications: apps.conf
"""
NINE = GroupId(9)
L1, G9 = Twin("eth1", None, IPv6Address("fe80::2")), Twin("eth7", IPv4Address("203.0.113.1"), IPv6Address("fe80::9"))
OVER = {number: ViaLink(f"eth{number}", IPv4Address(f"10.{number}.0.2")) for number in (1, 2, 3)}
MASTER = ViaMaster("eth0", IPv4Address("192.0.2.251"), OTHER_MAC)


def loaded(config: str) -> Loaded:
    """Load a gateway's file."""
    files = {"gateway.yaml": config, "apps.conf": "App=* * * * * * [1 9] name=all\n"}
    return load("gateway.yaml", files.__getitem__)


def member(group: GroupId, hop: NextHop | None, *, master: bool = False, link: str | None = None) -> Membership:
    """Return what is asked of a membership."""
    other = None if master or group == NINE else OTHER4  # a static group has no Master
    told: dict[str, Any] = {"id": group, "vid": group.vid, "link": link, "is_master": master}
    hops = {} if hop is None else {False: hop}
    made = SimpleNamespace(**told, next_hops=hops, group=SimpleNamespace(device="eth0"), other_master=lambda: other)
    return cast("Membership", made)


class Site:
    """The halves of gateway b1, and what they rest on."""

    def __init__(self, *members: Membership, config: str = SITE) -> None:
        """Believe nothing yet."""
        self.tracking = Tracking({})
        self.company = Company(Herald("b1", b"m" * 16), ["eth0"], 0)
        memberships = {one.id: one for one in members}
        self.halves = Halves(loaded(config).config, memberships, self.tracking, self.company)

    def believe(self, way: str, address: str, *, ok: bool | None) -> list[SetLost | Record]:
        """Take in what the checker says of a far end; return what follows from it."""
        report = Report(f"echo {address}", ok, since=SECOND, text="not done within 150 ms")
        self.tracking.take(Checked(Reports(ends={way: report})))
        return self.halves.conclude(2 * SECOND)


def test_a_far_end_is_lost_when_it_has_fallen_silent() -> None:
    """Not while nobody knows; it is told once, whole, and the first time also where nothing is lost."""
    one = Site()
    assert one.halves.conclude(0) == [SetLost(NOTHING_LOST)]
    assert one.halves.conclude(0) == []
    assert one.believe("link l1", "fe80::2", ok=None) == []
    assert one.believe("link l1", "fe80::2", ok=False) == [SetLost(Lost(frozenset({L1})))]
    assert one.believe("VID 9", "fe80::9", ok=False) == [SetLost(Lost(frozenset({L1, G9})))]
    assert one.believe("link l1", "fe80::2", ok=True) == [SetLost(Lost(frozenset({G9})))]


def test_what_is_said_of_another_address_or_of_who_is_not_asked_loses_nothing() -> None:
    """After an edit, a predecessor's belief is of another far end; `probe6: false` leaves the half as it is."""
    one = Site()
    one.halves.conclude(0)
    assert one.believe("link l1", "fe80::7", ok=False) == []
    assert one.believe("link l3", "fe80::3", ok=False) == []
    assert one.believe("link l2", "fe80::3", ok=False) == []


def test_where_ipv6_is_not_steered_nothing_is_concluded() -> None:
    """Nor told."""
    one = Site(member(ONE, OVER[1]), config=SITE + "steer_ipv6: false\n")
    assert one.believe("link l1", "fe80::2", ok=False) == []
    assert one.halves.half(1, OVER[1]) is None
    assert one.halves.describe(0, "link l1") is None


def test_the_others_are_told_of_what_this_gateway_is_master_of_without_ipv6() -> None:
    """For want of a far end as for its silence; another's VIDs are his to tell of. It is told at once."""
    one = Site(
        member(ONE, OVER[1], master=True, link="l1"),
        member(GroupId(2), OVER[2], master=True, link="l2"),
        member(GroupId(3), OVER[3], master=True, link="l3"),
        member(GroupId(4), OVER[2], link="l2"),
        member(GroupId(5), ViaMain(), master=True),
        member(GroupId(6), None, master=True, link="l1"),
        member(GroupId(7, Family.IPV6), OVER[2], master=True, link="l2"),
    )
    one.halves.conclude(0)
    assert one.halves.refused() == {2}
    one.company.speak(0)
    assert one.company.deadline() == EVERY
    one.believe("link l1", "fe80::2", ok=False)
    assert one.halves.refused() == {1, 2}
    assert one.company.deadline() == 2 * SECOND
    (told,) = of_type(cast("list[Effect]", one.company.speak(2 * SECOND, refused6=one.halves.refused)), SendHerald)
    assert decode(told.data) == Herald("b1", b"m" * 16, frozenset({1, 2}))


def test_why_a_half_refuses() -> None:
    """Its own far end, that of its link or its gateway, or what its Master says; nothing where IPv4 refuses too."""
    mine, static = (
        member(ONE, OVER[1], master=True, link="l1"),
        member(NINE, ViaLink("eth7", G9.gateway or OTHER4)),
    )
    theirs, without = member(GroupId(2), MASTER), member(GroupId(3), OVER[2], link="l2")
    one = Site(mine, static, theirs, without)
    one.company.hear(0, "eth0", str(OTHER4), encode(Herald("b2", b"m" * 16, frozenset({2, 9}))))
    one.believe("VID 9", "fe80::9", ok=False)
    assert one.halves.why(mine) is None
    told = one.believe("link l1", "fe80::2", ok=False)
    assert told == [SetLost(Lost(frozenset({L1, G9}), frozenset({2})))]
    assert one.halves.why(mine) == "fe80::2 does not answer over IPv6"
    assert one.halves.why(static) == "fe80::9 does not answer over IPv6"
    assert one.halves.why(theirs) == "its Master 192.0.2.2 says that it carries no IPv6"
    assert one.halves.why(without) == NO_FAR_END
    assert one.halves.why(member(GroupId(2), Unreachable())) is None
    assert one.halves.half(2, MASTER) == Unreachable()


def test_what_a_status_says_of_a_far_end() -> None:
    """Since when, and with what it said last; of one that is not asked, that."""
    one = Site()
    assert one.halves.describe(SECOND, "link l1") == {
        "address": "fe80::2",
        "answers": None,
        "since_ms": 0,
        "text": "not asked yet",
    }
    one.believe("link l1", "fe80::2", ok=False)
    known = one.halves.describe(3 * SECOND, "link l1")
    assert known == {"address": "fe80::2", "answers": False, "since_ms": 2000, "text": "not done within 150 ms"}
    assert one.halves.describe(0, "link l2") is None
    unasked = one.halves.describe(SECOND, "link l3")
    assert unasked is not None
    assert (unasked["answers"], unasked["text"]) == (None, "not asked (probe6: false)")


# -- in an agent -----------------------------------------------------------------------------------------------------


def beside() -> Alone:
    """Return gateway r1, beside r2, which is Master of VID 1, and with a plain gateway of its own."""
    one = Alone(loaded(BESIDE))
    one.start()
    one.do(DeviceChanged("eth3", carrier=True, primary=IPv4Address("203.0.113.2")))
    one.do(Checked(Reports(gateways={"9": Report("gateway", ok=True, since=0)}, whole=True)))
    one.other(ONE, 200)
    return one


def tell(one: Bench, *refused: int) -> list[Effect]:
    """Let r2 say what it carries no IPv6 of."""
    return one.do(HeraldReceived("eth0", OTHER4, encode(Herald("r2", b"r", frozenset(refused)))))


def end(one: Bench, *, ok: bool) -> list[Effect]:
    """Let the checker tell of the plain gateway's far end over IPv6."""
    return one.do(Checked(Reports(ends={"VID 9": Report("echo fe80::9", ok, since=one.now, text="said so")})))


def records(effects: list[Effect]) -> list[str]:
    """Return what is recorded of IPv6."""
    return [f"{one.subject} {one.text}" for one in of_type(effects, Record) if one.kind == "ipv6"]


def lost(effects: list[Effect]) -> list[Lost]:
    """Return what was said to be lost; of IPv4 nothing is said at all."""
    assert not of_type(effects, SetNextHop)
    return [one.lost for one in of_type(effects, SetLost)]


def test_a_start_says_what_is_lost_before_anything_is() -> None:
    """A kernel may still have what a predecessor lost."""
    one = Alone(loaded(BESIDE))
    assert [told.lost for told in of_type(one.start(), SetLost)] == [NOTHING_LOST]


def test_a_static_gateway_that_lost_ipv6_alone_refuses_it_and_keeps_ipv4() -> None:
    """With a record, a sentence and a status; that it answered in the first place is no news."""
    one = beside()
    assert end(one, ok=True) == []
    silent = end(one, ok=False)
    gone = Twin("eth3", IPv4Address("203.0.113.1"), IPv6Address("fe80::9"))
    assert lost(silent) == [Lost(frozenset({gone}))]
    assert records(silent) == ["VID 9 carries IPv6 no more: echo fe80::9: said so"]
    group = one.group(9)
    assert (group["works"], group["hop"]["kind"], group["hop6"]) == (True, "link", {"kind": "unreachable"})
    assert group["why6"] == "fe80::9 does not answer over IPv6"
    sentence = (
        "VID 9 carries no IPv6: fe80::9 has not answered for 1 min 00 s (said so); IPv6 packets are refused there"
    )
    one.now += 60 * SECOND
    assert f"{sentence}, IPv4 goes on" in assess(one.agent.status(one.now))[1]
    again = end(one, ok=True)
    assert lost(again) == [NOTHING_LOST]
    assert records(again) == ["VID 9 carries IPv6 again: echo fe80::9: said so"]
    assert one.group(9)["why6"] is None


def test_what_its_master_carries_no_ipv6_of_is_refused_here() -> None:
    """So that all gateways of a LAN do alike; once, until he says otherwise."""
    one = beside()
    told = tell(one, 1)
    assert lost(told) == [Lost(vids=frozenset({1}))]
    assert records(told) == ["VID 1 carries no IPv6: its Master says so"]
    assert tell(one, 1) == []
    assert one.group(1)["hop6"] == {"kind": "unreachable"}
    assert one.group(1)["why6"] == "its Master 192.0.2.2 says that it carries no IPv6"
    again = tell(one)
    assert lost(again) == [NOTHING_LOST]
    assert records(again) == ["VID 1 carries IPv6 again, as far as its Master says"]
    assert one.group(1)["hop6"]["kind"] == "master"


def test_who_says_no_more_is_believed_no_longer() -> None:
    """From one that says nothing, IPv6 gets on."""
    one = beside()
    tell(one, 1)
    effects: list[Effect] = []
    for _ in range((SILENT + EVERY) // 200_000_000 + 1):
        effects += [*one.wait(200), *one.other(ONE, 200)]
    assert lost(effects) == [NOTHING_LOST]


def test_who_falls_silent_is_believed_no_longer_though_others_speak() -> None:
    """What they refuse is theirs."""
    one = beside()
    tell(one, 1)
    effects: list[Effect] = []
    for _ in range((SILENT + EVERY) // 200_000_000 + 1):
        other = encode(Herald("r3", b"r", frozenset({5})))
        effects += one.do(HeraldReceived("eth0", IPv4Address("192.0.2.3"), other))
        effects += [*one.wait(200), *one.other(ONE, 200)]
    assert lost(effects) == [NOTHING_LOST]


def test_a_successor_goes_on_from_what_was_believed() -> None:
    """Whole, and a checker that tells of no far end any more has none."""
    one = beside()
    end(one, ok=False)
    assert one.agent.believed().ends["VID 9"].ok is False
    gone = one.do(Checked(Reports(gateways={"9": Report("gateway", ok=True, since=0)}, whole=True)))
    assert lost(gone) == [NOTHING_LOST]
    heir = Tracking({})
    end(one, ok=False)
    heir.recall(one.agent.snapshot(one.now)["checks"])
    assert heir.ends["VID 9"].ok is False


def test_a_gateway_that_starts_says_it_first() -> None:
    """Before the checker has: the agent before it knew."""
    one = Alone(loaded(BESIDE))
    one.do(Checked(Reports(ends={"VID 9": Report("echo fe80::9", ok=False, since=0)})))
    (told,) = of_type([*one.device(), *one.do(Started())], SetLost)
    assert [end.gateway6 for end in told.lost.ends] == [IPv6Address("fe80::9")]
