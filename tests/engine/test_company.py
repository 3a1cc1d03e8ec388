"""The gateways beside this one, and whether they steer by the same rules."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import SECOND
from linkbalancer.config.load import load
from linkbalancer.engine.assurance.tidings import PAGE
from linkbalancer.engine.company import EVERY, LONGEST, NEIGHBOURS_MAX, SILENT, Company, Herald, decode, encode
from linkbalancer.engine.effects import Record, SendHerald
from linkbalancer.engine.events import HeraldReceived
from linkbalancer.engine.health import assess
from linkbalancer.sim.shape import LAN_DEVICE
from tests.engine.alone import Alone, loaded
from tests.engine.bench import Bench, of_type
from tests.engine.statuses import status

ELSEWHERE = """\
node: r1
role: standalone
groups:
  1: {{device: eth0, virtual_ips: [192.0.2.251/24]}}
  9: {{mode: static, device: eth3, gateway: 203.0.113.1}}
{0}applications: apps.conf
"""
MINE = Herald("b1", b"m" * 16)
SAME, OTHER = encode(Herald("b2", b"m" * 16)), encode(Herald("b2", b"o" * 16))
WHO = {"node": "b2", "address": "192.0.2.2", "device": "eth0"}


def company() -> Company:
    """Return a gateway with one LAN at the instant 0."""
    return Company(MINE, ["eth0"], 0)


def hear(one: Company, data: bytes, now: int = 0, source: str = "192.0.2.2") -> list[str]:
    """Let it hear something; return the texts of its records."""
    return [f"{record.subject} {record.text}" for record in one.hear(now, "eth0", source, data)]


@given(
    st.from_regex(r"[a-z][a-z0-9-]{0,62}", fullmatch=True),
    st.binary(min_size=1, max_size=32),
    st.frozensets(st.integers(1, 255)),
)
def test_what_is_said_is_heard(node: str, rules: bytes, refused6: frozenset[int]) -> None:
    """Whatever the name and the digest, and the VIDs without IPv6; all of them fit beside a page of figures."""
    said = encode(Herald(node, rules, refused6))
    assert decode(said) == Herald(node, rules, refused6)
    assert len(said) + PAGE <= LONGEST


@given(st.binary(max_size=400))
def test_any_bytes_are_a_herald_or_none(data: bytes) -> None:
    """Nothing is ever raised, and what has no name or digest is none."""
    for found in (decode(data), decode(b"LH\x01" + data)):
        assert found is None or (found.node and found.rules)


def test_a_later_version_may_say_more() -> None:
    """Elements that are not known are skipped; another version is no herald, and neither is one without end."""
    assert decode(OTHER + bytes.fromhex("c80003") + b"new") == Herald("b2", b"o" * 16)
    assert decode(b"LH\x02" + OTHER[3:]) is None
    assert decode(OTHER + bytes.fromhex("c80500") + bytes(1280)) == Herald("b2", b"o" * 16)
    assert decode(OTHER + bytes.fromhex("c80578") + bytes(1400)) is None


def test_it_speaks_at_once_and_every_two_seconds() -> None:
    """On every LAN, never before the deadline; and not at all where it has no LAN."""
    one = Company(MINE, ["eth2", "eth0"], 5 * SECOND)

    assert one.deadline() == 5 * SECOND
    assert one.speak(5 * SECOND - 1) == []
    assert one.speak(5 * SECOND) == [SendHerald("eth0", encode(MINE)), SendHerald("eth2", encode(MINE))]
    assert one.deadline() == 5 * SECOND + EVERY
    assert Company(MINE, [], 0).deadline() is None
    assert Company(MINE, [], 0).speak(0) == []


def test_a_difference_is_told_once_and_its_end() -> None:
    """Who steers alike is not worth a word."""
    one = company()

    assert hear(one, SAME) == []
    assert hear(one, OTHER) == ["b2 steers by other rules than this gateway (192.0.2.2 on eth0)"]
    assert hear(one, OTHER) == []
    assert one.differences() == [WHO]
    assert hear(one, SAME, now=SECOND) == ["b2 steers by the same rules again (192.0.2.2 on eth0)"]
    assert one.differences() == []


def test_a_liar_cannot_flood_the_history() -> None:
    """Who says one thing and another in turn, as many, is worth a record every half second; the status has the last."""
    one = company()
    records = [text for turn in range(4000) for text in hear(one, (OTHER, SAME)[turn % 2], now=turn * SECOND // 1000)]
    assert len(records) == 8
    assert hear(one, OTHER, now=5 * SECOND) == ["b2 steers by other rules than this gateway (192.0.2.2 on eth0)"]
    assert one.differences() == [WHO]
    for number in range(3, 40):
        hear(one, encode(Herald(f"b{number}", b"x")), now=5 * SECOND, source=f"192.0.2.{number}")
    assert len(one.differences()) == 38
    assert [type(said) for said in one.speak(20 * SECOND)] == [SendHerald, Record]


def test_who_falls_silent_is_forgotten() -> None:
    """That a difference may still be there is said; of one that steered alike nothing is."""
    one = company()
    hear(one, OTHER)
    hear(one, encode(replace(MINE, node="b3")), source="192.0.2.3")
    one.speak(SILENT - 1)

    assert one.differences() == [WHO]
    one.speak(2 * SILENT)
    assert one.differences() == []
    hear(one, OTHER, now=2 * SILENT + SECOND)
    said = [record.text for record in one.speak(4 * SILENT) if isinstance(record, Record)]
    assert said == ["is not heard any more: whether its rules still differ is not known (192.0.2.2 on eth0)"]


def test_what_is_refused_is_counted() -> None:
    """What is no herald, what carries our own name, and more neighbours than a LAN has."""
    one = company()
    hear(one, b"nonsense")
    hear(one, encode(MINE))
    for number in range(NEIGHBOURS_MAX + 2):
        hear(one, SAME, source=f"192.0.2.{number}")
    hear(one, OTHER)

    assert one.counters == {"herald:malformed": 1, "herald:same-name": 1, "herald:too-many": 2}
    assert one.differences() == [WHO]


def test_an_agent_tells_and_hears() -> None:
    """What a started agent hears is in its status, among its records and its findings; it moves nothing."""
    bench = Bench()
    bench.start()
    told = of_type(bench.wait(4500), SendHerald)
    assert len(told) == 3
    assert {(one.device, decode(one.data)) for one in told} == {
        (LAN_DEVICE, Herald("b1", bench.agent.rules.digest)),
    }

    effects = bench.do(HeraldReceived(LAN_DEVICE, IPv4Address("192.0.2.2"), OTHER))
    assert [(one.kind, one.subject) for one in of_type(effects, Record)] == [("rules", "b2")]
    assert len(effects) == 1
    assert bench.agent.status(bench.now)["other_rules"] == [{**WHO, "device": LAN_DEVICE}]
    bench.do(HeraldReceived(LAN_DEVICE, IPv4Address("192.0.2.2"), b""))
    assert bench.counters["herald:malformed"] == 1


def test_a_difference_is_a_finding() -> None:
    """With what to do about it."""
    told = (
        "b2 (192.0.2.2 on eth0) steers by other rules than this gateway: give both the same rule file, and reload them"
    )
    assert assess(status(other_rules=[WHO])) == ("degraded", [told])


def test_a_gateway_without_rules_tells_nobody() -> None:
    """It steers nothing, so there is nothing to differ in."""
    one = loaded()
    for found, heralds in ((one, 1), (replace(one, rules=replace(one.rules, rules=())), 0)):
        bench = Alone(found)
        bench.start()
        assert len(of_type(bench.wait(1000), SendHerald)) == heralds


def test_a_lan_without_ipv4_is_told_too() -> None:
    """Its gateways hear each other by link-local addresses; groups that are only watched concern nobody."""
    config = ELSEWHERE.format("  1/ipv6: {device: eth7, virtual_ips: [fe80::251/64, 2001:db8::251/64]}\n")
    found = load("gateway.yaml", {"gateway.yaml": config, "apps.conf": "App=* * * * * * [1] name=all\n"}.__getitem__)
    bench = Alone(found)
    bench.start()
    told = of_type(bench.wait(1000), SendHerald)

    assert {one.device for one in told} == {"eth0", "eth7"}
    bench.do(HeraldReceived("eth7", IPv6Address("fe80::2"), OTHER))
    assert bench.agent.status(bench.now)["other_rules"] == [{"node": "b2", "address": "fe80::2", "device": "eth7"}]


def test_what_a_neighbour_carries_no_ipv6_of_is_known_while_it_says_so() -> None:
    """By device and address; of one that never spoke nothing is known."""
    one = company()
    assert not one.refuses
    hear(one, encode(Herald("b2", b"m" * 16, frozenset({1, 3}))))
    assert one.refuses
    assert one.refused("eth0", "192.0.2.2") == {1, 3}
    assert one.refused("eth0", "192.0.2.3") == one.refused("eth1", "192.0.2.2") == frozenset()
    hear(one, SAME)
    assert not one.refuses
    hear(one, encode(Herald("b2", b"m" * 16, frozenset({1}))))
    one.speak(SILENT)
    assert not one.refuses
