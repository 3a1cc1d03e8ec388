"""Static groups: a plain gateway that is probed, and where the tables of its VID point."""

from ipaddress import IPv4Address
from random import Random

from linkbalancer.config.load import load
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.effects import Effect, Publish, Record, Retired, SetNextHop
from linkbalancer.engine.events import AdvertReceived, DeviceChanged, Leave, Retire, Started
from linkbalancer.engine.found import Found
from linkbalancer.engine.tracking import Checked
from linkbalancer.health.report import Report, Reports
from linkbalancer.links import GroupId, NextHop, Unreachable, ViaLink
from linkbalancer.vrrp.ip import MULTICAST, wrap
from linkbalancer.vrrp.packet import Advertisement, ChecksumForm, encode
from tests.engine.bench import B2, MS, Bench, of_type

CONFIG = """\
node: gw
role: standalone
lans: {eth0: {}}
groups:
  1: {mode: static, device: eth1, gateway: 203.0.113.1}
  2: {mode: static, device: eth2, gateway: 192.0.2.1}
applications: apps.conf
"""
ONE = ViaLink("eth1", IPv4Address("203.0.113.1"))
TWO = ViaLink("eth2", IPv4Address("192.0.2.1"))


class Providers(Bench):
    """A gateway with two providers."""

    def __init__(self, found: Found | None = None, now: int = 10**12) -> None:
        self.now = now
        config = load("a.yaml", {"a.yaml": CONFIG, "apps.conf": "App=* * * * * * [1 2] name=all\n"}.__getitem__)
        self.agent = Agent(config, {}, Random(1), {"all": 2}, session=1, boot=now, found=found)

    def begin(self) -> list[Effect]:
        """Give every device carrier, and start."""
        devices = [effect for name in ("eth0", "eth1", "eth2") for effect in self.device(name)]
        return [*devices, *self.do(Started())]

    def device(self, name: str, *, up: bool = True) -> list[Effect]:
        """Let a device have carrier, or lose it."""
        return self.do(DeviceChanged(name, up, IPv4Address("198.51.100.7")))

    def answers(self, **gateways: bool | None) -> list[Effect]:
        """Hear from the checker which gateways answer: `one`, `two`."""
        numbers = {"one": "1", "two": "2"}
        reports = {numbers[name]: Report("gateway", ok, self.now, "so") for name, ok in gateways.items()}
        return self.do(Checked(Reports(gateways=reports)))

    def works(self) -> list[bool]:
        """Return which VIDs work."""
        return [self.group(vid)["works"] for vid in (1, 2)]


def test_a_vid_works_while_its_gateway_answers() -> None:
    """Its table leads there; the second table does so always, for the probes."""
    bench = Providers()
    assert of_type(bench.begin(), SetNextHop) == [SetNextHop(1, ONE, guard=True), SetNextHop(2, TWO, guard=True)]
    assert bench.works() == [False, False]
    assert bench.group(1)["why"] == "its gateway has not answered yet"
    effects = bench.answers(one=True, two=True)
    assert of_type(effects, SetNextHop) == [SetNextHop(1, ONE), SetNextHop(2, TWO)]
    assert [entry.works for entry in of_type(effects, Publish)[-1].table.vids] == [True, True]
    assert bench.works() == [True, True]
    group = bench.group(1)
    assert (group["state"], group["next_hop"], group["why"]) == (
        "static",
        "203.0.113.1 over eth1",
        "its gateway 203.0.113.1 answers",
    )
    assert group["gateway"]["answers"] is True


def test_one_that_dies_is_left_at_once_and_its_table_a_little_later() -> None:
    """The applications go first: packets on the old way are no worse off than with none."""
    bench = Providers()
    bench.begin()
    bench.answers(one=True, two=True)
    effects = bench.answers(one=False)
    assert [entry.works for entry in of_type(effects, Publish)[-1].table.vids] == [False, True]
    assert of_type(effects, SetNextHop) == []
    assert of_type(bench.wait(999), SetNextHop) == []
    assert of_type(bench.wait(1), SetNextHop) == [SetNextHop(1, Unreachable())]
    effects = bench.answers(one=True)
    assert of_type(effects, SetNextHop) == [SetNextHop(1, ONE)]
    assert bench.group(1)["transitions"] == 3


def test_what_is_not_known_changes_nothing() -> None:
    """A checker that has gone, or begins anew."""
    bench = Providers()
    bench.begin()
    bench.answers(one=True, two=False)
    assert bench.answers(one=None, two=None) == []
    bench.wait(5000)
    assert bench.works() == [True, False]


def test_a_lost_carrier_needs_no_probe() -> None:
    """And when it is back, what was believed of the gateway counts again."""
    bench = Providers()
    bench.begin()
    bench.answers(one=True, two=True)
    records = of_type(bench.device("eth1", up=False), Record)
    assert bench.works() == [False, True]
    assert bench.group(1)["why"] == "eth1 has no carrier"
    kinds = {one.kind: one for one in records}
    assert kinds["verdict"].cause == kinds["device"].number
    bench.device("eth1")
    assert bench.works() == [True, True]


def test_a_verdict_follows_from_its_gateways_answers() -> None:
    """In the history."""
    bench = Providers()
    bench.begin()
    records = {one.kind: one for one in of_type(bench.answers(one=True), Record)}
    assert records["gateway"].text == "its gateway answers: so"
    assert records["verdict"].cause == records["gateway"].number


def test_a_successor_goes_on_from_what_was_believed() -> None:
    """Nothing is steered anew, and nothing is dead for want of a first answer."""
    bench = Providers()
    bench.begin()
    bench.answers(one=True, two=False)
    bench.wait(2000)
    left = bench.agent.snapshot(bench.now)
    hops: dict[int, NextHop] = {1: ONE, 2: Unreachable()}
    heir = Providers(Found(snapshot=left, next_hops=hops), now=bench.now + 50 * MS)
    effects = heir.begin()
    assert [one for one in of_type(effects, SetNextHop) if not one.guard] == []
    assert heir.works() == [True, False]
    assert heir.agent.believed() == bench.agent.believed()


def test_adverts_of_strangers_are_no_answers() -> None:
    """A provider may run VRRP on its side, with any VRID."""
    bench = Providers()
    bench.begin()
    source = IPv4Address("203.0.113.5")
    said = Advertisement(1, 100, 200 * MS, (IPv4Address("203.0.113.9"),))
    packet = wrap(source, MULTICAST, encode(said, source, MULTICAST, ChecksumForm.RFC9568))
    bench.do(AdvertReceived("eth1", packet, B2))
    assert bench.works() == [False, False]
    assert bench.group(1)["master"] is None


def test_one_that_is_removed_from_the_configuration_is_given_up() -> None:
    """Nobody takes it over, so nobody is waited for but its applications."""
    bench = Providers()
    bench.begin()
    bench.answers(one=True, two=True)
    effects = bench.do(Retire(frozenset({GroupId(2)}), frozenset()))
    assert [entry.works for entry in of_type(effects, Publish)[-1].table.vids] == [True, False]
    assert of_type(bench.wait(2000), Retired)


def test_a_leaving_gateway_leaves_the_tables_as_they_are() -> None:
    """Fail static: packets flow on."""
    bench = Providers()
    bench.begin()
    bench.answers(one=True, two=True)
    assert of_type(bench.do(Leave()), SetNextHop) == []
