"""Where applications are pointed, and in which form, in a real kernel."""

import struct
from collections.abc import Iterator
from contextlib import closing

import pytest

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables import load
from linkbalancer.drivers.nftables.aims import AimWriter
from linkbalancer.drivers.nftables.elements import MapWriter, read_elements
from linkbalancer.drivers.nftables.ways import MOVED
from linkbalancer.routing.balance import Aim
from linkbalancer.routing.handover import Form
from linkbalancer.routing.marks import Marks
from tests.drivers.nftables.rules import IDS, LAYOUT, SAMPLE
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

AIMS: dict[int, Aim | None] = {number: Aim(1, form) for number, form in enumerate(Form, 2)}


@pytest.fixture
def netlink() -> Iterator[NetlinkSocket]:
    """Yield a socket in a namespace with our table and no classifier."""
    with Namespace() as here, here.entered(), closing(NetlinkSocket(NETFILTER)) as own:
        load.prepare(LAYOUT, own)
        yield own


def test_an_application_is_pointed_in_a_form(netlink: NetlinkSocket) -> None:
    """Map and sets change together; those who ask for VIDs alone see no forms."""
    writer = AimWriter(Marks(), netlink)
    assert writer.steer(AIMS)
    assert not writer.steer(AIMS)
    assert writer.read() == {1: None, **AIMS}
    assert writer.read_some([3, 5]) == {3: AIMS[3], 5: AIMS[5]}
    assert MapWriter(Marks(), netlink).read() == {1: None, **dict.fromkeys(AIMS, 1)}
    turned: dict[int, Aim | None] = {2: Aim(2, Form.HOLD), 3: Aim(2), 4: Aim(1, Form.KEEP), 5: None}
    assert writer.steer(turned, AIMS)
    assert writer.read() == {1: None, **turned}


def test_what_is_known_is_not_trusted(netlink: NetlinkSocket) -> None:
    """Where it is wrong the kernel refuses all of it: map and sets."""
    writer = AimWriter(Marks(), netlink)
    writer.steer(AIMS)
    for wrong in ({2: AIMS[2]}, {**AIMS, 2: Aim(1, Form.RESET)}):  # 3 is there already; 2 resets nothing
        with pytest.raises(DriverError):
            writer.steer(dict.fromkeys(AIMS, Aim(2, Form.KEEP)), wrong)
        assert writer.read() == {1: None, **AIMS}


def test_an_application_that_is_no_more_is_forgotten(netlink: NetlinkSocket) -> None:
    """With the classifier that does not have it: its number may be another one's some day."""
    writer = AimWriter(Marks(), netlink)
    load.install(LAYOUT, SAMPLE, {**IDS, "gone": 99}, netlink)
    writer.steer({99: Aim(1, Form.HOLD), IDS["web"]: Aim(1, Form.KEEP)})
    load.install(LAYOUT, SAMPLE, IDS, netlink)
    assert writer.forms() == {IDS["web"]: Form.KEEP}
    assert 99 not in writer.read()


def test_who_was_pointed_elsewhere_is_known(netlink: NetlinkSocket) -> None:
    """Neither a first place nor another form is a move; a second move is the same, and who is forgotten never moved."""
    writer = AimWriter(Marks(), netlink)
    load.install(LAYOUT, SAMPLE, {**IDS, "gone": 99}, netlink)
    moves: list[tuple[Aim, set[int]]] = [
        (Aim(1), set()),
        (Aim(1, Form.KEEP), set()),
        (Aim(2), {99}),
        (Aim(1), {99}),
    ]
    for aim, known in moves:
        writer.steer({99: aim})
        found = {struct.unpack("=I", key)[0] for key, _data in read_elements(netlink, MOVED)}
        assert found == {Marks().connection_mark(one) for one in known}
    load.install(LAYOUT, SAMPLE, IDS, netlink)
    assert read_elements(netlink, MOVED) == []
