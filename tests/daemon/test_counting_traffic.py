"""Counters by application and VID, on real packets: what was sent is what is counted, whatever happens meanwhile."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.cli.screen import Screen
from linkbalancer.cli.status import draw
from tests.daemon.providers import CONFIG, Site, site
from tests.daemon.waiting import until

pytestmark = pytest.mark.lab

COUNTING = CONFIG + "metrics: {count: all}\n"
HEADERS = 28
"""Bytes of IPv4's and UDP's headers."""

SEND = """
import socket, sys
port, flows, packets, size = map(int, sys.argv[1:])
for flow in range(flows):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(2)
    sock.connect(("198.51.100.1", port))
    for number in range(packets):
        sock.send(b"x" * size)
        assert len(sock.recv(200)) > size
"""
"""Sends, and waits for each echo, which is longer by a blank and the address that the outside saw."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield a gateway with two providers that work, which counts."""
    with site(tmp_path_factory.mktemp("counted")) as built:
        built.gateway.config.write_text(COUNTING)
        built.gateway.start()
        until(lambda: works(built) == {"1": True, "2": True}, 20)
        until(lambda: places(built) == {"web": 2, "rest": 1}, 20)
        until(lambda: built.gateway.status().get("counts", {}).get("interval_ms"), 20, "it is counted")
        yield built
        assert built.gateway.stop() == 0


def works(running: Site) -> dict[str, bool]:
    """Return which VIDs work."""
    return {vid: group["works"] for vid, group in running.gateway.status().get("groups", {}).items()}


def places(running: Site) -> dict[str, int]:
    """Return where applications go."""
    return {name: one["vid"] for name, one in running.gateway.status().get("applications", {}).items()}


def counted(running: Site, application: str) -> dict[tuple[int | None, str], tuple[int, int, int]]:
    """Return packets, bytes and flows by VID and direction."""
    ways = running.gateway.status().get("counts", {}).get("applications", {}).get(application, ())
    return {(one["vid"], one["direction"]): (one["packets"], one["bytes"], one["flows"]) for one in ways}


def more(running: Site, application: str, before: Any, key: tuple[int | None, str]) -> tuple[int, ...]:
    """Return what came to a count."""
    now = counted(running, application).get(key, (0, 0, 0))
    return tuple(one - two for one, two in zip(now, before.get(key, (0, 0, 0)), strict=True))


def send(running: Site, port: int, flows: int, packets: int, size: int, *, own: bool = False) -> None:
    """Have the host inside, or the gateway itself, send and wait for every echo."""
    where = running.gw if own else running.inside
    where(f"{sys.executable} - {port} {flows} {packets} {size}", given=SEND)


def expected(flows: int, packets: int, size: int, address: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return what must be counted out and in."""
    many = flows * packets
    return (many, many * (size + HEADERS), flows), (many, many * (size + 1 + len(address) + HEADERS), 0)


def is_counted(running: Site, application: str, before: Any, vid: int, wanted: Any) -> None:
    """Wait until all of it is counted; nothing more is."""

    def came() -> tuple[tuple[int, ...], ...]:
        return tuple(more(running, application, before, (vid, direction)) for direction in ("out", "in"))

    until(lambda: came() == wanted, 8, f"counted: {wanted}")


def test_what_was_sent_is_counted(running: Site) -> None:
    """To the packet and to the byte, in both directions, with the flows that began; each application by itself."""
    web, rest = counted(running, "web"), counted(running, "rest")
    send(running, 443, 3, 40, 50)
    is_counted(running, "web", web, 2, expected(3, 40, 50, "192.0.2.2"))
    send(running, 9999, 2, 25, 80)
    is_counted(running, "rest", rest, 1, expected(2, 25, 80, "203.0.113.2"))
    assert more(running, "web", web, (1, "out")) == (0, 0, 0)


def test_the_gateways_own_traffic_is_counted(running: Site) -> None:
    """What it sends leaves by no forward hook, and what answers is delivered here."""
    before = counted(running, "web")
    send(running, 443, 2, 10, 30, own=True)
    is_counted(running, "web", before, 2, expected(2, 10, 30, "192.0.2.2"))


def test_after_a_failover_the_other_vid_counts(running: Site) -> None:
    """And the first one again after the way back; nothing that was counted is lost."""
    before = counted(running, "rest")
    running.p1("ip link set eth0 down")
    until(lambda: places(running)["rest"] == 2, 20)
    send(running, 9999, 1, 10, 10)
    is_counted(running, "rest", before, 2, expected(1, 10, 10, "192.0.2.2"))
    running.p1("ip link set eth0 up", "ip route replace 198.51.100.0/24 via 10.9.1.2")
    until(lambda: places(running)["rest"] == 1, 20)
    again = counted(running, "rest")
    assert again[1, "out"] == before[1, "out"]
    send(running, 9999, 1, 5, 10)
    is_counted(running, "rest", again, 1, expected(1, 5, 10, "203.0.113.2"))


@pytest.mark.parametrize("victim", ["agent", "api", "zygote", "web"])
def test_a_killed_process_loses_no_count(running: Site, victim: str) -> None:
    """Not even the one that counts up: the kernel counts on, and the next one goes on by it."""
    before, pid = counted(running, "web"), running.gateway.pids()[victim]
    os.kill(pid, signal.SIGKILL)
    send(running, 443, 2, 20, 40)
    until(lambda: running.gateway.pids().get(victim, pid) != pid, 20, "it is started again")
    is_counted(running, "web", before, 2, expected(2, 20, 40, "192.0.2.2"))


def test_a_killed_counter_is_replaced(running: Site) -> None:
    """With its parent, for the child had rights that the parent has not."""
    before = counted(running, "web")
    (child,) = (pid for pid in running.gw.pids() if name_of(pid) == "lb:counter")
    os.kill(child, signal.SIGKILL)
    send(running, 443, 1, 20, 40)
    until(lambda: any(name_of(pid) == "lb:counter" for pid in running.gw.pids()), 20, "there is another one")
    is_counted(running, "web", before, 2, expected(1, 20, 40, "192.0.2.2"))


def test_a_restart_and_an_upgrade_go_on(running: Site) -> None:
    """The table stays, and so do the sums of this boot."""
    before = counted(running, "web")
    running.gateway.restart()
    send(running, 443, 1, 10, 20)
    until(lambda: running.gateway.status().get("counts", {}).get("interval_ms"), 20)
    is_counted(running, "web", before, 2, expected(1, 10, 20, "192.0.2.2"))


def test_a_flushed_ruleset_takes_nothing_that_was_told(running: Site) -> None:
    """What was counted up stays, the table is back within seconds, and goes on."""
    before = counted(running, "web")
    running.gw("nft flush ruleset")
    until(lambda: "linkbalancer_counts" in running.gw("nft list tables"), 10, "it is back")
    assert counted(running, "web") == before
    until(lambda: "app2vid" in running.gw("nft list table inet linkbalancer"), 10)
    send(running, 443, 1, 15, 20)
    is_counted(running, "web", before, 2, expected(1, 15, 20, "192.0.2.2"))
    running.gw("nft flush chain inet linkbalancer_counts leaves")
    until(
        lambda: "count_out" in running.gw("nft list chain inet linkbalancer_counts leaves"), 10, "a rule is back, too"
    )


def test_it_is_switched_by_a_reload_which_replaces_nobody_that_steers(running: Site) -> None:
    """One application less, all, none: the agent is not replaced, no classifier loaded, no flow classified anew."""
    agent, rules = running.gateway.pids()["agent"], running.gw("nft -s list table inet linkbalancer")
    try:
        running.gateway.config.write_text(CONFIG + "metrics: {count: [web]}\n")
        assert running.gateway.reload()["lines"] == ["replaced: api"]
        until(lambda: set(applications(running)) == {"web"}, 20, "the other one is counted no more")
        before = counted(running, "web")
        send(running, 443, 1, 10, 20)
        send(running, 9999, 1, 10, 20)
        is_counted(running, "web", before, 2, expected(1, 10, 20, "192.0.2.2"))
        assert set(applications(running)) == {"web"}
        running.gateway.config.write_text(CONFIG)
        running.gateway.reload()
        until(lambda: "linkbalancer_counts" not in running.gw("nft list tables"), 10, "nothing is left of it")
        assert "counts" not in running.gateway.status()
    finally:
        running.gateway.config.write_text(COUNTING)
        running.gateway.reload()
    until(lambda: (running.gateway.status().get("counts") or {}).get("interval_ms"), 20)
    assert running.gateway.pids()["agent"] == agent
    assert running.gw("nft -s list table inet linkbalancer") == rules


def test_a_new_application_is_counted(running: Site) -> None:
    """After a reload of the rules alone, which leaves the api's process as it is; the others' counts stay."""
    api, before = running.gateway.pids()["api"], counted(running, "web")
    rules = running.gateway.directory / "apps.conf"
    text = rules.read_text()
    try:
        rules.write_text("App=* * * * 80 udp [2] name=other\n" + text)
        running.gateway.reload()
        until(lambda: "other" in places(running), 20)
        until(lambda: len(json.loads(running.gw(LIST))["nftables"][-1]["set"]["elem"]) == 3, 20, "it is counted")
        send(running, 80, 1, 10, 20)
        is_counted(running, "other", {}, 2, expected(1, 10, 20, "192.0.2.2"))
        assert running.gateway.pids()["api"] == api
    finally:
        rules.write_text(text)
        running.gateway.reload()
    until(lambda: "other" not in applications(running), 20, "what is gone is forgotten")
    assert counted(running, "web") == before


def test_status_shows_it(running: Site) -> None:
    """The busiest first, within 80 columns."""
    send(running, 9999, 1, 400, 90)
    text = until(lambda: shown(running) if "rest" in shown(running)[0:200] else "", 8)
    assert all(len(line) <= 80 for line in text.splitlines()), text


LIST = "nft -j list set inet linkbalancer_counts counted"


def shown(running: Site) -> str:
    """Return the table, where there is one."""
    text = draw(running.gateway.status(), Screen(80))
    return text[text.index("  traffic ") :] if "  traffic " in text else ""


def applications(running: Site) -> dict[str, Any]:
    """Return what is told of each application that is counted."""
    return dict((running.gateway.status().get("counts") or {}).get("applications", {}))


def name_of(pid: int) -> str:
    """Return what a process calls itself."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
