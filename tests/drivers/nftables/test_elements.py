"""Elements of the map and the set in a real kernel."""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables import load
from linkbalancer.drivers.nftables.elements import MapWriter, MemberWriter
from linkbalancer.drivers.nftables.listing import chains
from linkbalancer.feed.codec import APPLICATIONS_MAX
from linkbalancer.routing.marks import Marks
from tests.drivers.nftables.rules import LAYOUT
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

THOUSANDS: dict[int, int | None] = {number: 1 + number % 2 for number in range(2, 1802)}
A, B, C = (bytes([2, 0, 0, 0, 0, number]) for number in (1, 2, 3))


@pytest.fixture
def prepared() -> Iterator[tuple[Namespace, NetlinkSocket]]:
    """Yield a namespace, entered, with our table and no classifier."""
    with Namespace() as here, here.entered():
        netlink = NetlinkSocket(NETFILTER)
        load.prepare(LAYOUT, netlink)
        yield here, netlink
        netlink.close()


def test_applications_move_together_and_only_when_they_must(prepared: tuple[Namespace, NetlinkSocket]) -> None:
    """A hundred elements come, change and go in one transaction each; what stands right is not written."""
    here, netlink = prepared
    writer = MapWriter(Marks(), netlink)
    assert writer.read() == {1: None}
    everything = {number: 1 + number % 2 for number in range(2, 102)}
    for wanted in (everything, {number: 3 - vid for number, vid in everything.items()}, dict.fromkeys(everything)):
        assert writer.steer(wanted)
        assert writer.read() == {1: None, **wanted}
        assert not writer.steer(wanted)
    assert "0x00000002 : return" in here("nft list map inet linkbalancer app2vid")
    assert writer.forget(everything)
    assert not writer.forget(everything)
    assert writer.read() == {1: None}


def test_thousands_of_elements_take_several_messages(prepared: tuple[Namespace, NetlinkSocket]) -> None:
    """More than one message holds is still one transaction."""
    writer = MapWriter(Marks(), prepared[1])
    assert writer.steer(THOUSANDS)
    assert writer.read() == {1: None, **THOUSANDS}


def test_a_few_of_many_are_asked_for_alone(prepared: tuple[Namespace, NetlinkSocket]) -> None:
    """What a large map has for some applications; one that it does not have is left out, and no map is an error."""
    here, netlink = prepared
    writer = MapWriter(Marks(), netlink)
    writer.steer({**THOUSANDS, 5: None})
    assert writer.read_some([2, 3, 5]) == {2: 1, 3: 2, 5: None}
    assert writer.read_some([2, 9999]) == {2: 1}
    assert writer.read_some([9998, *range(2, 12), 9999]) == {number: THOUSANDS[number] for number in range(2, 12)} | {
        5: None
    }
    assert writer.read_some([9999]) == {}
    assert writer.read_some(range(2, 102)) == {number: THOUSANDS[number] for number in range(2, 102)} | {5: None}
    here("nft delete table inet linkbalancer")
    with pytest.raises(DriverError) as refused:
        writer.read_some([2])
    assert refused.value.errno == errno.ENOENT


def test_what_is_known_spares_a_look_and_is_not_trusted(prepared: tuple[Namespace, NetlinkSocket]) -> None:
    """The transaction goes by it; where it is wrong the kernel refuses all, and nothing has changed."""
    writer = MapWriter(Marks(), prepared[1])
    writer.steer({2: 1, 3: 1})
    assert writer.steer({2: 2, 3: 2}, {2: 1, 3: 1})
    assert not writer.steer({2: 2}, {2: 2})
    for wrong in ({2: 2}, {2: 2, 3: 2, 4: 1}):  # 3 is there already; 4 is not
        with pytest.raises(DriverError) as refused:
            writer.steer({2: 1, 3: 1, 4: 2}, wrong)
        assert refused.value.errno in {errno.EEXIST, errno.ENOENT}
        assert writer.read_some([2, 3, 4]) == {2: 2, 3: 2}


def test_the_largest_map_moves_in_one_transaction(prepared: tuple[Namespace, NetlinkSocket]) -> None:
    """All of a gateway's applications at once."""
    writer = MapWriter(Marks(), prepared[1])
    everything = dict.fromkeys(range(2, 2 + APPLICATIONS_MAX), 1)
    assert writer.steer(everything)
    assert writer.steer(dict.fromkeys(everything, 2), everything)
    assert set(writer.read_some(everything).values()) == {2}


class Leisurely(NetlinkSocket):
    """A socket whose owner does something else between two parts of an answer."""

    def __init__(self) -> None:
        super().__init__(NETFILTER)
        self.dumps = 0

    def dump(self, kind: int, payload: bytes, operation: str) -> list[bytes]:
        """Count what is asked for."""
        self.dumps += 1
        return super().dump(kind, payload, operation)

    def _receive(self, operation: str) -> bytes:
        received = super()._receive(operation)
        time.sleep(0.005)
        return received


@pytest.fixture
def urgent() -> Iterator[None]:
    """Let this thread keep the kernel's worker, which grows hash tables, from its processor until it sleeps."""
    affinity, before = os.sched_getaffinity(0), os.sched_getscheduler(0)
    os.sched_setaffinity(0, {min(affinity)})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    yield
    os.sched_setscheduler(0, before, os.sched_param(0))
    os.sched_setaffinity(0, affinity)


@pytest.mark.usefixtures("urgent")
def test_a_map_that_grows_while_it_is_read_is_read_again(prepared: tuple[Namespace, NetlinkSocket]) -> None:
    """The kernel says nothing of it: some elements come twice, and as many are missing."""
    MapWriter(Marks(), prepared[1]).steer(THOUSANDS)
    with closing(Leisurely()) as netlink:
        assert MapWriter(Marks(), netlink).read() == {1: None, **THOUSANDS}
        assert netlink.dumps > 1


def test_a_refused_transaction_changes_nothing(prepared: tuple[Namespace, NetlinkSocket]) -> None:
    """One VID without a chain, and not even the good half is done."""
    writer = MapWriter(Marks(), prepared[1])
    writer.steer({2: 1})
    with pytest.raises(DriverError, match="steer 2 applications") as refusal:
        writer.steer({2: 2, 3: 99})
    assert refusal.value.errno == errno.ENOENT
    assert writer.read() == {1: None, 2: 1}
    assert writer.steer({2: 2})


def test_ids_live_in_the_mask(prepared: tuple[Namespace, NetlinkSocket]) -> None:
    """With another mask the map's keys are the mark's bits, the ids stay small."""
    here, netlink = prepared
    writer = MapWriter(Marks(connection_mask=0xFF000000), netlink)
    writer.steer({5: 2})
    assert "0x05000000 : goto vid_2" in here("nft list map inet linkbalancer app2vid")
    assert writer.read()[5] == 2


def test_members_are_set_by_device(prepared: tuple[Namespace, NetlinkSocket]) -> None:
    """Each device has its own members; only the difference is written."""
    here, netlink = prepared
    members = MemberWriter(netlink)
    assert members.write("lan0", frozenset({A, B}))
    assert members.write("lan1", frozenset({A}))
    assert members.write("lan0", frozenset({B, C}))
    assert not members.write("lan0", frozenset({B, C}))
    assert members.read() == {"lan0": frozenset({B, C}), "lan1": frozenset({A})}
    assert '"lan1" . 02:00:00:00:00:01' in here("nft list set inet linkbalancer members")
    assert members.write("lan0", frozenset())
    assert members.read() == {"lan1": frozenset({A})}


def test_without_our_table_there_is_nothing_to_read(prepared: tuple[Namespace, NetlinkSocket]) -> None:
    """Other tables' chains are not ours; reading a map that is not there is an error."""
    here, netlink = prepared
    here("nft delete table inet linkbalancer")
    here("nft -f -", given="add table inet other\nadd chain inet other vid_1\n")
    assert chains(netlink) == []
    assert load.digest() is None
    with pytest.raises(DriverError) as refusal:
        MapWriter(Marks(), netlink).read()
    assert refusal.value.errno == errno.ENOENT
