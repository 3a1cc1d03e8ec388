"""The live view on a real gateway's daemon, in a namespace that is not the view's."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.cli.watching.view import View
from tests.cli.watching.test_view import cells, headline, until
from tests.daemon.gateway import Gateway
from tests.daemon.waiting import until as wait_until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Gateway]]:
    """Return a near and a far gateway with one link, settled."""
    directory = tmp_path_factory.mktemp("gateways")
    with Namespace("near") as near, Namespace("far") as far, Namespace("lan") as lan:
        near.connect("eth1", far, "eth1")
        near.connect("eth0", lan, "near")
        far.connect("eth0", lan, "far")
        near("ip addr add 192.0.2.1/24 dev eth0", "ip addr add 10.1.0.1/24 dev eth1")
        far("ip addr add 198.51.100.1/24 dev eth0", "ip addr add 10.1.0.2/24 dev eth1")
        ends = {"near": (near, "b1", "controller", "1", "192.0.2"), "far": (far, "f1", "controlled", "2", "198.51.100")}
        pair = [
            Gateway(
                namespace,
                directory / side,
                node=node,
                role=role,
                local=f"10.1.0.{number}",
                peer=f"10.1.0.{3 - int(number)}",
                lan=lan_prefix,
            )
            for side, (namespace, node, role, number, lan_prefix) in ends.items()
        ]
        for gateway in pair:
            gateway.start()
        wait_until(lambda: all(gateway.settled() for gateway in pair), 20)
        yield pair[0], pair[1]
        for gateway in pair:
            gateway.stop()


def test_a_real_gateway(gateways: tuple[Gateway, Gateway]) -> None:
    """RTT and rates are measured ones (of the daemon's namespace), and a killed daemon comes back by itself."""
    near, _far = gateways
    view = View(Path(near.run_dir), 0.2)

    async def story() -> None:
        async with view.run_test(size=(120, 30)) as pilot:
            await until(pilot, lambda: cells(view, "applications"), 20)
            assert headline(view).startswith("b1 (controller): ")
            # Probes alone make some bits a second on the link.
            measured = r"● l1 open f1 [\d.]+ms .* [\d.]+k? [\d.]+k? "
            await until(pilot, lambda: re.match(measured, cells(view, "links")[0]), 20)
            assert cells(view, "vids")[0].startswith("● 1 master high ")
            assert [row.split()[1:4] for row in cells(view, "applications")] == [
                ["rest", "VID", "1"],
                ["web", "VID", "2"],
            ]
            near.kill("supervisor")
            await until(pilot, lambda: "asking again" in headline(view), 20)
            near.start()
            await until(pilot, lambda: headline(view).startswith("b1 (controller): "), 20)

    asyncio.run(story())
