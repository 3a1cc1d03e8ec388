"""What the hosts' gateway does without any link: `on_probe_loss` decides, on real daemons (docs/operating.md)."""

import socket
import time
from pathlib import Path

import pytest

from tests.daemon.waiting import until
from tests.interop.site import PATIENCE_S, Site, built

pytestmark = pytest.mark.lab

FIRST_REPEAT_S = 0.9
"""Before TCP asks a second time: the first packet was answered."""
LONGER_THAN_ANY_ELECTION_MS = 1500


def state(site: Site) -> str:
    """Return b1's state of VID 1."""
    return str(site.group(1).get("state"))


def has_stood(site: Site) -> bool:
    """Whether VID 1 has been in its state at b1 for longer than any election at these timers."""
    return int(site.group(1).get("since_ms", 0)) > LONGER_THAN_ANY_ELECTION_MS


def test_demoted_the_virtual_ip_answers_without_any_link(tmp_path: Path) -> None:
    """With the peer absent from the start, and again with the link cut, b1 is Master at priority 1."""
    with built(tmp_path, "demote") as site:
        site.ours.start()
        until(lambda: state(site) == "master", PATIENCE_S)
        assert (site.group(1)["priority"], site.group(1)["works"]) == (1, False)
        until(lambda: site.holders(1) == {"b1"}, PATIENCE_S)

        site.lab.services["f1"].start()
        until(lambda: site.group(1)["priority"] > 1 and site.group(1)["works"], PATIENCE_S)
        site.link(up=False)
        until(lambda: state(site) == "master" and site.group(1)["priority"] == 1, PATIENCE_S)
        assert site.holders(1) == {"b1"}


def test_demoted_an_application_is_told_at_once_that_there_is_no_way(tmp_path: Path) -> None:
    """With the link cut a connection is refused by the gateway, again and again: no program waits for a timeout."""
    with built(tmp_path, "demote") as site:
        for service in site.lab.services.values():
            service.start()
        until(lambda: bool(site.group(1)) and site.group(1)["works"] and state(site) == "master", PATIENCE_S)
        site.link(up=False)
        until(lambda: state(site) == "master" and site.group(1)["next_hop"] == "unreachable", PATIENCE_S)
        for _ in range(3):
            began = time.monotonic()
            with site.near_host.entered():
                probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            probe.settimeout(PATIENCE_S)
            with probe, pytest.raises(OSError, match="No route to host"):
                probe.connect(("192.168.2.100", 80))
            assert time.monotonic() - began < FIRST_REPEAT_S
            time.sleep(1.1)  # the kernel tells one host of it about once a second


def test_stopped_nobody_holds_the_virtual_ip_without_a_link(tmp_path: Path) -> None:
    """With the peer absent from the start, and again with the link cut, b1 takes no part; with the link, it does."""
    with built(tmp_path, "stop") as site:
        site.ours.start()
        until(lambda: state(site) == "stopped" and has_stood(site), PATIENCE_S)
        assert site.holders(1) == set()

        site.lab.services["f1"].start()
        until(lambda: state(site) == "master" and site.holders(1) == {"b1"}, PATIENCE_S)
        site.link(up=False)
        until(lambda: state(site) == "stopped" and has_stood(site), PATIENCE_S)
        assert site.holders(1) == set()
