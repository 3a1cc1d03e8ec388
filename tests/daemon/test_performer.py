"""The agent's hands on a real kernel: the way of own traffic, and what a successor keeps."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from linkbalancer.config.load import Loaded
from linkbalancer.daemon import tablecare
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.performer import Performer
from linkbalancer.drivers import neighbours, routes
from linkbalancer.drivers.netlink.transport import ROUTE, NetlinkSocket
from linkbalancer.engine.effects import SetMembers, SetNextHop
from linkbalancer.links import Address, Unreachable, ViaLink, ViaMaster
from linkbalancer.routing.classifier import compile_rules
from tests.config.texts import changed, loaded
from tests.daemon.waiting import until
from tests.namespaces import Namespace

OWN_TABLE = 20000
PEER, VIP, SOURCE = IPv4Address("10.1.0.2"), IPv4Address("192.168.1.252"), IPv4Address("192.168.1.1")
BY_LINK = ViaLink("eth1", PEER, SOURCE)
BY_MASTER = ViaMaster("eth0", VIP, b"\x02\0\0\0\0\x07", SOURCE)


OTHER_RULES = "App=192.168.1.0/24 * * * * * [1] name=web\nApp=* * * * * * [2] name=rest\n"


class Hands:
    """A performer in the present namespace, and what it said."""

    def __init__(self, good: Loaded | None = None) -> None:
        """Prepare the kernel and adopt what is there."""
        good = good or loaded()
        self.complaints: list[str] = []
        self.put_back: list[str] = []
        self.loop = Loop()
        self.loads: list[str | None] = []
        self.performer = Performer(
            self.loop,
            good,
            compile_rules(good.rules),
            {"web": 2, "rest": 3},
            {},
            complain=lambda what, why: self.complaints.append(f"{what}: {why}"),
            put_back=lambda kind, what: self.put_back.append(f"{kind}: {what}"),
            load_over=self.loads.append,
        )
        self.performer.prepare()
        self.found = self.performer.found()
        self._netlink = NetlinkSocket(ROUTE)

    def close(self) -> None:
        """Close the sockets."""
        self.performer.close()
        self._netlink.close()
        self.loop.forget()

    def turn_until_loaded(self) -> str | None:
        """Turn the loop until a load is over; return what is said of it."""
        while not self.loads:
            self.loop.turn()
        return self.loads.pop()

    def table(self, table: int) -> tuple[str, Address, Address | None] | None:
        """Return device, gateway and source of a table's default route; None: it has but `unreachable`."""
        assert table in routes.floored(self._netlink)
        return next((route[1:4] for route in routes.read(self._netlink) if route.table == table), None)

    def pins(self) -> set[Address]:
        """Return what is pinned on the LAN."""
        return set(neighbours.pinned(self._netlink, "eth0"))


@pytest.fixture
def here() -> Iterator[Namespace]:
    """Yield a gateway's namespace, entered: eth0 is the LAN, eth1 the link."""
    with ExitStack() as stack:
        inside, outside = stack.enter_context(Namespace("here")), stack.enter_context(Namespace("outside"))
        for device, address in (("eth0", "192.168.1.1/24"), ("eth1", "10.1.0.1/30")):
            inside.connect(device, outside, device)
            inside(f"ip addr add {address} dev {device}")
        stack.enter_context(inside.entered())
        yield inside


@pytest.mark.lab
def test_own_traffic_follows_the_lowest_vid_that_has_a_way(here: Namespace) -> None:
    """Its table moves with the VIDs, is never one that answers `unreachable` while another works, and keeps pins."""
    assert "iif lo lookup 20000" not in here("ip rule")
    with closing(Hands()) as hands:
        assert "iif lo lookup 20000" in here("ip rule")
        by_link, by_master = ("eth1", PEER, SOURCE), ("eth0", VIP, SOURCE)
        assert hands.table(OWN_TABLE) is None
        for vid, hop, own in (
            (2, BY_MASTER, by_master),
            (1, BY_LINK, by_link),
            (1, Unreachable(), by_master),
            (1, BY_LINK, by_link),
            (2, Unreachable(), by_link),
        ):
            hands.performer.perform(SetNextHop(vid, hop))
            assert hands.table(OWN_TABLE) == own
            assert hands.pins() == ({VIP} if hop == BY_MASTER or vid == 1 else set())
        hands.performer.perform(SetNextHop(2, BY_LINK, guard=True))
        hands.performer.perform(SetNextHop(1, Unreachable()))
        assert hands.table(OWN_TABLE) is None
        assert hands.complaints == []


@pytest.mark.lab
def test_what_a_successor_adopts_is_wanted_too(here: Namespace) -> None:
    """Next hops that it found and never set itself come back when others remove them, own traffic's with them."""
    with closing(Hands()) as hands:
        hands.performer.perform(SetNextHop(1, BY_LINK))
    with closing(Hands()) as successor:
        assert successor.found.next_hops == {1: BY_LINK, 2: Unreachable()}
        assert successor.table(OWN_TABLE) == ("eth1", PEER, SOURCE)
        here("ip route flush table 20000", "ip route flush table 20001", "ip rule del priority 32768")
        successor.performer.reconcile()
        assert successor.table(OWN_TABLE) == successor.table(20001) == ("eth1", PEER, SOURCE)
        assert "iif lo lookup 20000" in here("ip rule")
        assert successor.put_back == [
            "route: the unreachable default of table 20000",
            "route: the unreachable default of table 20001",
            "rule: the routing rule of priority 32768",
            "route: next hop of VID 1: 10.1.0.2 over eth1",
            "route: next hop of own traffic: 10.1.0.2 over eth1",
        ]


@pytest.mark.lab
def test_a_refusal_says_whose_way_it_is(here: Namespace) -> None:
    """A next hop by a device that is down is refused for the VID and for own traffic, and mended when it is up."""
    with closing(Hands()) as hands:
        here("ip link set eth1 down")
        hands.performer.perform(SetNextHop(1, BY_LINK))
        assert [complaint.partition(":")[0] for complaint in hands.complaints] == [
            "next hop of VID 1",
            "next hop of own traffic",
        ]
        assert "point table 20000 of own traffic" in hands.complaints[1]
        here("ip link set eth1 up")
        hands.performer.reconcile()
        assert hands.table(OWN_TABLE) == ("eth1", PEER, SOURCE)


class Program:
    """An `nft` in front of the real one: it waits until it may go on, or refuses."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand in for it from now on; who is not let go on within ten seconds fails."""
        self.called, self.go = directory / "called", directory / "go"
        self._path, self.real = directory / "nft", shutil.which("nft")
        self.write(
            f'touch {self.called}; for _ in $(seq 1000); do [ -e {self.go} ] && exec {self.real} "$@"; sleep 0.01; done'
        )
        monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")

    def write(self, script: str) -> None:
        """Do this instead, and fail."""
        self._path.write_text(f"#!/bin/sh\n{script}\nexit 1\n")
        self._path.chmod(0o755)


@pytest.mark.lab
def test_what_was_refused_is_tried_again_however_short_the_comparison(here: Namespace) -> None:
    """A route of a device that is down, and members that no set can hold: nftables does not change by a refusal."""
    with closing(Hands()) as hands:
        assert hands.performer.reconcile()
        here("ip link set eth1 down")
        hands.performer.perform(SetNextHop(1, BY_LINK))
        assert len(hands.complaints) == 2  # the VID's, and that of own traffic
        here("ip link set eth1 up")
        hands.performer.reconcile(thorough=False)
        assert hands.table(20001) == ("eth1", PEER, SOURCE)
        hands.performer.reconcile()
        assert hands.performer.reconcile(thorough=False)
        too_long = SetMembers("a-device-name-of-24-chars", frozenset({BY_MASTER.mac}))
        hands.performer.perform(too_long)
        assert not hands.performer.reconcile(thorough=False), "it is refused again"


@pytest.mark.lab
def test_a_classifier_that_was_removed_is_loaded_while_the_agent_works(
    here: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reconciling returns, with routes mended, while nft is still at work; then table, map and members are back."""
    monkeypatch.setattr(tablecare, "LARGE", -1)
    with closing(Hands()) as hands:
        hands.performer.perform(SetNextHop(1, BY_LINK))
        hands.performer.perform(SetMembers("eth0", frozenset({BY_MASTER.mac})))
        before = here("nft list ruleset")
        program = Program(tmp_path, monkeypatch)
        here(f"{program.real} flush ruleset", "ip route flush table 20001")
        for _ in range(2):
            assert not hands.performer.reconcile(), "something is missing"
        assert hands.performer.loading
        assert hands.table(20001) == ("eth1", PEER, SOURCE)
        assert hands.put_back == [
            "route: the unreachable default of table 20001",
            "route: next hop of VID 1: 10.1.0.2 over eth1",
        ]
        program.go.touch()
        assert (hands.turn_until_loaded() or "").startswith("loaded the classifier ")
        assert not hands.performer.loading
        assert hands.performer.reconcile()
        assert not hands.performer.loading
        assert here("nft list ruleset") == before
        assert hands.complaints == []


@pytest.mark.lab
def test_a_load_that_fails_is_said_in_nfts_words(
    here: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again at the next turn."""
    with closing(Hands()) as hands:
        program = Program(tmp_path, monkeypatch)
        program.write("echo 'Error: out of luck' >&2")
        here(f"{program.real} flush ruleset")
        for _ in range(2):
            hands.performer.reconcile()
            assert hands.turn_until_loaded() is None
        assert hands.complaints == ["load the classifier: load the nftables table: Error: out of luck"] * 2
        assert hands.put_back == []


@pytest.mark.lab
def test_only_the_first_classifier_is_waited_for(
    here: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A successor with other rules works at once: the old ones steer until the new ones are loaded."""
    with closing(Hands()) as hands:
        assert not hands.performer.loading
    program = Program(tmp_path, monkeypatch)
    with closing(Hands(loaded(rules=OTHER_RULES))) as successor:
        assert successor.performer.loading
        until(program.called.exists)
        assert "192.168.1.0/24" not in here(f"{program.real} list ruleset")
        program.go.touch()
        assert (successor.turn_until_loaded() or "").startswith("loaded the classifier ")
        assert "192.168.1.0/24" in here("nft list ruleset")
        successor.performer.reconcile()
        assert not successor.performer.loading
        assert (successor.complaints, successor.put_back) == ([], [])


@pytest.mark.lab
def test_closing_gives_up_what_is_being_loaded(
    here: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent that makes room leaves no process behind that would load its rules over its successor's."""
    with closing(Hands()):
        pass
    before = here("nft list ruleset")
    program = Program(tmp_path, monkeypatch)
    with closing(Hands(loaded(rules=OTHER_RULES))):
        until(program.called.exists)
    program.go.touch()
    assert Path(f"/proc/self/task/{os.getpid()}/children").read_text() == ""
    assert here("nft list ruleset") == before


STEERED = changed(("peer: 10.1.0.2", "peer: 10.1.0.2, peer6: fe80::2"))


@pytest.mark.lab
def test_a_successor_that_steers_ipv6_leads_it_somewhere_at_once(here: Namespace) -> None:
    """By the next hops of IPv4 that it found: nothing of it was missing, and later it is put back as anything else."""
    with closing(Hands()) as hands:
        hands.performer.perform(SetNextHop(1, BY_LINK))
        hands.performer.perform(SetNextHop(2, BY_MASTER))
    with closing(Hands(loaded(STEERED))) as successor:
        for table, way in ((20000, "fe80::2"), (20001, "fe80::2"), (20002, "fe80::ff:fe00:7")):
            assert f"via {way} dev eth" in here(f"ip -6 route show default table {table}")
        assert "02:00:00:00:00:07" in here("ip -6 neigh show nud permanent")
        successor.performer.reconcile()
        assert (successor.put_back, successor.complaints) == ([], [])
        here("ip -6 route flush table 20002", "ip -6 rule del priority 22")
        successor.performer.reconcile()
        assert successor.put_back == [
            "route: the IPv6 unreachable default of table 20002",
            "rule: the IPv6 routing rule of priority 22",
            "route: IPv6 next hop of VID 2: fe80::ff:fe00:7 at 02:00:00:00:00:07 on eth0",
        ]


@pytest.mark.lab
def test_beside_a_predecessor_ipv6_has_ways_before_it_has_rules(here: Namespace) -> None:
    """Loading may take seconds, in which what its rules led to was nothing."""
    with closing(Hands()) as hands:
        hands.performer.perform(SetNextHop(1, BY_LINK))
        good = loaded(STEERED)
        successor = Performer(
            Loop(),
            good,
            compile_rules(good.rules),
            {"web": 2, "rest": 3},
            {},
            complain=lambda what, why: pytest.fail(f"{what}: {why}"),
            put_back=lambda _kind, what: pytest.fail(what),
            load_over=lambda _line: None,
        )
        with closing(successor):
            successor.extend(hands.performer.in_words(), lambda _why: None)
            assert "via fe80::2 dev eth1" in here("ip -6 route show default table 20001")
            assert "fwmark 0x10000/0x1ff0000 lookup 20001" in here("ip -6 rule")
