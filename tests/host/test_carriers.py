"""Carriers, without any right."""

import pytest

from linkbalancer.host.carriers import Carriers
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab


def test_carriers_follow_the_devices() -> None:
    """Up with a cable is good; no such device is not."""
    with Namespace("gw") as gw, Namespace("far") as far:
        gw.connect("eth0", far, "eth0")
        with gw.entered():
            carriers = Carriers(["eth0", "eth7"])
        assert carriers.look() == {"eth0": True, "eth7": False}
        carriers.read()
        far("ip link set eth0 down")
        carriers.read()
        assert carriers.look() == {"eth0": False, "eth7": False}
        assert carriers.fileno() > 0
        carriers.close()
