"""The preflight of a running daemon."""

from collections.abc import Iterator

import pytest

from linkbalancer.cli.client import ask
from tests.daemon.gateway import Gateway
from tests.daemon.waiting import until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab


@pytest.fixture
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Return a gateway that is not started."""
    with Namespace("exam") as lone, Namespace("lan") as lan:
        lone.connect("eth0", lan, "lone")
        lone.connect("eth1", lan, "away")
        lone("ip addr add 192.0.2.1/24 dev eth0", "ip addr add 10.1.0.1/24 dev eth1")
        texts = {"node": "b1", "role": "controller", "local": "10.1.0.1", "peer": "10.1.0.2", "lan": "192.0.2"}
        gateway = Gateway(lone, tmp_path_factory.mktemp("exam") / "lone", **texts)
        yield gateway
        if gateway.process is not None:
            gateway.stop()


def test_what_is_found_is_told_once_and_stands_in_the_status(gateway: Gateway) -> None:
    """A rule of somebody else that looks at our bits: a warning in the log, a finding in the status, a metric."""
    gateway.namespace("ip rule add fwmark 0x80000/0xff0000 lookup main prio 5210")
    gateway.start()
    until(lambda: gateway.status().get("preflight"), 20)
    status = gateway.status()
    (finding,) = [one for one in status["preflight"] if one["kind"] == "rule-takes-marks"]
    assert (finding["severity"], finding["subject"]) == ("error", "priority 5210")
    assert not {"switch-wrong", "rule-missing", "ruleset-missing"} & {one["kind"] for one in status["preflight"]}
    report = ask(gateway.run_dir, "doctor")
    assert report["findings"] == status["preflight"]
    assert report["unseen"] == []
    lines = [line for line in gateway.lines().splitlines() if "kind=rule-takes-marks" in line]
    assert len(lines) == 1
    assert "event=preflight" in lines[0]

    gateway.kill("api")
    until(lambda: gateway.status().get("preflight"), 20)
    assert ask(gateway.run_dir, "doctor") == report


def test_who_asks_before_the_first_look_waits_for_it(gateway: Gateway) -> None:
    """The answer comes as soon as there is one."""
    gateway.start()
    until(gateway.status, 20)
    assert ask(gateway.run_dir, "doctor", patience_s=20)["schema"] == 1
