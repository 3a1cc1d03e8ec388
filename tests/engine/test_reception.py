"""Which adverts are for a VID of this gateway, and the word for each other."""

import pytest

from linkbalancer.engine.events import AdvertReceived
from linkbalancer.engine.reception import admit
from linkbalancer.links import DeviceName, GroupId, Vid
from linkbalancer.sim.shape import LAN_DEVICE, LINK_DEVICE, lan_address, virtual_ip
from linkbalancer.sim.wire import NEAR
from linkbalancer.vrrp.events import Heard
from linkbalancer.vrrp.ip import MULTICAST, wrap
from linkbalancer.vrrp.packet import Advertisement, ChecksumForm, Rejection, encode
from tests.engine.bench import B2, MS, Bench

OWN, OTHER = lan_address(NEAR, 1), lan_address(NEAR, 2)
MEMBERSHIPS = Bench().agent.memberships


def advert(vid: Vid, *, device: DeviceName = LAN_DEVICE, number: int = 2) -> AdvertReceived:
    """Return an advertisement of a near gateway."""
    source = lan_address(NEAR, number)
    advertisement = Advertisement(vid, 100, 200 * MS, (virtual_ip(NEAR, vid).ip,))
    message = encode(advertisement, source, MULTICAST, ChecksumForm.RFC9568)
    return AdvertReceived(device, wrap(source, MULTICAST, message), B2)


def test_an_advert_of_another_gateway_is_heard() -> None:
    """Its VID's router hears priority, interval and who; so it does while this gateway has no address itself."""
    assert admit(advert(2), MEMBERSHIPS, lambda _: OWN) == admit(advert(2), MEMBERSHIPS, lambda _: None)
    assert admit(advert(2), MEMBERSHIPS, lambda _: OWN) == (MEMBERSHIPS[GroupId(2)], Heard(100, 200 * MS, OTHER))


@pytest.mark.parametrize(
    ("event", "word"),
    [
        (AdvertReceived(LAN_DEVICE, b"", B2), Rejection.PACKET_LENGTH),
        (advert(77), "vrid"),
        (advert(1, device=LINK_DEVICE), "vrid"),
        (advert(1, number=1), "looped"),
    ],
)
def test_what_concerns_nobody_is_counted_by_a_word(event: AdvertReceived, word: str) -> None:
    """Damaged, of a VID that is not here or not on that device, and our own come back."""
    assert admit(event, MEMBERSHIPS, lambda _: OWN) == word
