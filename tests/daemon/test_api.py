"""The api's process on two gateways that answer (the rest of it is shown by its verbs' own tests)."""

import json
import os
import signal
from collections.abc import Iterator

import jsonschema
import pytest

from linkbalancer.cli.client import RefusedError, ask
from linkbalancer.cli.status import SCHEMA
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


def test_a_dying_agent_is_not_noticed(gateway: Gateway) -> None:
    """Who asks while it is replaced waits a moment, and gets an answer of the new one."""
    for _ in range(3):
        before = gateway.pids()["agent"]
        os.kill(before, signal.SIGKILL)
        until(lambda before=before: ask(gateway.run_dir, "status")["processes"]["agent"] != before)  # type: ignore[misc]


def test_what_is_drained_outlives_every_process(gateway: Gateway) -> None:
    """Agent, api, a reload, and the whole service started anew; then it is given back."""

    def is_drained() -> bool:
        status = gateway.status()
        return bool(
            status
            and [one["name"] for one in status["drained"]] == ["2"]
            and (status["groups"]["2"]["state"], status["groups"]["2"]["drained"])
            == ("fault", "drained by root: new card")
            and status["groups"]["1"]["drained"] is None
        )

    assert ask(gateway.run_dir, "drain", change=True, what="vid 2", reason="new card", force=True)["unserved"] == []
    assert is_drained()
    for process in ("agent", "api"):
        gateway.kill(process)
        until(is_drained)
    gateway.reload()
    until(is_drained)
    gateway.kill("supervisor")
    gateway.start()
    until(is_drained, 20)
    gateway.stop()
    gateway.start()
    until(is_drained, 20)
    assert ask(gateway.run_dir, "resume", change=True, what="2")["drained"] == []
    assert gateway.status()["groups"]["2"]["state"] != "fault"


def test_a_real_status_is_of_the_published_shape(gateway: Gateway) -> None:
    """Every key that it has is what the schema says."""
    jsonschema.validate(ask(gateway.run_dir, "status"), json.loads(SCHEMA.read_text()))


def test_a_verb_is_not_asked_what_it_does_not_know(gateway: Gateway) -> None:
    """Over the sockets as they are: a wrong argument, and a change where only questions are taken."""
    with pytest.raises(RefusedError, match=r"status: there is no argument 'loud'; it takes no arguments"):
        ask(gateway.run_dir, "status", loud=True)
    with pytest.raises(RefusedError, match=r"drain changes something; ask over control.sock"):
        ask(gateway.run_dir, "drain", what="l1")


def test_an_unknown_group_leaves_the_sockets_to_root(gateway: Gateway) -> None:
    """It is said once, and nobody else can connect."""
    text = gateway.config.read_text()
    gateway.config.write_text(text + "api: {readers: no-such-readers, operators: no-such-operators}\n")
    gateway.reload()
    until(lambda: gateway.lines().count("there is no group no-such-readers") == 1)
    assert (gateway.run_dir / "query.sock").stat().st_mode & 0o777 == 0o600
