"""VRRP: a packet of either version as it comes from the LAN, through the codec, the receive path, words and census."""

from linkbalancer.engine.events import AdvertReceived
from linkbalancer.engine.verdict import judge
from linkbalancer.vrrp.census import Census
from linkbalancer.vrrp.packet import ChecksumForm, Received, Rejection, decode, encode
from tests.engine.hears import ADDRESSES, DEVICE, GROUPS, MAC, Ear, packet
from tests.vrrp.adverts import headed, packed, summed

SEEDS = [packet(group) for group in GROUPS.values()]


def take(data: bytes) -> None:
    """Take it as it is, and with its sums made right, so that what lies behind them is reached."""
    _take(data)
    if len(data) >= 20 and data[0] >> 4 == 4:
        _take(headed(data))
        message = data[(data[0] & 0x0F) * 4 :]
        if len(message) >= 8:
            _take(packed(summed(message[: len(message) // 2 * 2])))


def _take(data: bytes) -> None:
    received = decode(data)
    assert isinstance(received, Received | Rejection)
    verdict = judge(AdvertReceived(DEVICE, data, MAC), GROUPS.get, ADDRESSES)
    assert (verdict.heard is None) is (verdict.reason is not None)
    ear = Ear()
    for record in ear.hear(data):
        assert record.text
    census = Census()
    census.take(1, data, MAC, here=False)
    assert len(census.groups()) + census.unreadable.total() == 1
    if isinstance(received, Received) and received.advertisement.addresses:
        said = received.advertisement
        again = encode(said, received.source, received.destination, ChecksumForm.AUTO)
        assert len(again) == 8 + len(said.addresses) * (4 if received.source.version == 4 else 16) + 8 * (
            said.version == 2
        )
