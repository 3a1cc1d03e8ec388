"""Chains on a real kernel: loaded at once, told by names, moved in place, and gone when another driver takes over."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from linkbalancer.drivers import firewall
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.firewall import displace, driver, install
from linkbalancer.drivers.iptables import load, render
from linkbalancer.drivers.iptables.aims import AimWriter, MemberWriter
from linkbalancer.drivers.iptables.committing import commit, locked
from linkbalancer.drivers.iptables.rule import Rule
from linkbalancer.drivers.iptables.table import Mangle, families
from linkbalancer.links import Firewall
from linkbalancer.routing.balance import Aim, Pool
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.dispatch import FAMILIES
from linkbalancer.routing.sticky import Sticky
from tests.drivers.conftest import Gateway
from tests.drivers.nftables.rules import IDS, LAYOUT, SAMPLE

pytestmark = pytest.mark.lab

CHAINS = replace(LAYOUT, firewall=Firewall.IPTABLES)
MARKS = LAYOUT.marks


def saved(gateway: Gateway) -> list[str]:
    """Return our chains' rules of both families."""
    text = gateway.here("iptables-legacy -t mangle -S") + gateway.here("ip6tables-legacy -t mangle -S")
    return [line for line in text.splitlines() if "LB-" in line]


@pytest.fixture
def made(gateway: Gateway) -> Gateway:
    """Return a gateway with the sample loaded."""
    assert driver(Firewall.IPTABLES).prepare(CHAINS, gateway.netfilter)
    AimWriter(MARKS).steer({one: Aim(1) for one in IDS.values()})
    assert install(CHAINS, SAMPLE, IDS, gateway.netfilter)
    return gateway


def test_what_is_loaded_is_what_was_rendered(made: Gateway) -> None:
    """In both families, as iptables itself lists it; and nothing is to be done again."""
    assert families() == FAMILIES
    for family in FAMILIES:
        wanted = {name: len(rules) for name, rules in render.generation(CHAINS, SAMPLE, IDS, 1, family).items()}
        wanted |= {f"LB-A{one}": 2 for one in (1, *IDS.values())} | {render.MEMBERS: 0}
        found = Mangle(family).read()
        assert {name: len(rules) for name, rules in found.chains.items()} == wanted
        assert found.hooked == tuple(render.HOOKS.items())
    assert "-A LB-NEW -s 192.0.2.0/24 -p tcp -m multiport --dports 443 -g LB-A2" in saved(made)
    assert load.digest() == SAMPLE.digest[:12]
    assert load.era(made.netfilter) == 1
    assert load.loaded(CHAINS, SAMPLE, IDS, made.netfilter)
    assert not load.is_staged(CHAINS, SAMPLE, IDS, made.netfilter)
    before = saved(made)
    load.stage(CHAINS, SAMPLE, IDS, made.netfilter)
    assert not load.install(CHAINS, SAMPLE, IDS, made.netfilter)
    assert not load.prepare(CHAINS, made.netfilter)
    assert saved(made) == before


def test_a_move_changes_one_rule_of_a_family(made: Gateway) -> None:
    """What was counted goes on, what strangers have stays, and another generation is told."""
    made.here("iptables-legacy -t mangle -A INPUT -s 198.51.100.7 -j ACCEPT")
    writer, before, was = AimWriter(MARKS), saved(made), load.generation(made.netfilter)
    assert load.generation(made.netfilter) == was
    assert writer.steer({2: Aim(2), 3: Aim(1)}, {})
    changed = [line for line in saved(made) if line not in before]
    assert changed == ["-A LB-A2 -j MARK --set-xmark 0x20000/0xff0000"] * 2
    assert not writer.steer({2: Aim(2), 3: Aim(1)})
    assert load.generation(made.netfilter) != was
    assert writer.read() == {1: None, 2: Aim(2), 3: Aim(1), 4: Aim(1), 5: Aim(1)}
    assert writer.read_some([2, 77]) == {2: Aim(2)}
    assert writer.steer({2: None})
    assert writer.read()[2] is None
    assert "-A INPUT -s 198.51.100.7/32 -j ACCEPT" in made.here("iptables-legacy -t mangle -S INPUT")
    writer.close()


def test_counters_go_on_when_an_application_moves(made: Gateway) -> None:
    """The kernel begins a new table at nothing; what was counted before is added again."""
    made.here("iptables-legacy -t mangle -A POSTROUTING -c 70 8000 -p 99 -j RETURN")
    assert AimWriter(MARKS).steer({2: Aim(2)})
    assert "[70:8000] -A POSTROUTING" in made.here("iptables-legacy-save -c -t mangle")


def test_an_application_without_a_chain_gets_one(gateway: Gateway) -> None:
    """So that it can be steered before its rules are loaded; without any, the table is said not to be there."""
    writer = AimWriter(MARKS, gateway.netfilter)
    with pytest.raises(DriverError) as caught:
        writer.read()
    assert caught.value.errno == errno.ENOENT
    assert writer.steer({7: Aim(2), 8: None})
    assert writer.read() == {7: Aim(2), 8: None}
    with pytest.raises(DriverError, match="LB-A99"):
        Mangle(4).write({99: 1})


def test_a_balanced_step_is_refused(made: Gateway) -> None:
    """`check` has said so before; nothing has changed."""
    before = saved(made)
    with pytest.raises(DriverError, match="by iptables"):
        AimWriter(MARKS).steer({2: Aim(Pool((), Sticky.FLOW))})
    assert saved(made) == before


def test_other_rules_begin_another_era_and_applications_stay(made: Gateway) -> None:
    """Applications that are gone have no chain any more; one whose VID is gone goes home."""
    AimWriter(MARKS).steer({3: Aim(2)})
    rules = [rule for rule in SAMPLE.rules if rule.application in {"web", "voice"}]
    ids = {"web": 2, "voice": 3}
    assert load.install(CHAINS, Classifier(rules), ids, made.netfilter)
    assert load.era(made.netfilter) == 2
    assert AimWriter(MARKS).read() == {1: None, 2: Aim(1), 3: Aim(2)}
    assert not any("LB-A4" in line or "LB-L4" in line for line in saved(made))
    one = replace(CHAINS, vids=(1,))
    assert load.prepare(one, made.netfilter, {3: Aim(1)})
    assert AimWriter(MARKS).read()[3] == Aim(1)


def test_all_is_made_anew_in_the_same_era(made: Gateway) -> None:
    """Whatever a stranger did, with applications where they are, and members that are known."""
    MemberWriter(MARKS).write("lan0", frozenset({b"\x02\0\0\0\0\x09"}))
    AimWriter(MARKS).steer({2: Aim(2)})
    before = saved(made)
    made.here("iptables-legacy -t mangle -F LB-NEW", "ip6tables-legacy -t mangle -D OUTPUT -j LB-OUTPUT")
    assert saved(made) != before
    load.anew(CHAINS, SAMPLE, IDS, {}, {})
    assert sorted(saved(made)) == sorted(before)
    made.here("iptables-legacy -t mangle -F", "iptables-legacy -t mangle -X")
    load.anew(CHAINS, SAMPLE, IDS, {2: Aim(2), **{one: Aim(1) for one in (3, 4, 5)}}, MemberWriter(MARKS).read(), era=1)
    MemberWriter(MARKS).write("lan0", frozenset({b"\x02\0\0\0\0\x09"}))
    assert sorted(saved(made)) == sorted(before)


def test_members_are_written_by_device(made: Gateway) -> None:
    """Others' stay; the same again changes nothing."""
    one, other = b"\x02\0\0\0\0\x09", b"\x02\0\0\0\0\x0a"
    writer = MemberWriter(MARKS)
    assert writer.write("lan0", frozenset({one, other}))
    assert writer.write("lan1", frozenset({one}))
    assert not writer.write("lan1", frozenset({one}))
    assert writer.write("lan0", frozenset({other}))
    assert writer.read() == {"lan0": {other}, "lan1": {one}}
    assert sum("--mac-source 02:00:00:00:00:0a" in line.lower() for line in saved(made)) == 2


def test_a_refused_change_changes_nothing(made: Gateway) -> None:
    """A rule that iptables does not know leaves the table as it is, and says so."""
    before = saved(made)
    with locked(), pytest.raises(DriverError, match="iptables"):
        commit(4, {"LB-NEW": (Rule(target="NOSUCHTARGET"),)})
    with locked(), pytest.raises(DriverError, match="iptables"):
        commit(4, {"LB-NEW": (Rule("LB-A1", matches=(("nosuchmatch", ()),)),)})
    assert saved(made) == before


def test_whoever_changes_the_table_waits_for_the_lock(made: Gateway) -> None:
    """One process at a time: a second one has its turn when the first has left."""
    reading, writing = os.pipe()
    with locked():
        pid = os.fork()
        if pid == 0:
            AimWriter(MARKS).steer({2: Aim(2)})
            os.write(writing, b"x")
            os._exit(0)
        os.set_blocking(reading, False)
        with pytest.raises(BlockingIOError):
            os.read(reading, 1)
        assert Mangle(4).read().marks[2][0] == MARKS.packet_mark(1)
    os.waitpid(pid, 0)
    assert os.read(reading, 1) == b"x"
    assert AimWriter(MARKS).read()[2] == Aim(2)
    assert driver(Firewall.IPTABLES).standing(MARKS, made.netfilter) == frozenset()


def test_what_the_other_driver_left_is_removed(made: Gateway) -> None:
    """Each by the other, once its own is in use; strangers' rules stay."""
    made.here("iptables-legacy -t mangle -A PREROUTING -p 99 -j RETURN")
    nft = driver(Firewall.NFTABLES)
    nft.prepare(LAYOUT, made.netfilter)
    assert install(LAYOUT, SAMPLE, IDS, made.netfilter)
    assert saved(made) == []
    assert "-p 99" in made.here("iptables-legacy -t mangle -S PREROUTING")
    assert displace(Firewall.NFTABLES, made.netfilter) is None
    load.prepare(CHAINS, made.netfilter)
    assert install(CHAINS, SAMPLE, IDS, made.netfilter)
    assert "linkbalancer" not in made.here("nft list tables")
    assert displace(Firewall.IPTABLES, made.netfilter) is None


def test_who_is_not_root_looks_into_the_table(made: Gateway, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """He may not read which tables are in use: what is ours is removed all the same, and none of it is no fault."""
    monkeypatch.setattr(firewall, "LEGACY", tmp_path)  # a folder: there, and not to be read
    assert saved(made) != []
    assert displace(Firewall.NFTABLES, made.netfilter) == "our chains of iptables"
    assert saved(made) == []
    assert displace(Firewall.NFTABLES, made.netfilter) is None
