"""The list of faults that are rehearsed."""

from typing import cast

from linkbalancer.daemon.birth import offices
from linkbalancer.lab.directory import read_directory
from linkbalancer.lab.doubles import both
from linkbalancer.lab.faults import Bounds, Fault
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.repertoire import all_faults, double_faults
from linkbalancer.lab.status import Damage
from tests.lab.example import CAMPUS, EIGHT, EXAMPLE, THREE

FAULTS = all_faults(read_directory(EXAMPLE).topology, ("web", "voip"))
MANY = all_faults(read_directory(THREE).topology, ("web", "voip"))


def test_every_kind_of_fault_is_rehearsed() -> None:
    """Both sides, both directions, every gateway's service, and all that a stranger can remove."""
    assert [fault.name for fault in FAULTS] == [
        "cut l1",
        "cut l2",
        "silent l1",
        "one-end l1 at b1",
        "one-end l1 at f1",
        "oneway l1 out",
        "oneway l1 back",
        "loss l1 20%",
        "loss l1 20% out",
        "slow l1 20% over",
        "slow l1 100% over, shaped",
        "flap l1",
        "lan b1 carrier",
        "lan f1 carrier",
        "lan b1 silent",
        "lan f1 silent",
        "split near hosts with b1",
        "split far hosts with f1",
        "neighbour near-host at b2",
        "neighbour far-host at f2",
        "node b1",
        "node f1",
        "restart b1",
        "restart b2",
        "restart f1",
        "restart f2",
        "upgrade b1",
        "leave b1",
        "upgrade f1",
        "leave f1",
        "kill b1 agent",
        "kill b1 app:web",
        "kill b1 zygote",
        "kill b1 api",
        "kill b1 supervisor",
        "kill b1 agent loaded",
        "kill b1 supervisor loaded",
        "upgrade b1 loaded",
        "killall b1",
        "restart b1 and f1",
        "killall b1 and f1",
        "drain b1 link",
        "drain b1 vid",
        "drain b1 node",
        "drain f1 link",
        "drain f1 vid",
        "drain f1 node",
        "blackout all links",
        "comeback l2",
        "stranger b1 ruleset",
        "stranger b1 rule",
        "stranger b1 address",
    ]


def test_three_links_have_what_two_cannot_have() -> None:
    """Two faults at once, plugs changed over, a third gateway to be mistaken for another, a wire between routers."""
    names = {fault.name for fault in MANY} - {fault.name for fault in FAULTS}

    assert sorted(names) == [
        "comeback l3",
        "cut l3",
        "double cut l1 + cut l2",
        "double cut l1 + kill b2 agent",
        "double cut l1 + node b2",
        "double cut l1 + restart f2",
        "double lan b1 silent + lan f2 silent",
        "double node b1 + node f2",
        "double silent l1 + lan b2 carrier",
        "double silent l1 + silent l2",
        "lone l3",
        "loss l3 20%",
        "loss l3 20% out",
        "neighbour b1 at b3",
        "neighbour far-host at f3",
        "neighbour near-host at b3",
        "restart b3",
        "restart f3",
        "silent l3",
        "silent l3 beyond r1",
        "split far hosts with f3",
        "split near hosts with b3",
        "swap b1 and b2",
    ]


def test_many_gateways_make_few_more_faults() -> None:
    """Each link is cut; what is the same at every gateway is done at the ends of two links."""
    faults = all_faults(read_directory(EIGHT).topology, ("voip",))

    assert [fault.target for fault in faults if fault.kind == "cut"] == [f"l{number}" for number in range(1, 9)]
    assert [fault.target for fault in faults if fault.kind == "restart"] == ["b1", "b8", "f1", "f8", "b1 and f1"]
    assert len(faults) < 75


def test_every_name_is_its_faults_alone() -> None:
    """By its name a fault is chosen, and found again in the report."""
    for faults in (MANY, double_faults(read_directory(THREE).topology)):
        assert len({fault.name for fault in faults}) == len(faults)


def test_every_pair_is_of_two_links() -> None:
    """Eight faults of each link or one of its gateways; what both break is broken."""
    pairs = double_faults(read_directory(THREE).topology)

    assert len(pairs) == 3 * 8 * 8
    assert all(len(fault.damage.links) == 2 for fault in pairs)
    found = {fault.target: fault for fault in pairs}["node b1 + silent l3"]
    assert found.damage == Damage(frozenset({"l1", "l3"}), frozenset({"b1"}))
    assert found.bounds.outage_ms == 3000


def test_a_double_fault_strikes_and_heals_both() -> None:
    """In order, in one breath."""
    done: list[str] = []

    def fault(name: str) -> Fault:
        return Fault(
            kind="cut",
            target=name,
            strike=lambda _lab: done.append(f"cut {name}"),
            heal=lambda _lab: done.append(f"mend {name}"),
        )

    double = both(fault("l1"), fault("l2"))
    lab = cast("Lab", None)
    double.strike(lab)
    double.heal(lab)

    assert (double.name, double.bounds.outage_ms) == ("double cut l1 + cut l2", 1000)
    assert done == ["cut l1", "cut l2", "mend l1", "mend l2"]


def test_what_is_on_the_hosts_side_of_a_split_is_judged() -> None:
    """By what is at that gateway's link; where the hosts' own gateway is not, another takes its place first."""
    found = {fault.name: fault.bounds for fault in MANY}

    assert found["split near hosts with b1"] == Bounds(outage_ms=50, healing_ms=1500, spared=frozenset({1}))
    assert found["split far hosts with f3"] == Bounds(outage_ms=1500, healing_ms=1500, spared=frozenset({3}))


def test_damage_is_what_the_fault_breaks() -> None:
    """A gateway takes its link along; a process breaks nothing; only a dead gateway cannot be asked."""
    damage = {fault.name: fault.damage for fault in FAULTS}

    assert damage["lan b1 silent"].links == {"l1"}
    assert damage["node f1"].gateways == {"f1"}
    assert damage["lan b1 silent"].gateways == frozenset()
    assert damage["kill b1 agent"].links == frozenset()
    assert damage["drain b1 link"].links == damage["drain f1 node"].links == {"l1"}
    assert damage["drain f1 vid"].drained == {(1, "l1")}
    assert damage["blackout all links"].links == {"l1", "l2"}
    many = {fault.name: fault.damage for fault in MANY}
    assert many["swap b1 and b2"].links == many["lone l3"].links == {"l1", "l2"}
    assert many["silent l3 beyond r1"].links == {"l3"}
    assert many["loss l1 20%"].links == many["slow l1 20% over"].links == frozenset()


def test_where_processes_share_applications_the_one_that_has_the_first_is_killed() -> None:
    """Of two hundred applications in two processes; there is none by the application's own name."""
    directory = read_directory(CAMPUS)
    named = [fault.name for fault in all_faults(directory.topology, tuple(directory.rules.applications))]
    assert [name for name in named if name.startswith("kill b1 app")] == ["kill b1 apps:2"]
    assert "web" in offices(directory.loaded("b1"))["apps:2"].applications
