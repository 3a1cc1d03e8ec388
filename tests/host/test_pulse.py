"""A device's pulse, in a real kernel."""

import errno
from contextlib import closing

import pytest

from linkbalancer.host.pulse import Pulse
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab


def test_carrier_is_told_this_instant() -> None:
    """Of a cable, of the administrator; of what is gone, and of what has no carrier, an error."""
    with Namespace("gw") as gw, Namespace("far") as far:
        gw.connect("eth0", far, "eth0")
        gw("ip tuntap add name tun0 mode tun")
        with gw.entered(), closing(Pulse()) as pulse:
            assert [pulse.of(device) for device in ("eth0", "tun0", "eth9")] == [1, 0, -errno.ENODEV]
            far("ip link set eth0 down")
            assert pulse.of("eth0") == 0
            far("ip link set eth0 up")
            assert pulse.of("eth0") == 1
            gw("ip link set eth0 down")
            assert pulse.of("eth0") == 0
            gw("ip link set eth0 name lan0", "ip link set lan0 up")
            assert [pulse.of("eth0"), pulse.of("lan0")] == [-errno.ENODEV, 1]
