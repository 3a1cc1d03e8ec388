"""IPv6 through whole gateways: each application by its own link, away from a link that dies, and back."""

import errno
import sys
import time
from collections.abc import Iterator

import pytest

from tests.daemon.sixsite import FAR_HOST, NEAR_HOST, Site, Talk, exchange, refusal, site
from tests.daemon.waiting import until

pytestmark = pytest.mark.lab

FIRST, SECOND = [(True, True), (False, False)], [(False, False), (True, True)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield both sites, settled."""
    with site(tmp_path_factory.mktemp("six")) as made:
        made.count()
        yield made


@pytest.fixture(scope="module")
def talks(built: Site, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, Talk]]:
    """Return conversations of two applications, by TCP and by UDP, that last as long as the tests."""
    directory = tmp_path_factory.mktemp("talks")
    kinds = [(kind, port) for kind in ("tcp", "udp") for port in (443, 5000)]
    return [(port, built.talk(kind, port, directory / f"{kind}{port}")) for kind, port in kinds]


@pytest.fixture
def six(built: Site, talks: list[tuple[int, Talk]]) -> Site:
    """Return both sites, everything at its place and talking."""
    until(built.settled, 40)
    for _port, one in talks:
        one.goes_on()
    until(lambda: (built.ways(443), built.ways(5000)) == (SECOND, FIRST), 20, "each by its own link")
    return built


def test_each_application_takes_its_own_link_both_ways(six: Site) -> None:
    """Though the hosts' router, of both sites, is the gateway of link 1: it hands on what is another's."""
    assert (six.ways(443), six.ways(5000)) == (SECOND, FIRST)
    table = six.spaces["b1"]("ip -6 route show table 20002")
    mac = six.spaces["b2"]("cat /sys/class/net/eth0/address").strip()
    assert "dev eth0" in table
    assert mac in six.spaces["b1"]("ip -6 neigh show nud permanent dev eth0")
    assert "via fe80::2 dev eth1" in six.spaces["b1"]("ip -6 route show table 20001")


def test_what_is_near_is_not_steered(six: Site) -> None:
    """Nor is what a gateway asks its neighbours: though web goes by link 2, it is found on its device."""
    for name in ("b1", "b2"):
        six.spaces[name]("ip -6 neigh flush dev eth0 nud reachable")
        exchange(six.spaces[name], NEAR_HOST, 443)


def test_a_gateways_own_packets_follow_the_rules(six: Site) -> None:
    """Web of either gateway by link 2, all else by link 1; both have sources that the far side can answer."""
    for name in ("b1", "b2"):
        exchange(six.spaces[name], FAR_HOST, 443)
        exchange(six.spaces[name], FAR_HOST, 5000)
    way = six.spaces["b1"](f"ip -6 route get {FAR_HOST}")
    assert "via fe80::2 dev eth1" in way


def test_a_dead_link_is_left_both_ways_and_taken_again(six: Site, talks: list[tuple[int, Talk]]) -> None:
    """No carrier is lost: silence closes it. All conversations outlive it, and the other application's never pause."""
    since = time.monotonic()
    cut = "table netdev cut {\nchain c { type filter hook ingress device eth1 priority 0; policy drop; }\n}\n"
    ends = [six.spaces[name] for name in ("b2", "f2")]
    for end in ends:
        end("nft -f -", given=cut)
    until(lambda: six.ways(443) == FIRST, 20, "the application moves, both ways")
    for _port, one in talks:
        one.goes_on()
    assert max(one.pause(since) for port, one in talks if port == 5000) < 1.0
    for end in ends:
        end("nft delete table netdev cut")
    until(six.settled, 40, "the link carries its VID again")
    until(lambda: (six.ways(443), six.ways(5000)) == (SECOND, FIRST), 20, "it goes back")


def test_what_others_remove_comes_back(six: Site) -> None:
    """Rules, next hops, pins, what lies below: of IPv6 as of IPv4, and it is told what it was."""
    here = six.spaces["b1"]
    commands = (
        "ip -6 rule",
        "ip -6 route show table 20001",
        "ip -6 route show table 20002",
        "ip -6 neigh show nud permanent",
    )
    before = [here(command) for command in commands]
    here("ip -6 rule del priority 21", "ip -6 route del default via fe80::2 dev eth1 table 20001")
    until(lambda: [here(command) for command in commands] == before, 5)
    here(
        "ip -6 neigh flush dev eth0 nud permanent", "ip -6 route del unreachable default table 20002 metric 4278198272"
    )
    until(lambda: [here(command) for command in commands] == before, 5)
    told = six.gateways["b1"].lines()
    for words in (
        "IPv6 routing rule of priority 21",
        "IPv6 next hop of VID 1",
        "IPv6 unreachable default of table 20002",
    ):
        assert words in told, words


@pytest.mark.parametrize("victims", [("agent",), ()])
def test_a_killed_gateway_goes_on_with_the_packets(
    six: Site, talks: list[tuple[int, Talk]], victims: tuple[str, ...]
) -> None:
    """The kernel keeps what it had, and whoever comes after adopts it: nothing of it is said to have been missing."""
    gateway = six.gateways["b1"]
    since, before = time.monotonic(), gateway.lines().count("IPv6 next hop")
    table = six.spaces["b1"]("ip -6 route show table 20001")
    if victims:
        gateway.kill(*victims)
    else:
        gateway.kill(*gateway.pids())
        gateway.start()
    until(six.settled, 40)
    assert six.spaces["b1"]("ip -6 route show table 20001") == table
    for _port, one in talks:
        one.goes_on()
        assert one.pause(since) < 1.0
    assert gateway.lines().count("IPv6 next hop") == before


def test_a_gateway_that_stops_leaves_its_vids_to_the_other(six: Site) -> None:
    """All of IPv6 goes over the link that is left; started again, it gets its own back."""
    gateway = six.gateways["b1"]
    gateway.stop()
    until(lambda: (six.ways(443), six.ways(5000)) == (SECOND, SECOND), 20, "all by link 2")
    gateway.start()
    until(six.settled, 40)
    until(lambda: six.ways(5000) == FIRST, 20)


def test_what_goes_nowhere_is_refused_and_leaks_nowhere(six: Site) -> None:
    """Without a far end over IPv6, its VID answers that there is no way; the main table's default is not taken."""
    gateway = six.gateways["b1"]
    text = gateway.config.read_text()
    six.spaces["b1"]("ip -6 route add default via 2001:db8:1::9 dev eth0")
    gateway.config.write_text(text.replace('peer6: "fe80::2", ', "") + "steer_ipv6: true\n")
    try:
        gateway.reload()
        until(lambda: "via" not in six.spaces["b1"]("ip -6 route show table 20001"), 10)
        assert gateway.status()["groups"]["1"]["hop6"] == {"kind": "unreachable"}
        exchange(six.near_host, FAR_HOST, 443)  # by link 2, which has one
        assert refusal(six.near_host, FAR_HOST, 5000) in {errno.ENETUNREACH, errno.EHOSTUNREACH}
    finally:
        gateway.config.write_text(text)
        gateway.reload()
        six.spaces["b1"]("ip -6 route del default via 2001:db8:1::9 dev eth0")
    until(six.settled, 40)


def test_ipv6_is_left_to_the_main_table_when_nobody_asks_for_it(six: Site) -> None:
    """A reload without far ends takes rules, tables and pins away; with them, everything is there again."""
    gateway, here = six.gateways["b2"], six.spaces["b2"]
    text = gateway.config.read_text()
    before = here("ip -6 rule")
    gateway.config.write_text(text.replace('peer6: "fe80::2", ', ""))
    try:
        gateway.reload()
        until(lambda: "lookup 20001" not in here("ip -6 rule"), 20)
        until(lambda: here("ip -6 route show table all proto 112") == here("ip -6 neigh show nud permanent") == "", 20)
    finally:
        gateway.config.write_text(text)
        gateway.reload()
    until(lambda: here("ip -6 rule") == before, 20)
    until(lambda: "via fe80::2 dev eth1" in here("ip -6 route show table 20002"), 20)


def test_too_large_a_packet_is_told_to_its_sender(six: Site) -> None:
    """The error of a gateway on the way reaches the host, whichever gateway steers it there."""
    for name in ("b1", "f1"):
        six.spaces[name]("ip link set eth1 mtu 1300")
    try:
        with pytest.raises(OSError, match="too long"):
            exchange(six.near_host, FAR_HOST, 5000, 1400)
        assert exchange(six.near_host, FAR_HOST, 5000) == 1300
        assert exchange(six.near_host, FAR_HOST, 443) == 1300, "a host remembers it of the destination"
    finally:
        for name in ("b1", "f1"):
            six.spaces[name]("ip link set eth1 mtu 1500")
        six.near_host("ip -6 route flush cache")


@pytest.mark.parametrize(("name", "hop"), [("b1", "pinned by us"), ("b2", "fe80::2 over eth1")])
def test_explain_asks_the_kernel_about_a_flow_of_ipv6(six: Site, name: str, hop: str) -> None:
    """Table, next hop and neighbour are held against what the daemon says."""
    gateway = six.gateways[name]
    words = f"--src {NEAR_HOST} --dst {FAR_HOST} --proto udp --sport 40000 --dport 443 --iif eth0"
    command = f"{sys.executable} -m linkbalancer explain --live --run-dir {gateway.run_dir} {words} {gateway.config}"
    told = six.spaces[name](command)
    assert "20002 by rule 22" in told, told
    assert hop in told, told
