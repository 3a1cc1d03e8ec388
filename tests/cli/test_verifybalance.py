"""Tests of `linkbalancer verify-balance`: what it says of splits, and how it ends."""

import json
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from linkbalancer.cli import verifybalance
from linkbalancer.cli.main import main
from linkbalancer.drivers.errors import DriverError
from linkbalancer.links import Vid
from linkbalancer.routing.application import Member
from linkbalancer.routing.balance import Pool, Target, owner
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.slot import slot_of
from linkbalancer.routing.split import Entry
from linkbalancer.routing.sticky import Sticky
from tests.config.texts import CONFIG

POOL = Pool((Member(1, 3), Member(2)), Sticky.FLOW)


class Kernel:
    """What is seen in place of a kernel."""

    def __init__(self) -> None:
        """Have one balanced application and one that is not."""
        self.steering: dict[int, Target | None] = {2: POOL, 3: 2, 4: None}
        self.working = frozenset({1, 2})
        self.dealt = self.working
        self.flows = 600

    def entries(self, _marks: Marks, number: int) -> Iterator[Entry]:
        """Yield the flows of an application."""
        assert number == 2, "only what is balanced is counted"
        for port in range(20000, 20000 + self.flows):
            packet = Packet(IPv4Address("192.0.2.9"), IPv4Address("203.0.113.9"), 6, port, 443)
            vid: Vid = owner(POOL.step, slot_of(packet, POOL.sticky), self.dealt) or 0
            yield Entry(vid, packet, packet.mirrored())


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """Put a kernel in the place of the real one, and a daemon's word beside it."""
    kernel = Kernel()

    def see(seen: verifybalance._Seen, _loaded: object) -> None:
        seen.steering, seen.working, seen.marks = kernel.steering, kernel.working, Marks()

    ids = {"applications": {name: {"id": number} for number, name in enumerate(("web", "mail", "rest"), 2)}}
    monkeypatch.setattr(verifybalance, "told_by", lambda _dir: ids)
    monkeypatch.setattr(verifybalance._Seen, "__init__", see)
    monkeypatch.setattr(verifybalance._Seen, "from_near", lambda _seen, _packet: True)
    monkeypatch.setattr(verifybalance, "flows_of", kernel.entries)
    return kernel


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Return a gateway's configuration file."""
    (tmp_path / "apps.conf").write_text("App=* * * * * * [1*3+2] name=web\n")
    (tmp_path / "linkbalancer.yaml").write_text(CONFIG)
    return str(tmp_path / "linkbalancer.yaml")


@pytest.mark.usefixtures("kernel")
def test_a_fair_deal(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wanted beside what there is, and how likely that is."""
    assert main(["verify-balance", "--config", config]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "web [1*3+2] sticky=flow: as wanted; 600 flows, as uneven in 70.6% of fair deals",
        "  VID  weight   wanted     flows    share",
        "    1       3    75.0%       446    74.3%",
        "    2       1    25.0%       154    25.7%",
    ]


def test_flows_that_stayed_make_it_uneven(config: str, kernel: Kernel, capsys: pytest.CaptureFixture[str]) -> None:
    """It says so, and what it would be like without them."""
    kernel.dealt = frozenset({1})
    assert main(["verify-balance", "web", "--config", config]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("off; 600 flows, as uneven in less than 0.1% of fair deals")
    assert lines[-3:] == [
        "  154 of 600 flows are not where their slot says.",
        "  They stay where they were before a VID came, died or was weighed otherwise.",
        "  Dealt anew, the split would be as wanted.",
    ]


def test_few_flows_and_dead_vids(config: str, kernel: Kernel, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is claimed where nothing can be known; a VID that does not work is named."""
    kernel.flows = 12
    assert main(["verify-balance", "--config", config]) == 0
    assert "too few to tell; 12 flows, 20 say something" in capsys.readouterr().out
    kernel.flows, kernel.working = 600, frozenset({2})
    assert main(["verify-balance", "--config", config]) == 1
    told = capsys.readouterr().out
    assert "    1       3     0.0%       446    74.3%  does not work" in told
    assert "off; 446 of 600 flows on VIDs that have no share" in told
    kernel.flows, kernel.working = 0, frozenset()
    assert main(["verify-balance", "--config", config]) == 0
    assert "none of its VIDs works" in capsys.readouterr().out


@pytest.mark.usefixtures("kernel")
def test_for_programs(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same facts, with exact shares."""
    assert main(["verify-balance", "--json", "--config", config]) == 0
    document = json.loads(capsys.readouterr().out)
    web = document["applications"]["web"]
    assert (document["schema"], list(document["applications"])) == (1, ["web"])
    assert (web["result"], web["unit"], web["flows"], web["flows_elsewhere"]) == ("even", "flows", 600, 0)
    assert web["vids"]["2"] == {"weight": 1, "works": True, "wanted": 0.25, "count": 154, "share": 154 / 600}


@pytest.mark.usefixtures("kernel")
def test_what_is_not_balanced(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Where it goes is said when it is asked about; a name that is none is refused."""
    assert main(["verify-balance", "mail", "rest", "--config", config]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "mail: goes to VID 2 alone, nothing of it is balanced now",
        "rest: goes to the main table, nothing of it is balanced now",
    ]
    assert main(["verify-balance", "wbe", "--config", config]) == 2
    assert "there is no application wbe; the gateway has: mail, rest, web" in capsys.readouterr().err


def test_what_the_kernel_refuses(
    config: str, kernel: Kernel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who may not ask is told so, and a file that is wrong is named."""

    def refuse(_seen: object, _loaded: object) -> None:
        raise DriverError("list the elements", 1)

    monkeypatch.setattr(verifybalance._Seen, "__init__", refuse)
    assert main(["verify-balance", "--config", config]) == 2
    assert "do it with sudo" in capsys.readouterr().err
    assert main(["verify-balance", "--config", config + ".none"]) == 2
    Path(config).write_text("node: [")
    assert main(["verify-balance", "--config", config]) == 2
    assert kernel.flows


def test_iptables_balances_nothing(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """So nothing can be verified, and the table of nftables is not asked for."""
    path = Path(config)
    path.write_text(path.read_text() + "firewall: iptables\n")
    (path.parent / "apps.conf").write_text("App=* * * * * * [1 2] name=rest\n")
    assert main(["verify-balance", "--config", config]) == 2
    assert "firewall: iptables divides no flows" in capsys.readouterr().err
