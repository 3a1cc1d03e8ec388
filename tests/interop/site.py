"""One link between two of our gateways, with the real daemon on both, and a stranger on the near LAN beside ours.

    near-host ---+--- b1 === l1 === f1 ---+--- far-host
    stranger  ---+      (near, far)

b1 and f1 are members of VID 1, which sends the checksum that Keepalived reads, and of VID 2, which sends today's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from linkbalancer.lab.commands import ip_json
from linkbalancer.lab.lab import Lab, opened
from linkbalancer.lab.status import ask
from linkbalancer.links import NodeName, Vid
from tests.interop.advertising import Ear
from tests.namespaces import Namespace

OURS, STRANGER = "192.168.1.1", "192.168.1.2"
CHECKSUMS = {1: "rfc5798", 2: "rfc9568"}
INTERVAL_MS = 200
PATIENCE_S = 15
"""How long a test waits for what must come."""


def virtual_ip(vid: Vid) -> str:
    """Return the virtual IP of a VID on the near LAN."""
    return f"192.168.1.{250 + vid}"


def _gateway(node: NodeName, *, role: str, lan: int, link: tuple[int, int], on_probe_loss: str) -> dict[str, Any]:
    groups = {
        vid: {
            "device": "eth0",
            "link": "l1",
            "virtual_ips": [f"192.168.{lan}.{250 + vid}/24"],
            "priority": 150,
            "advert_interval": f"{INTERVAL_MS}ms",
            "checksum": checksum,
        }
        for vid, checksum in CHECKSUMS.items()
    }
    ends = {"local": f"10.1.0.{link[0]}", "peer": f"10.1.0.{link[1]}"}
    probing = {"probe": {"interval": ["100ms", "200ms"], "misses": 3}, "on_probe_loss": on_probe_loss}
    return {
        "node": node,
        "role": role,
        "lans": {"eth0": {"targets": [f"192.168.{lan}.100"]}},
        "links": {"l1": {"device": "eth1", **ends, "key_file": "keys/l1.key", **probing}},
        "groups": groups,
        "applications": "../apps.conf",
    }


_TOPOLOGY = {
    "lans": {"near": "192.168.1.0/24", "far": "192.168.2.0/24"},
    "gateways": {"b1": {"eth0": f"{OURS}/24"}, "f1": {"eth0": "192.168.2.1/24"}},
    "hosts": {
        "near-host": {"address": "192.168.1.100/24", "gateway": virtual_ip(1)},
        "stranger": {"address": f"{STRANGER}/24", "gateway": OURS},
        "far-host": {"address": "192.168.2.100/24", "gateway": "192.168.2.251"},
    },
}


def _write(path: Path, on_probe_loss: str) -> Path:
    """Write the site's configuration directory."""
    documents = {
        "topology.yaml": _TOPOLOGY,
        "b1/linkbalancer.yaml": _gateway("b1", role="controller", lan=1, link=(1, 2), on_probe_loss=on_probe_loss),
        "f1/linkbalancer.yaml": _gateway("f1", role="controlled", lan=2, link=(2, 1), on_probe_loss=on_probe_loss),
    }
    for name, document in documents.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(document))
    (path / "apps.conf").write_text("App= * * * * * * [1 2] name=all\n")
    return path


class Node(Namespace):
    """A namespace that somebody else made, and removes."""

    def __init__(self, lab: Lab, node: NodeName) -> None:
        self.name = lab.run.namespace(node)


class Site:
    """The site, built; the daemons are for the test to start."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.ours = lab.services["b1"]
        self.stranger = Node(lab, "stranger")
        self.near_host = Node(lab, "near-host")

    def start(self) -> None:
        """Start both daemons."""
        for service in self.lab.services.values():
            service.start()

    def group(self, vid: Vid) -> dict[str, Any]:
        """Return what b1 says of a VID; nothing while it does not answer."""
        status = ask(self.ours.run_dir)
        return status["groups"][str(vid)] if status else {}

    def link(self, *, up: bool) -> None:
        """Take the carrier from both ends of the link, or give it back."""
        (link,) = self.lab.topology.links
        self.lab.network.carrier(link, [port.node for port in link.ports], up=up)

    def holders(self, vid: Vid) -> set[str]:
        """Return which nodes of the near LAN have a VID's virtual IP."""
        return {
            name
            for name in ("b1", "stranger")
            for device in ip_json(["address", "show", "dev", "eth0"], self.lab.run.namespace(name))
            for address in device["addr_info"]
            if address["local"] == virtual_ip(vid)
        }

    @contextmanager
    def listening(self) -> Iterator[Ear]:
        """Hear, for the length of the block, every advert on the near LAN, as a host on it does."""
        with self.near_host.entered():
            ear = Ear("eth0")
        try:
            yield ear
        finally:
            ear.close()


@contextmanager
def built(path: Path, on_probe_loss: str = "demote") -> Iterator[Site]:
    """Write a site's configuration below `path`, build it, and remove it all again."""
    with opened(_write(path, on_probe_loss)) as lab:
        lab.network.build()
        yield Site(lab)
