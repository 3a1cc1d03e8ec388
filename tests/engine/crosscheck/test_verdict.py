"""The whole cross-check: a sound gateway, and one thing wrong at a time, from the packet to the wire."""

import errno
from dataclasses import replace
from ipaddress import IPv4Address, ip_address
from typing import Any

import pytest

from linkbalancer.engine.crosscheck.expected import Expected
from linkbalancer.engine.crosscheck.iprule import IpRule
from linkbalancer.engine.crosscheck.line import Result
from linkbalancer.engine.crosscheck.observed import Answer, Connection, Entrance, Neighbour
from linkbalancer.engine.crosscheck.verdict import judge
from linkbalancer.engine.preflight import catalogue
from linkbalancer.engine.preflight.finding import Finding
from linkbalancer.engine.preflight.observed import Unseen
from linkbalancer.links import Firewall
from linkbalancer.routing.handover import Form
from linkbalancer.routing.packet import Packet
from tests.engine.crosscheck.cases import CONFIG, FLOW, MAC, MASTER, RULES, differing, expected, lines, seen, told

UNREACHABLE = Answer(errno.EHOSTUNREACH)
STRANGER = IpRule(priority=5, table=77, protocol=4)
TO_MAIN = Answer(0, "unicast", 254, IPv4Address("192.0.2.9"), "eth0", "198.51.100.0/24", 3)
MAIN_DEFAULT = replace(TO_MAIN, prefix="0.0.0.0/0")


def rules(*more: IpRule, without: int | None = None) -> tuple[IpRule, ...]:
    """Return the rules with some more, one left out."""
    kept = (rule for rule in RULES if rule.priority != without)
    return tuple(sorted((*kept, *more), key=lambda rule: rule.priority))


def test_a_sound_gateway_is_the_same_everywhere() -> None:
    """Every line, with what is there, why and since when."""
    verdict = judge(expected(), FLOW, seen())
    assert verdict.differing == ()
    assert [(line.check, line.kernel, line.why, line.since_ms) for line in verdict.lines] == [
        ("daemon", "b1: good", "", None),
        ("rules", "0123456789ab", "", None),
        ("flow", "no entry in connection tracking yet: the rules decide", "", None),
        ("VID", "VID 1", "all: its first choice works", 5),
        ("mark", "0x00010000, nobody else writes those bits", "", None),
        ("addresses", "10.1.0.1 on eth1, 192.0.2.251 on eth0, there", "", None),
        ("table", "20001 by rule 21", "", None),
        ("next hop", "10.1.0.2 over eth1", "Master here", 7),
        ("neighbour", f"{MAC.hex(':')} reachable, confirmed 3 s ago", "", None),
        ("device", "eth1 up", "", None),
        ("reply", "let in by eth1, goes on to eth0", "", None),
    ]
    assert verdict.to_json()[3] == {
        "check": "VID",
        "result": "same",
        "expected": "VID 1",
        "kernel": "VID 1",
        "why": "all: its first choice works",
        "since_ms": 5,
        "remedy": [],
    }


WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("rules", {"digest": "ba9876543210"}, "ba9876543210", "the file was edited since"),
    ("rules", {"digest": None}, "no classifier", "every packet goes by the main table"),
    ("flow", {"connection": Connection(1, reply=False, answered=True)}, "the default application (answered)", "keeps"),
    (
        "flow",
        {"connection": Connection(9, reply=True, answered=False, expires_s=8, translated="source becomes 10.1.0.1")},
        "no more (not answered yet, this is its other direction, source becomes 10.1.0.1, 8 s left)",
        "keeps",
    ),
    ("VID", {"steering": {1: None, 2: 2}}, "VID 2", "not what its process has put there"),
    ("VID", {"steering": {1: None, 2: None}}, "none: the main table", "not what its process has put there"),
    ("VID", {"steering": {1: None}}, "all is not in the map app2vid", "not what its process has put there"),
    (
        "mark",
        {"firewall": (Finding(catalogue.MARK_OVERWRITTEN, "ip evil pre", "meta mark set 0x77"),)},
        "written by ip evil pre too",
        "meta mark set 0x77",
    ),
    (
        "table",
        {"rules": rules(STRANGER), "answer": replace(TO_MAIN, table=77)},
        "77 by rule 5",
        "`5: from all lookup 77`",
    ),
    ("table", {"rules": rules(replace(STRANGER, protocol=99)), "answer": UNREACHABLE}, "dropped", "(protocol 99, see"),
    ("table", {"rules": rules(replace(STRANGER, action=7)), "answer": UNREACHABLE}, "dropped", "ends the search"),
    ("table", {"answer": TO_MAIN}, "main by rule 10, 198.51.100.0/24", "a route of its own"),
    ("table", {"answer": MAIN_DEFAULT}, "main by rule 32766, 0.0.0.0/0", "not even `unreachable`"),
    ("table", {"answer": replace(TO_MAIN, table=9)}, "9, 198.51.100.0/24", "not even `unreachable`"),
    ("table", {"answer": MAIN_DEFAULT, "rules": rules(without=21)}, "main by rule 32766", "Our rule 21 is not there"),
    ("table", {"answer": UNREACHABLE, "rules": rules(without=21)}, "EHOSTUNREACH", "Our rule 21 is not there"),
    ("table", {"answer": UNREACHABLE}, "dropped: EHOSTUNREACH", "Table 20001 has no way for it"),
    ("table", {"answer": Answer(4242)}, "dropped: 4242", "Table 20001 has no way for it"),
    (
        "table",
        {"answer": UNREACHABLE, "switches": {"ipv4/conf/eth0/forwarding": "0"}},
        "dropped: EHOSTUNREACH",
        "its switch `forwarding` is 0",
    ),
    (
        "table",
        {
            "answer": Answer(errno.EINVAL),
            "unchecked": Answer(),
            "switches": {"ipv4/conf/all/rp_filter": "0", "ipv4/conf/eth0/rp_filter": "1"},
        },
        "dropped: EINVAL, its source",
        "(net.ipv4.conf.eth0.rp_filter is 1)",
    ),
    ("table", {"answer": Answer(errno.EINVAL), "unchecked": Answer()}, "its source", "an address of this host"),
    ("table", {"answer": Answer(errno.EINVAL), "unchecked": UNREACHABLE}, "EINVAL", "has no way for it"),
    (
        "next hop",
        {"answer": Answer(0, "unicast", 20001, IPv4Address("192.0.2.9"), "eth0", "198.51.100.0/24", 3), "reply": None},
        "192.0.2.9 over eth0",
        "has a route to 198.51.100.0/24 that leads elsewhere, which is not ours (protocol 3)",
    ),
    (
        "next hop",
        {"answer": Answer(0, "unicast", 20001, None, "eth1", "0.0.0.0/0", 112)},
        "straight onto eth1",
        "leads elsewhere.",
    ),
    ("neighbour", {"neighbour": Neighbour("failed", None, ours=False, updated_ms=1500)}, "failed, for 1.5 s", "no ARP"),
    ("neighbour", {"neighbour": Neighbour("incomplete", None, ours=False)}, "incomplete", "answers no ARP"),
    ("device", {"carriers": {"eth1": False}}, "no carrier", "its cable is out"),
    ("addresses", {"addresses": frozenset()}, "gone: 10.1.0.1 on eth1, 192.0.2.251 on eth0", "no host finds"),
    ("reply", {"reply": Answer(errno.ENETUNREACH)}, "dropped: ENETUNREACH", "finds no way to 192.0.2.77"),
    (
        "reply",
        {"reply": Answer(errno.EXDEV), "switches": {"ipv4/conf/all/rp_filter": "2", "ipv4/conf/eth1/rp_filter": None}},
        "dropped: EXDEV, its source",
        "(net.ipv4.conf.all.rp_filter is 2)",
    ),
    ("reply", {"reply": replace(TO_MAIN, device="eth9")}, "to eth9", "goes on by table main (198.51.100.0/24)"),
    (
        "firewall",
        {"firewall": (Finding(catalogue.FLOW_OFFLOAD, "inet f t", "devices eth0"),)},
        "inet f t",
        "devices eth0",
    ),
]


@pytest.mark.parametrize(("check", "changes", "kernel", "why"), WRONG)
def test_one_thing_wrong_is_one_difference(check: str, changes: dict[str, Any], kernel: str, why: str) -> None:
    """The line that it concerns, what the kernel has, why, and what to do; those after it follow the kernel."""
    found = differing(**changes)
    follow = {"VID"} if check == "flow" else {"table"}
    assert check in found
    assert set(found) - follow <= {check, "next hop"} if check in {"VID", "flow"} else list(found) == [check]
    line = found[check]
    assert kernel in line.kernel
    assert why in line.why
    assert line.remedy


def test_without_our_table_nothing_is_steered() -> None:
    """No map, no mark: what the packet does then is by the main table, and its lack of a way is named."""
    found = lines(digest=None, steering=None, answer=MAIN_DEFAULT)
    assert (found["rules"].kernel, found["mark"].result) == ("no table inet linkbalancer", Result.NOTE)
    assert "VID" not in found
    assert (found["table"].result, found["table"].kernel) == (Result.SAME, "main by rule 32766")
    nowhere = lines(digest=None, steering=None, answer=Answer(errno.ENETUNREACH), reply=None)["table"]
    assert (nowhere.result, nowhere.why) == (Result.NOTE, "There is no route without what differs above.")
    nowhere = lines(expected(application=None), answer=Answer(errno.ENETUNREACH), reply=None)["table"]
    assert nowhere.why == "No table has a way to 198.51.100.9."
    stranger = differing(digest=None, steering=None, answer=UNREACHABLE, rules=rules(STRANGER))
    assert stranger["table"].remedy == ("ip route show table 77",)


def test_without_a_daemon_the_kernels_word_stands_alone() -> None:
    """Nothing is expected of VID and next hop; a number that was never kept leaves the application unknown."""
    alone = expected(told=None)
    found = lines(alone)
    assert [line.check for line in judge(alone, FLOW, seen()).differing] == ["daemon"]
    assert (found["VID"].result, found["VID"].kernel) == (Result.NOTE, "VID 1")
    assert (found["next hop"].result, found["addresses"].expected) == (Result.NOTE, "10.1.0.1 on eth1")
    assert differing(alone, steering={1: None}, answer=MAIN_DEFAULT)["VID"].why.startswith("Packets of all are")
    unknown = lines(expected(told=None, numbers={}), answer=MAIN_DEFAULT)
    assert (unknown["VID"].result, unknown["mark"].why) == (Result.UNSEEN, "")


def test_what_the_daemon_finds_wrong_is_said() -> None:
    """The worst of it: files that were edited and not applied would explain much of what follows."""
    words = {**told(), "health": "degraded", "findings": ["the files differ from the configuration in force", "x"]}
    line = lines(expected(told=words))["daemon"]
    assert (line.result, line.kernel) == (Result.SAME, "b1: degraded")
    assert line.why == "the files differ from the configuration in force"


def test_an_established_flow_is_followed_as_the_kernel_has_it() -> None:
    """Its entry's application decides; without one the rules do."""
    entry = Connection(0x770002, reply=False, answered=True, expires_s=100)
    assert lines(connection=entry)["flow"].kernel == "all (answered, 100 s left)"
    assert "an entry without application" in lines(connection=replace(entry, mark=0))["flow"].kernel
    other = lines(connection=replace(entry, mark=1), answer=MAIN_DEFAULT)
    assert other["VID"].kernel == "none: the main table"
    assert other["mark"].why == "the default application has no VID: it goes by the main table."
    assert other["table"].result is Result.SAME
    six = Packet(ip_address("2001:db8::1"), ip_address("2001:db8::2"), 17, 5, 6)
    forget = differing(flow=replace(FLOW, packet=six), connection=replace(entry, mark=1), answer=MAIN_DEFAULT)
    assert forget["flow"].remedy[0].startswith("conntrack -D -f ipv6 -p udp -s 2001:db8::1 -d 2001:db8::2 --sport 5")
    assert lines(untracked="give --sport and --dport")["flow"].result is Result.UNSEEN


def test_a_flow_that_no_rule_means() -> None:
    """It is the default application's."""
    found = lines(expected(application=None), answer=MAIN_DEFAULT)
    assert (found["flow"].expected, found["VID"].result) == ("the default application", Result.NOTE)
    assert found["table"].kernel == "main by rule 32766"
    assert found["next hop"].kernel == "192.0.2.9 over eth0"


@pytest.mark.parametrize(
    ("flow", "changes", "why"),
    [
        (replace(FLOW, entrance=Entrance.LINK), {}, "It comes from a link"),
        (replace(FLOW, entrance=Entrance.OTHER), {}, "eth0 is neither a LAN nor a link"),
        (FLOW, {"answer": Answer(kind="local", table=255, device="lo")}, "for this gateway itself"),
        (
            replace(FLOW, device=None, entrance=Entrance.SELF, packet=replace(FLOW.packet, protocol=112)),
            {},
            "for this gateway itself",
        ),
        (
            replace(FLOW, packet=replace(FLOW.packet, destination=ip_address("224.0.0.18"))),
            {},
            "for this gateway itself, or for many",
        ),
    ],
)
def test_packets_that_no_vid_carries(flow: Any, changes: dict[str, Any], why: str) -> None:
    """They have no mark, and it is said why; the table that they go by is the kernel's own affair."""
    found = lines(flow=flow, **{"answer": MAIN_DEFAULT, **changes})
    assert (found["mark"].result, why in found["mark"].why) == (Result.NOTE, True)
    assert found["mark"].kernel == "0x00000000"
    assert found["table"].result in {Result.SAME, Result.NOTE}


def test_the_way_of_a_vid_whose_master_is_elsewhere() -> None:
    """By the virtual IP on the LAN, its neighbour pinned to the Master that was heard."""
    of = expected(told=told(hop=MASTER, master="192.0.2.3", link=None))
    way = Answer(0, "unicast", 20001, IPv4Address("192.0.2.251"), "eth0", "0.0.0.0/0", 112)
    pin = Neighbour("permanent", MAC, ours=True)

    def found(entry: Neighbour | None) -> Any:
        return lines(of, answer=way, reply=None, carriers={}, neighbour=entry)["neighbour"]

    assert (found(pin).result, found(pin).kernel) == (Result.SAME, f"{MAC.hex(':')} pinned by us")
    assert "addresses" not in lines(of, answer=way, reply=None, carriers={}, neighbour=pin)
    wrong = {
        None: ("no entry", "another machine"),
        replace(pin, mac=b"\2" * 6): ("02:02:02:02:02:02 pinned by us", "another machine"),
        replace(pin, ours=False): ("permanent", "not pinned by us"),
        replace(pin, state="stale"): ("stale", "not pinned by us"),
    }
    for entry, (kernel, why) in wrong.items():
        line = found(entry)
        assert (line.result, kernel in line.kernel, why in line.why) == (Result.DIFFERS, True, True)


def test_a_vid_without_any_way() -> None:
    """Unreachable by intent is as expected; a way that is left all the same is not."""
    of = expected(told=told(hop={"kind": "unreachable"}, why="no Master is heard"))
    line = lines(of, answer=UNREACHABLE, reply=None)["table"]
    assert (line.result, line.why, line.since_ms) == (Result.SAME, "no Master is heard", 7)
    assert "has taken the VID's way away" in differing(of)["next hop"].why
    assert "table" in differing(of, answer=UNREACHABLE, reply=None, rules=rules(STRANGER))
    assert "table" in differing(of, answer=Answer(errno.EINVAL), reply=None)


def test_a_master_without_a_link_goes_by_the_main_table() -> None:
    """The VID's table lets packets fall through to it."""
    found = lines(expected(told=told(hop={"kind": "main"})), answer=MAIN_DEFAULT, reply=None)
    assert (found["table"].result, found["table"].kernel) == (Result.SAME, "main by rule 32766")
    assert "a router without a link" in found["next hop"].why


def test_a_route_that_went_with_its_address_is_named_once() -> None:
    """The address is what is wrong."""
    found = differing(addresses=frozenset(), answer=UNREACHABLE, reply=None)
    assert list(found) == ["addresses"]


def test_what_is_near_stays_near() -> None:
    """A route that comes with an address of this host goes before every VID, by design: no difference."""
    found = lines(answer=Answer(0, "unicast", 254, None, "eth0", "192.0.2.0/24", 2), reply=None)
    assert (found["table"].result, found["table"].why[:10]) == (Result.NOTE, "It is near")
    assert found["next hop"].kernel == "straight onto eth0"


def test_neighbours_that_nobody_waits_for() -> None:
    """No entry yet, one that needs none, and one that somebody has pinned by hand."""
    assert lines(neighbour=None)["neighbour"].result is Result.NOTE
    assert lines(neighbour=Neighbour("noarp", None, ours=False))["neighbour"].kernel == "noarp"
    assert lines(neighbour=Neighbour("stale", MAC, ours=False))["neighbour"].kernel == f"{MAC.hex(':')} stale"
    by_hand = lines(neighbour=Neighbour("permanent", MAC, ours=False, confirmed_ms=1))["neighbour"]
    assert (by_hand.result, by_hand.kernel) == (Result.NOTE, f"{MAC.hex(':')} permanent")


def test_replies_to_this_gateway_itself() -> None:
    """They end here."""
    own = replace(FLOW, device=None, entrance=Entrance.SELF)
    assert lines(flow=own, reply=Answer(kind="local", table=255, device="lo"))["reply"].result is Result.SAME
    assert lines(flow=own)["reply"].result is Result.DIFFERS
    assert "reply" not in lines(reply=None)
    refused = differing(flow=own, answer=Answer(errno.EINVAL), unchecked=Answer(), reply=None)
    assert "has no way for it" in refused["table"].why


def test_what_firewalls_may_do() -> None:
    """A warning is a note, a missing table is named elsewhere, and what cannot be seen is said."""
    dropped = Finding(catalogue.FORWARD_DROPPED, "ip filter FORWARD", "policy drop")
    found = lines(firewall=(dropped, Finding(catalogue.RULESET_MISSING, "inet linkbalancer", "not there")))
    assert (found["firewall"].result, found["firewall"].kernel) == (Result.NOTE, "forward-dropped: ip filter FORWARD")
    assert lines(unseen=(Unseen("nftables rules", "no nft"),))["mark"].result is Result.UNSEEN
    assert lines(unseen=(Unseen("something", "else"),))["mark"].result is Result.SAME


def test_an_application_that_goes_nowhere() -> None:
    """The daemon has no VID for it: the kernel's word stands."""
    words = told()
    words["applications"]["all"]["vid"] = None
    line = lines(expected(told=words))["VID"]
    assert (line.result, line.kernel) == (Result.NOTE, "VID 1")


def test_a_hop_as_it_was_found_is_not_judged() -> None:
    """After a start nobody has chosen one yet."""
    of: Expected = expected(told=told(hop=None))
    assert lines(of)["next hop"].result is Result.NOTE


def flowing(vid: int, *, generation: int = 1, application: int = 2, translated: bool = False) -> Connection:
    """Return the entry of a flow that took this VID last."""
    marks = CONFIG.marks
    mark = marks.connection_mark(application) | marks.flow_mark(vid) | marks.generation_mark(generation)
    return Connection(mark, reply=False, answered=True, source_translated=translated)


@pytest.mark.parametrize(
    ("form", "translated", "words", "mark"),
    [
        (Form.KEEP, False, "; this flow stays on VID 2, which it took last and which works", 2),
        (Form.HOLD, False, "; this flow stays on VID 2, which it took last and which works", 2),
        (Form.MOVE, True, "; this flow stays on VID 2, which it took last and which works", 2),
        (Form.MOVE, False, "; this flow took VID 2 last and follows with its next packet", 1),
        (Form.RESET, False, "; this flow took VID 2 last and is told to end with its next packet", 1),
    ],
)
def test_a_flow_that_took_another_vid_is_followed(form: Form, *, translated: bool, words: str, mark: int) -> None:
    """By the form in which its application is pointed; a VID that works no more keeps nobody."""
    entry = flowing(2, translated=translated)
    kernel: dict[str, Any] = {"connection": entry, "generation": 1, "forms": {2: form}}
    found = lines(**kernel, standing=frozenset({1, 2}))
    assert found["VID"].why == f"all: its first choice works{words}"
    assert found["mark"].kernel.startswith(f"{CONFIG.marks.packet_mark(mark):#010x}")
    left = lines(**kernel, standing=frozenset({1}))
    assert left["VID"].why == "all: its first choice works"
    assert left["mark"].kernel.startswith("0x00010000")


def test_a_flow_of_former_rules_is_classified_anew() -> None:
    """Its entry's application counts no more: the rules in use do, with its next packet."""
    found = lines(connection=flowing(1, generation=3, application=9), generation=4)
    assert found["flow"].result is Result.SAME
    assert found["flow"].kernel.endswith("by former rules (answered): classified anew with its next packet")
    assert found["VID"].kernel == "VID 1"


SIX = replace(FLOW, packet=Packet(ip_address("2001:db8:1::77"), ip_address("2001:db8:2::9"), 6, 40000, 443))
STEERED = CONFIG.model_copy(update={"steer_ipv6": True})
FAR6 = Answer(0, "unicast", 20001, ip_address("fe80::2"), "eth1", "::/0", 112)
HOP6 = {"kind": "link", "gateway": "fe80::2", "device": "eth1"}


def test_a_flow_of_ipv6_is_held_against_its_own_half() -> None:
    """By the VID's mark, its rule and table of that family, to the far end that the daemon names for it."""
    of = expected(config=STEERED, told=told(hop6=HOP6))
    found = lines(of, SIX, answer=FAR6)
    assert (found["table"].result, found["table"].kernel) == (Result.SAME, "20001 by rule 21")
    assert (found["next hop"].result, found["next hop"].kernel) == (Result.SAME, "fe80::2 over eth1")
    elsewhere = differing(of, SIX, answer=replace(FAR6, gateway=ip_address("fe80::3")))
    assert elsewhere["next hop"].expected == "fe80::2 over eth1"
    silent = differing(
        of, SIX, answer=FAR6, neighbour=Neighbour("failed", None, ours=False, confirmed_ms=None, updated_ms=9)
    )
    assert "answers no neighbour solicitation" in silent["neighbour"].why


def test_a_way_without_a_far_end_over_ipv6_says_so() -> None:
    """It refuses, as it should: nothing differs."""
    of = expected(config=STEERED, told=told(hop6={"kind": "unreachable"}))
    line = lines(of, SIX, answer=UNREACHABLE)["table"]
    assert (line.result, line.why) == (Result.SAME, "its way has no far end over IPv6 (peer6 or gateway6)")
    silent = expected(config=STEERED, told=told(hop6={"kind": "unreachable"}, why6="fe80::2 does not answer over IPv6"))
    line = lines(silent, SIX, answer=UNREACHABLE)["table"]
    assert (line.result, line.why) == (Result.SAME, "fe80::2 does not answer over IPv6")


def test_ipv6_that_is_not_steered_goes_by_the_main_table() -> None:
    """Whatever the mark says, nobody looks at it."""
    main = replace(FAR6, table=254, protocol=3)
    assert lines(None, SIX, answer=main)["table"].expected == "the main table"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"steering": None, "digest": None}, "no chains LB-* in the table mangle of iptables"),
        ({"steering": {1: None}}, "all is not in the chains LB-A* of iptables"),
    ],
)
def test_another_firewall_is_called_by_its_name(change: dict[str, Any], said: str) -> None:
    """Nobody is sent to look for a table of nftables that is not meant to be there."""
    chains = replace(expected(), config=CONFIG.model_copy(update={"firewall": Firewall.IPTABLES}))
    found = judge(chains, FLOW, seen(**change)).differing
    assert said in {line.kernel for line in found}
    assert not any("app2vid" in line.why or "nftables" in line.why for line in found)
