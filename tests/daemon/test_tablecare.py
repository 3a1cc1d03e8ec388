"""The nftables table on a real kernel: put back as it was, adopted where it still is, else loaded anew."""

from contextlib import closing
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from linkbalancer.daemon import tablecare
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.transport import ROUTE, NetlinkSocket
from linkbalancer.drivers.nftables import image
from linkbalancer.engine.effects import SetMembers, SetNextHop
from linkbalancer.links import ViaLink
from tests.config.texts import CONFIG, loaded
from tests.daemon.test_performer import BY_MASTER, Hands, Program
from tests.daemon.test_performer import here as _here
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

here = _here
INSERT = "nft insert rule inet linkbalancer prerouting accept"


def adopted() -> Hands:
    """Return hands that know what the table should be."""
    hands = Hands()
    hands.performer.perform(SetMembers("eth0", frozenset({BY_MASTER.mac})))
    assert hands.performer.reconcile()
    return hands


def touched(hands: Hands) -> bool:
    """Have the table looked at as after a notice of the kernel; return whether all is well."""
    hands.performer.care.suspect = True
    return hands.performer.reconcile(thorough=False)


def without_digest(listed: str) -> list[str]:
    """Return the words of a listing but for the chain with the digest: sets without names have other numbers."""
    return [word for word in listed.split() if not word.startswith(image.NOTE)]


@pytest.mark.parametrize("gone", ["flush ruleset", "delete table inet linkbalancer"])
def test_a_table_that_is_gone_is_back_at_once_without_nft(
    here: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    """With map, members and classifier; no notice is needed for that, and no program."""
    with closing(adopted()) as hands:
        before = here("nft list ruleset")
        program = Program(tmp_path, monkeypatch)
        program.write("exit 1")
        here(f"{program.real} {gone}")
        hands.performer.reconcile(thorough=False)
        assert here(f"{program.real} list ruleset") == before
        assert (hands.put_back, hands.complaints) == (["nftables: the table"], [])
        assert not hands.performer.loading


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        (INSERT, "nftables: the chain prerouting as it was"),
        ("nft add chain inet linkbalancer theirs", "nftables: the table without the chain theirs"),
        ("nft flush map inet linkbalancer app2vid", "steering: steered 2 applications that nobody steered"),
        ("nft flush set inet linkbalancer members", None),
    ],
)
def test_what_was_changed_is_as_it_was(here: Namespace, deed: str, told: str | None) -> None:
    """Rules, chains, and the elements that the daemon itself put there."""
    with closing(adopted()) as hands:
        before = here("nft list ruleset")
        here(deed)
        touched(hands)
        assert sorted(here("nft list ruleset").split()) == sorted(before.split())
        assert set(hands.put_back) >= ({told} if told else set())
        assert touched(hands), "and all is well"


def test_what_others_do_to_theirs_changes_nothing(here: Namespace) -> None:
    """Nothing is put back, nothing of theirs is touched."""
    with closing(adopted()) as hands:
        here("nft add table inet other", "nft add chain inet other some", "nft add rule inet other some accept")
        theirs = here("nft list table inet other")
        assert touched(hands)
        assert here("nft list table inet other") == theirs
        assert hands.put_back == []


def test_an_agent_adopts_what_is_as_it_was_loaded(here: Namespace) -> None:
    """Nothing is loaded again by a successor of the same rules, and nothing changes in the kernel."""
    with closing(adopted()):
        before = here("nft -a list ruleset")
    with closing(Hands()) as heir:
        assert heir.performer.reconcile()
        assert not heir.performer.loading
    assert here("nft -a list ruleset") == before


def test_what_was_changed_while_no_agent_was_there_is_found(here: Namespace) -> None:
    """The names of the chains still say that all is loaded; its digest says that it is not."""
    with closing(adopted()):
        before = here("nft list ruleset")
    here(INSERT)
    with closing(Hands()) as heir:
        assert not heir.performer.reconcile()
        assert (heir.turn_until_loaded() or "").startswith("loaded the classifier")
        heir.performer.reconcile()
        assert sorted(here("nft list ruleset").split()) == sorted(before.split())
        assert heir.complaints == []


@pytest.mark.parametrize("limit", ["LARGE", "SLOW"])
def test_a_table_too_large_to_be_compared_is_loaded_anew(
    here: Namespace, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """Beside everything else, in one transaction, with its applications and members where they were."""
    monkeypatch.setattr(tablecare, limit, -1)
    with closing(adopted()) as hands:
        before = here("nft list ruleset")
        here(INSERT)
        assert not touched(hands)
        assert hands.performer.loading
        hands.turn_until_loaded()
        assert sorted(without_digest(here("nft list ruleset"))) == sorted(without_digest(before))
        hands.performer.reconcile()
        assert hands.performer.reconcile()


def test_what_the_kernel_will_not_take_back_is_loaded_by_nft(here: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Why is said."""

    def refuse(*_arguments: object) -> None:
        raise DriverError("put the nftables table back", 22)

    with closing(adopted()) as hands:
        before = here("nft list ruleset")
        here(INSERT)
        monkeypatch.setattr(image, "put_back", refuse)
        assert not touched(hands)
        hands.turn_until_loaded()
        assert sorted(here("nft list ruleset").split()) == sorted(before.split())
        assert "put the nftables table back" in hands.complaints[0]


TRANSLATED = (
    CONFIG.replace("groups:", "groups:\n  5: {mode: static, device: eth1, gateway: 10.1.0.5, NAT}")
    .replace("  l1: {device: eth1", "  l1: {device: eth7")
    .replace("NAT", "nat: masquerade, mss_clamp: auto, mtu: 1400")
)
BOTH = TRANSLATED.replace(
    "groups:", "groups:\n  6: {mode: static, device: eth1, gateway: 10.1.0.6, mss_clamp: auto, mtu: 1400}"
)


@pytest.mark.parametrize("chain", ["translate_sources", "clamp_segments", "asked", "answer"])
def test_translation_is_put_back_without_nft(here: Namespace, chain: str) -> None:
    """Chains of every hook."""
    with closing(Hands(loaded(BOTH))) as hands:
        assert hands.performer.reconcile()
        before = here(f"nft list chain inet linkbalancer {chain}")
        here(f"nft flush chain inet linkbalancer {chain}")
        touched(hands)
        assert here(f"nft list chain inet linkbalancer {chain}") == before
        assert (hands.put_back, hands.complaints) == ([f"nftables: the chain {chain} as it was"], [])
        assert touched(hands)


def test_gateways_behind_one_device_are_followed(here: Namespace) -> None:
    """Their MACs are in the map once the kernel knows them, come back when taken out, and wait for the table."""
    with closing(Hands(loaded(BOTH))) as hands:
        here("ip neigh replace 10.1.0.5 lladdr 02:00:00:00:00:05 dev eth1 nud reachable")
        here("ip neigh replace 10.1.0.6 lladdr 02:00:00:00:00:06 dev eth1 nud reachable")
        hands.performer.reconcile()
        listed = here("nft list map inet linkbalancer upstreams")
        assert '"eth1" . 02:00:00:00:00:05 : goto asked_by_5' in listed
        assert '"eth1" . 02:00:00:00:00:06 : goto asked_by_6' in listed
        here("nft flush map inet linkbalancer upstreams")
        hands.performer.reconcile()
        assert here("nft list map inet linkbalancer upstreams") == listed
        with closing(NetlinkSocket(ROUTE)) as route:
            here("nft delete table inet linkbalancer")
            hands.performer.care.follow(route)
        assert hands.complaints == []


def test_another_mtu_is_no_repair(here: Namespace) -> None:
    """A successor lays its route as it has it; what somebody else makes of it is put back, and told."""
    here("ip addr add 10.1.0.9/24 dev eth1")
    hop = SetNextHop(5, ViaLink("eth1", IPv4Address("10.1.0.5")))
    with closing(Hands(loaded(TRANSLATED))) as hands:
        hands.performer.perform(hop)
        assert "mtu 1400" in here("ip route show table 20005")
    with closing(Hands(loaded(TRANSLATED.replace("mtu: 1400", "mtu: 1300")))) as hands:
        hands.performer.reconcile()
        assert "mtu 1300" in here("ip route show table 20005")
        assert hands.put_back == []
        here("ip route replace default via 10.1.0.5 dev eth1 table 20005 proto 112 onlink")
        hands.performer.reconcile()
        assert "mtu 1300" in here("ip route show table 20005")
        assert hands.put_back == ["route: next hop of VID 5: 10.1.0.5 over eth1"]
