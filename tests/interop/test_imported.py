"""A keepalived.conf is imported on one gateway, and the other one keeps its Keepalived: nobody notices."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.config.keepalived.instance import CHECKSUM
from tests.daemon.waiting import until
from tests.interop.cases import Maker
from tests.interop.lan import Lan, built
from tests.interop.makers import Keepalived, Ours, Part, refusals

pytestmark = pytest.mark.lab

PATIENCE_S = 20

CONF = """\
# The same file on both gateways; what differs is said with @ours and @theirs.
global_defs {{
    @ours router_id gw-a
    @theirs router_id gw-b
    vrrp_version 3
    vrrp_garp_master_repeat 2
    vrrp_notify_priority_changes on
}}
@ours $PRIORITY=150
@^ours $PRIORITY=100

vrrp_script wanted {{
    script "/usr/bin/test -e {flag}"
    interval 1
    weight -60
    user root
}}

vrrp_instance FOUR {{
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority $PRIORITY
    advert_int 0.2
    virtual_ipaddress {{
        ~SEQ(N, 251, 252) 192.0.2.${{N}}/24
    }}
    virtual_ipaddress_excluded {{
        2001:db8::77/64 dev eth0
    }}
    track_script {{
        @ours wanted
    }}
    @ours notify "{notify}" root
}}

vrrp_instance OLD {{
    interface eth0
    version 2
    virtual_router_id 52
    priority $PRIORITY
    authentication {{
        auth_type PASS
        auth_pass s3cret
    }}
    virtual_ipaddress {{
        192.0.2.61/24
    }}
}}

vrrp_instance SIX {{
    interface eth0
    virtual_router_id 51
    priority $PRIORITY
    advert_int 0.2
    virtual_ipaddress {{
        fe80::251/64
        2001:db8::251/64
    }}
}}
"""
NOTIFY = '#!/bin/sh\necho "$@" >>{told}\n'


def part(vid: int, *virtual: str, version: int = 3, interval_ms: int = 200) -> Part:
    """Return how a test asks for the state in a group."""
    return Part(vid=vid, virtual=virtual, source="", peer="", priority=1, interval_ms=interval_ms, version=version)


FOUR = part(51, "192.0.2.251/24")
OLD = part(52, "192.0.2.61/24", version=2, interval_ms=1000)
SIX = part(51, "fe80::251/64")


class Theirs(Keepalived):
    """Keepalived with the file itself, told which of its lines are meant."""

    def command(self) -> list[str]:
        """Return the command line."""
        return [*super().command(), "--config-id=theirs"]

    def is_in(self, name: str, state: str) -> bool:
        """Whether this is the state of an instance that it logged last."""
        states = [one for instance, one in self._ENTERING.findall(self.lines) if instance == name]
        return states[-1:] == [state]


class Site:
    """Both gateways, and the files that a test moves them by."""

    def __init__(self, lan: Lan, files: Path) -> None:
        self.lan = lan
        self.flag, self.told, notify = files / "flag", files / "told", files / "notify"
        self.flag.touch()
        notify.write_text(NOTIFY.format(told=self.told))
        notify.chmod(0o755)
        conf = CONF.format(flag=self.flag, notify=notify)
        self.ours = Ours(lan.nodes[Maker.OURS], files / "ours")
        self.theirs = Theirs(lan.nodes[Maker.THEIRS], files / "theirs")
        (self.theirs.directory / "keepalived.conf").write_text(conf)
        self.conf = files / "keepalived.conf"
        self.conf.write_text(conf)

    def imported(self) -> dict[str, object]:
        """Import the file for our gateway, by the command, and return what it answers."""
        words = [sys.executable, "-m", "linkbalancer", "import", "keepalived", str(self.conf), "--config-id", "ours"]
        words += ["--json", "-o", str(self.ours.directory)]
        done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
        return dict(json.loads(done.stdout))

    def holder(self, address: str) -> str | None:
        """Return which gateway has an address."""
        for maker in Maker:
            shown = self.lan.nodes[maker]("ip -brief address show dev eth0")
            if any(word.partition("/")[0] == address for word in shown.split()):
                return str(maker)
        return None


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Build the LAN."""
    with built(Maker.OURS) as lan:
        site = Site(lan, tmp_path)
        try:
            yield site
        finally:
            for gateway in (site.ours, site.theirs):
                gateway.stop()
                gateway.wait()


def test_an_imported_gateway_shares_its_groups_with_keepalived(site: Site) -> None:
    """It is elected, its adverts are accepted, and the virtual IPs move as the file says and back."""
    answer = site.imported()
    assert answer["good"]
    assert f"checksum: {CHECKSUM}" in (site.ours.directory / "linkbalancer.yaml").read_text()
    site.theirs.start()
    until(
        lambda: site.theirs.is_in("FOUR", "MASTER") and site.theirs.is_in("OLD", "MASTER"), PATIENCE_S, "theirs alone"
    )

    site.ours.start()

    for one in (FOUR, OLD, SIX):
        until(lambda one=one: site.ours.state(one) == "master", PATIENCE_S, f"ours is Master of {one.vid}")  # type: ignore[misc]
    for name in ("FOUR", "OLD", "SIX"):
        until(lambda name=name: site.theirs.is_in(name, "BACKUP"), PATIENCE_S, f"theirs is Backup of {name}")  # type: ignore[misc]
    addresses = ["192.0.2.251", "192.0.2.252", "2001:db8::77", "192.0.2.61", "2001:db8::251"]
    until(lambda: {site.holder(one) for one in addresses} == {"ours"}, PATIENCE_S, "all addresses are ours")
    until(
        lambda: "INSTANCE FOUR MASTER 150" in site.told.read_text(), PATIENCE_S, "the script is told as by Keepalived"
    )

    site.flag.unlink()
    until(lambda: site.theirs.is_in("FOUR", "MASTER"), PATIENCE_S, "the tracked script moves the group")
    until(lambda: site.holder("192.0.2.252") == "theirs", PATIENCE_S, "the virtual IPs move with it")
    assert ("master", "ours") == (site.ours.state(OLD), site.holder("192.0.2.61"))

    site.flag.touch()
    until(lambda: site.holder("192.0.2.251") == "ours", PATIENCE_S, "and back")
    assert {} == {name: count for name, count in refusals(site.ours.status()).items() if count}
    assert [] == site.theirs.complaints()
