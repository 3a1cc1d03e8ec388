"""The api's process on two gateways that answer (the rest of it is shown by its verbs' own tests)."""

from collections.abc import Iterator

import pytest

from linkbalancer.cli.client import RefusedError, ask
from tests.daemon.gateway import Gateway
from tests.daemon.waiting import until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Return a gateway without a peer, whose api answers."""
    with Namespace("api") as lone, Namespace("lan") as lan:
        lone.connect("eth0", lan, "lone")
        lone.connect("eth1", lan, "away")
        lone("ip addr add 192.0.2.1/24 dev eth0", "ip addr add 10.1.0.1/24 dev eth1")
        texts = {"node": "b1", "role": "controller", "local": "10.1.0.1", "peer": "10.1.0.2", "lan": "192.0.2"}
        gateway = Gateway(lone, tmp_path_factory.mktemp("api") / "lone", **texts)
        gateway.start()
        until(gateway.status, 20)
        yield gateway
        gateway.stop()


def test_status_over_both_sockets(gateway: Gateway) -> None:
    """Who may only ask, and who may also change something, get the same status."""
    assert ask(gateway.run_dir, "status")["node"] == "b1"
    assert ask(gateway.run_dir, "status", change=True)["node"] == "b1"


def test_an_unknown_verb_is_refused(gateway: Gateway) -> None:
    """With the verbs that there are."""
    with pytest.raises(RefusedError, match=r"there is no verb 'dance'; use one of: .*status") as refused:
        ask(gateway.run_dir, "dance")
    assert refused.value.status == 2


def test_the_api_outlives_its_agent(gateway: Gateway) -> None:
    """While the agent is away it says so, and answers again when that is back."""
    gateway.kill("agent")
    until(lambda: gateway.status().get("processes", {}).get("agent") == gateway.pids().get("agent"))
