"""Two sites with a host each: what is tested is the near gateway; the far one has a daemon of the tree."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.daemon.gateway import CONFIG, RULES, Gateway
from tests.namespaces import Namespace
from tests.packaging.cleanroot import CleanRoot
from tests.packaging.stream import Stream

FAR_HOST = "198.51.100.10"


@dataclass(frozen=True, slots=True)
class Sites:
    """The namespaces, and the far gateway."""

    near: Namespace
    host: Namespace
    far_host: Namespace
    far: Gateway

    def traffic(self) -> Stream:
        """Return numbered packets from the near host to the far one."""
        return Stream(self.host, self.far_host, FAR_HOST)


@contextmanager
def sites(folder: Path) -> Iterator[Sites]:
    """Build them; the far gateway's daemon runs."""
    with (
        Namespace("near") as near,
        Namespace("far") as far,
        Namespace("host") as host,
        Namespace("farhost") as far_host,
    ):
        near.connect("eth1", far, "eth1")
        near.connect("eth0", host, "eth0")
        far.connect("eth0", far_host, "eth0")
        near("ip addr add 192.0.2.1/24 dev eth0", "ip addr add 10.1.0.1/24 dev eth1")
        far("ip addr add 198.51.100.1/24 dev eth0", "ip addr add 10.1.0.2/24 dev eth1")
        host("ip addr add 192.0.2.10/24 dev eth0", "ip route add default via 192.0.2.251")
        far_host(f"ip addr add {FAR_HOST}/24 dev eth0", "ip route add default via 198.51.100.251")
        gateway = Gateway(
            far, folder / "far", node="f1", role="controlled", local="10.1.0.2", peer="10.1.0.1", lan="198.51.100"
        )
        gateway.start()
        try:
            yield Sites(near, host, far_host, gateway)
        finally:
            gateway.stop()


def configure(root: CleanRoot) -> None:
    """Write the near gateway's files as an administrator does; the key is root's alone."""
    folder = root.path / "etc/linkbalancer"
    text = CONFIG.format(node="b1", role="controller", local="10.1.0.1", peer="10.1.0.2", lan="192.0.2")
    (folder / "linkbalancer.yaml").write_text(text.replace("key_file: l1.key", "key_file: keys/l1.key"))
    (folder / "apps.conf").write_text(RULES)
    (folder / "keys/l1.key").write_text("1 000102030405060708090a0b0c0d0e0f\n")
    for name in ("linkbalancer.yaml", "apps.conf"):
        (folder / name).chmod(0o644)
    (folder / "keys/l1.key").chmod(0o600)
