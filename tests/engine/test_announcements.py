"""When a Master tells its LAN where the virtual IPs are."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.engine.announcements import MERGE, Announcements
from linkbalancer.engine.effects import Announce
from linkbalancer.links import Address
from linkbalancer.vrrp.group import Announcing, Group

START: Instant = 1000 * SECOND
NEVER = Announcing(times=1, again_after=0, refresh=0)


def group(vid: int = 1, addresses: int = 1, *, device: str = "eth0", announcing: Announcing = NEVER) -> Group:
    """Return a group with some addresses."""
    return Group(
        vid=vid,
        device=device,
        virtual_ips=tuple(IPv4Interface(f"192.0.{vid}.{last}/24") for last in range(1, addresses + 1)),
        priority=100,
        advert_interval=SECOND,
        announcing=announcing,
    )


def run(machine: Announcements, since: Instant, duration: Duration) -> list[tuple[Duration, Announce]]:
    """Let time pass, with a `send` at every deadline; return what was announced, by the time since the start."""
    said = [(since - START, one) for one in machine.send(since)]
    now = since
    for _ in range(100_000):
        deadline = machine.deadline()
        if deadline is None or deadline > since + duration:
            return said
        assert deadline > now or machine.send(now) == [], "it asks for what it has done"
        now = max(now, deadline)
        said += [(now - START, one) for one in machine.send(now)]
    raise AssertionError("it spins")


def times(said: list[tuple[Duration, Announce]], address: str = "192.0.1.1") -> list[Duration]:
    """Return when an address was announced, as often as it was."""
    return [at for at, one in said for found in one.addresses if str(found) == address]


def test_a_new_master_announces_now_again_and_from_time_to_time() -> None:
    """So many at once, as many again after a while, and then one each refresh, on a grid."""
    machine = Announcements(100)
    machine.want(START, group(announcing=Announcing(times=2, again_after=SECOND, refresh=60 * SECOND)))

    said = run(machine, START, 200 * SECOND)

    assert times(said) == [0, 0, SECOND, SECOND, 60 * SECOND, 120 * SECOND, 180 * SECOND]


def test_nothing_again_and_no_refresh_where_they_are_off() -> None:
    """One announcement, and nothing is planned any more."""
    machine = Announcements(100)
    machine.want(START, group())

    assert times(run(machine, START, 1000 * SECOND)) == [0]
    assert machine.deadline() is None


def test_a_refresh_alone() -> None:
    """Without a second round the refreshes begin with the first."""
    machine = Announcements(100)
    machine.want(START, group(announcing=Announcing(times=1, again_after=0, refresh=10 * SECOND)))

    assert times(run(machine, START, 25 * SECOND)) == [0, 10 * SECOND, 20 * SECOND]


def test_a_refresh_that_is_missed_is_not_made_up_for() -> None:
    """After a pause there is one, and the next a whole refresh later."""
    machine = Announcements(100)
    machine.want(START, group(announcing=Announcing(times=1, again_after=0, refresh=10 * SECOND)))
    machine.send(START)

    assert times(run(machine, START + 35 * SECOND, 15 * SECOND)) == [35 * SECOND, 45 * SECOND]


def test_every_device_and_address_has_its_own() -> None:
    """Advertised or not, here or elsewhere; the virtual MAC goes with what stands on its device alone."""
    excluded, elsewhere = IPv4Interface("192.0.3.1/24"), IPv4Interface("192.0.4.1/24")
    one = replace(group(), excluded_ips=(excluded, elsewhere), elsewhere=((elsewhere, "eth1"),), virtual_mac=True)
    machine = Announcements(100)
    machine.want(START, one)

    assert machine.send(START) == [
        Announce("vr4-1", (one.virtual_ips[0].ip, excluded.ip), one.mac),
        Announce("eth1", (elsewhere.ip,), None),
    ]


def test_only_the_first_announcement_of_a_mastership_is_not_again() -> None:
    """A round, the next one, a refresh; a mastership that a predecessor began; then another one."""
    one = group(announcing=Announcing(times=2, again_after=SECOND, refresh=10 * SECOND))
    machine = Announcements(100)
    machine.want(START, one)
    found = run(machine, START, 25 * SECOND)
    assert (times(found)[:4], [said.again for _at, said in found]) == ([0, 0, SECOND, SECOND], [False, *[True] * 4])

    machine.cancel(one)
    machine.want(START + 30 * SECOND, one)
    assert [said.again for said in machine.send(START + 30 * SECOND)] == [False, True]

    successor = Announcements(100)
    successor.adopt(START, one)
    assert all(said.again for _at, said in run(successor, START, 25 * SECOND))


def test_what_is_asked_for_twice_is_merged() -> None:
    """Asked again before it was said, it is said once; soon after, once more, a tenth of a second later at least."""
    machine = Announcements(100)
    one = group(announcing=Announcing(times=1, again_after=SECOND, refresh=0))
    machine.want(START, one)
    machine.want(START, one)
    assert times(run(machine, START, 0)) == [0]

    for after in (10, 20, 30):
        machine.want(START + after * MILLISECOND, one)
    said = run(machine, START + 30 * MILLISECOND, 10 * SECOND)

    assert times(said) == [MERGE, SECOND + 30 * MILLISECOND]


def test_a_rival_that_babbles_makes_no_storm() -> None:
    """Asked a hundred times a second, it is said ten times a second."""
    machine = Announcements(1000)
    one = group(announcing=Announcing(times=1, again_after=SECOND, refresh=0))
    said = []
    for at in range(0, 1000, 10):
        machine.want(START + at * MILLISECOND, one)
        said += run(machine, START + at * MILLISECOND, 9 * MILLISECOND)

    assert len(times(said)) == 10


def test_a_step_down_cancels() -> None:
    """What is queued, what would come again and what would be refreshed is dropped, and others go on."""
    machine = Announcements(1)
    mine, other = (group(vid, 3, announcing=Announcing(times=2)) for vid in (1, 2))
    machine.want(START, mine)
    machine.want(START, other)
    assert len(machine.send(START)) == 1

    machine.cancel(mine)
    said = run(machine, START, 200 * SECOND)

    assert all(str(address).startswith("192.0.2.") for _at, one in said for address in one.addresses)
    assert {str(address) for _at, one in said for address in one.addresses} == {f"192.0.2.{last}" for last in (1, 2, 3)}


def test_an_address_that_goes_is_cancelled_alone() -> None:
    """The rest of the group goes on."""
    machine = Announcements(100)
    one = group(addresses=2)
    machine.want(START, one)

    machine.cancel_some(one, "eth0", one.virtual_ips[:1])

    assert [list(map(str, said.addresses)) for _at, said in run(machine, START, SECOND)] == [["192.0.1.2"]]


def test_after_a_step_down_it_begins_anew() -> None:
    """A mastership that is taken again is announced at once, like the first one."""
    machine = Announcements(100)
    one = group()
    machine.want(START, one)
    machine.send(START)
    machine.cancel(one)
    machine.want(START + MILLISECOND, one)

    assert times(run(machine, START + MILLISECOND, SECOND)) == [MILLISECOND]


def test_a_port_lets_through_so_many_a_second() -> None:
    """As many at once as a second holds, then one at a time; another port has its own measure."""
    machine = Announcements(10)
    machine.want(START, group(1, 40))
    machine.want(START, group(2, 1, device="eth1"))

    said = run(machine, START, 10 * SECOND)

    assert times(said, "192.0.2.1") == [0]
    counts = [sum(len(one.addresses) for at, one in said if one.device == "eth0" and at == now) for now in (0, 100)]
    assert counts == [10, 0]
    assert max(at for at, _one in said) == 3 * SECOND
    assert sum(len(one.addresses) for _at, one in said) == 41


def test_first_announcements_go_first() -> None:
    """A new mastership waits for no repetition and no refresh of others, and these go before the refreshes."""
    machine = Announcements(2)
    machine.want(START, group(1, 2, announcing=Announcing(times=3, again_after=0, refresh=2 * SECOND)))
    machine.send(START)
    machine.want(START, group(2, 2))

    said = [(at, str(address)) for at, one in run(machine, START, 3 * SECOND) for address in one.addresses]

    assert [address for _at, address in said[:2]] == ["192.0.2.1", "192.0.2.2"]
    assert said[2:6] == [
        (1500 * MILLISECOND, "192.0.1.1"),
        (2000 * MILLISECOND, "192.0.1.2"),
        (2500 * MILLISECOND, "192.0.1.1"),
        (3000 * MILLISECOND, "192.0.1.2"),
    ]


def test_a_successor_repeats_once_and_goes_on_refreshing() -> None:
    """What a predecessor announced is not announced again at once; a second adoption changes nothing."""
    machine = Announcements(100)
    one = group(announcing=Announcing(times=2, again_after=SECOND, refresh=60 * SECOND))
    machine.adopt(START, one)
    machine.adopt(START + MILLISECOND, one)

    assert times(run(machine, START, 70 * SECOND)) == [SECOND, SECOND, 60 * SECOND]


def test_a_successor_without_repeats_plans_nothing() -> None:
    """Both switched off, there is nothing to do."""
    machine = Announcements(100)
    machine.adopt(START, group())

    assert machine.deadline() is None


def test_queues_do_not_grow_under_a_flood() -> None:
    """What is overtaken is forgotten, however often the same is asked for."""
    machine = Announcements(100_000)
    one = group(announcing=Announcing(times=1, again_after=0, refresh=3600 * SECOND))
    for at in range(2000):
        machine.want(START + at * MERGE, one)
        machine.send(START + at * MERGE)

    assert machine.planned() <= 65


@given(
    rate=st.integers(1, 50),
    wants=st.lists(st.tuples(st.integers(0, 2 * SECOND), st.integers(1, 4), st.booleans()), max_size=30),
)
@pytest.mark.filterwarnings("error")
def test_no_port_ever_says_more_than_it_may(rate: int, wants: list[tuple[int, int, bool]]) -> None:
    """Over any stretch of time: a burst, and the rate; and everything that is still wanted is said in the end."""
    machine = Announcements(rate)
    groups = {vid: group(vid, 3, announcing=Announcing(times=2, again_after=SECOND, refresh=0)) for vid in range(1, 5)}
    now, said, wanted = START, [], set[Address]()
    for pause, vid, stops in wants:
        now += pause
        ips = {interface.ip for interface in groups[vid].virtual_ips}
        if stops:
            machine.cancel(groups[vid])
            wanted -= ips
        else:
            machine.want(now, groups[vid])
            wanted |= ips
        said += [(now, one) for one in machine.send(now)]
    said += [(START + at, one) for at, one in run(machine, now, 200 * SECOND)]

    sent = sorted(at for at, one in said for _address in one.addresses)
    gap = SECOND // rate
    for index, at in enumerate(sent):
        until = sum(later <= at + SECOND for later in sent[index:])
        assert until <= rate + SECOND // gap + 1
    assert wanted <= {address for _at, one in said for address in one.addresses}
    assert all(earlier <= later for earlier, later in pairwise(sent))
    assert machine.deadline() is None


def test_addresses_of_either_family_are_announced() -> None:
    """Excluded addresses may be of the other family."""
    one = replace(group(), excluded_ips=(IPv4Interface("10.0.0.1/32"),))
    machine = Announcements(1)
    machine.want(START, one)

    assert [one.addresses for _at, one in run(machine, START, 5 * SECOND)] == [
        (IPv4Address("192.0.1.1"),),
        (IPv4Address("10.0.0.1"),),
    ]
