"""The list of faults that are rehearsed."""

from linkbalancer.lab.directory import read_directory
from linkbalancer.lab.repertoire import all_faults
from tests.lab.example import EXAMPLE

FAULTS = all_faults(read_directory(EXAMPLE).topology, ("web", "voip"))


def test_every_kind_of_fault_is_rehearsed() -> None:
    """Both sides, both directions, every gateway's service, and all that a stranger can remove."""
    assert [fault.name for fault in FAULTS] == [
        "cut l1",
        "cut l2",
        "silent l1",
        "oneway l1 out",
        "oneway l1 back",
        "lan b1 carrier",
        "lan f1 carrier",
        "lan b1 silent",
        "lan f1 silent",
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
