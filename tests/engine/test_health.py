"""How a gateway is, in one word and in sentences for three o'clock in the morning."""

from typing import Any

import pytest

from linkbalancer.engine.health import assess
from tests.engine.statuses import application, drained, group, link, status


def host(severity: str, subject: str = "eth0") -> dict[str, str]:
    """Return a finding of the preflight."""
    return {"severity": severity, "subject": subject, "breaks": "replies are dropped"}


def test_all_is_well() -> None:
    """Nothing to say."""
    assert assess(status()) == ("good", [])


CLOSED = {"links": {"l1": link(open=False, since_ms=180_000, reason="silent for 600 ms")}}
ELSEWHERE = group(state="stopped", master="192.0.2.2", next_hop="x")


@pytest.mark.parametrize(
    ("changes", "health", "sentence"),
    [
        (CLOSED, "degraded", "link l1 has been closed for 3 min 00 s: silent for 600 ms"),
        (
            {"links": {"l1": link(fault="miswired: the peer calls this link l2")}},
            "degraded",
            "link l1: miswired: the peer calls this link l2",
        ),
        (
            {"links": {"l1": link(peer_fault="drained by ann")}},
            "degraded",
            "the far end of link l1 (f1) says: drained by ann",
        ),
        (
            {"links": {"l1": link(peer_fault="x", peer_node=None)}},
            "degraded",
            "the far end of link l1 (10.0.1.2) says: x",
        ),
        (
            {"groups": {"1": group(works=False, why="no Master is heard"), "2": group()}},
            "broken",
            "VID 1 does not work: no Master is heard",
        ),
        (
            {"groups": {"1": group(), "2": group(works=False, why="it left")}},
            "degraded",
            "VID 2 does not work: it left",
        ),
        (
            {"groups": {"1": group(state="fault", master="192.0.2.2", reason="eth0 has no carrier")}},
            "degraded",
            "VID 1 is not served here since 1 min 05 s: eth0 has no carrier",
        ),
        (
            {"lans": {"eth0": {"members": {"192.0.2.2": False, "192.0.2.3": False}, "targets": {}}}},
            "degraded",
            "VID 1 works only by the last link: nothing is left if l1 dies",
        ),
        (
            {**CLOSED, "lans": {"eth0": {"members": {"192.0.2.2": True}, "targets": {}}}, "groups": {"1": ELSEWHERE}},
            "degraded",
            "VID 1 works only by the last gateway: nothing is left if 192.0.2.2 dies",
        ),
        (
            {"applications": {"web": application(None, reason="nothing works")}},
            "broken",
            "application web goes nowhere: nothing works",
        ),
        (
            {"applications": {"web": application(7, reason="it stays")}},
            "broken",
            "application web is on VID 7, which does not work: it stays",
        ),
        (
            {"applications": {"web": application(2, reason="VID 2: VID 1: it left")}},
            "degraded",
            "application web is on its second choice, VID 2, for 10 ms: VID 1: it left",
        ),
        (
            {"applications": {"web": application(1, sla={"level": "rtt<80ms", "breaks": {"1": "rtt 90 ms > 80 ms"}})}},
            "degraded",
            "application web is on VID 1, which breaks its sla (rtt 90 ms > 80 ms), and no other does better",
        ),
        (
            {"applications": {"web": application(1, 9, 8, 7, 1)}},
            "degraded",
            "application web is on its choice 4, VID 1, for 10 ms: its first choice works",
        ),
        (
            {"applications": {"web": application(1, 2, 3, reason="nothing of its list works")}},
            "degraded",
            "application web is on VID 1, which is not on its list: nothing of its list works",
        ),
        (
            {"configuration": {"entry": 12, "state": "fallback", "lines": []}},
            "degraded",
            "the configuration files hold errors; #12 is in force",
        ),
        (
            {"configuration": {"entry": 12, "state": "pending"}},
            "degraded",
            "configuration #12 is on trial: it is taken back unless `linkbalancer confirm` comes",
        ),
        (
            {"configuration": {"entry": 12, "state": "pending", "confirm_left_ms": 48_000}},
            "degraded",
            "configuration #12 is on trial: it is taken back in 48 s unless `linkbalancer confirm` comes",
        ),
        (
            {"preflight": [host("note"), host("error", "eth1"), host("warning"), host("error", "eth2")]},
            "degraded",
            "this host stands in the way: eth1: replies are dropped (and 1 more); see `linkbalancer doctor`",
        ),
        (
            {"configuration": {"state": "reverted", "lines": ["apps.conf:3: no such VID"]}},
            "degraded",
            "a configuration was taken back",
        ),
        ({"configuration": {"state": "good", "lines": ["line 3 is left out"]}}, "degraded", "line 3 is left out"),
        ({"notices": ["something was said"]}, "degraded", "something was said"),
        (
            {"drained": [drained("link", "l1", reason="new cable")]},
            "degraded",
            "link l1 is drained by root since 2026-01-02 03:04:05 UTC: new cable",
        ),
        (
            {"drained": [drained("node", "b1")]},
            "degraded",
            "gateway b1 is drained by root since 2026-01-02 03:04:05 UTC",
        ),
    ],
)
def test_each_finding(changes: dict[str, Any], health: str, sentence: str) -> None:
    """What is wrong is said in a sentence, and how bad it is in a word."""
    assessed, findings = assess(status(**changes))
    assert assessed == health
    assert sentence in findings


def test_the_worst_comes_first() -> None:
    """And the cause before what follows from it, among what is equally bad."""
    whole = status(**CLOSED, applications={"a": application(2), "b": application(None)})
    assert [sentence.split()[:2] for sentence in assess(whole)[1]] == [
        ["application", "b"],
        ["link", "l1"],
        ["application", "a"],
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {**CLOSED, "groups": {"1": ELSEWHERE}},
        {"groups": {"1": group(state="fault", drained="drained by root", master="192.0.2.2")}},
        {"groups": {"1": group(link=None, mode="observe", state="observing", master="192.0.2.2")}},
    ],
)
def test_one_cause_is_said_once(changes: dict[str, Any]) -> None:
    """A group whose link is closed, or that is drained, or that is only observed, has no sentence of its own."""
    assert not [sentence for sentence in assess(status(**changes))[1] if sentence.startswith("VID")]


def test_an_observed_vid_is_nobodys_last() -> None:
    """Who else is a member of a VID that this gateway only observes is not known here."""
    observed = group(link=None, mode="observe", state="observing", master="192.0.2.2")
    lans = {"eth0": {"members": {"192.0.2.2": True}, "targets": {}}}
    assert assess(status(groups={"1": observed}, lans=lans)) == ("good", [])


def test_what_is_gone_is_drained_in_silence() -> None:
    """An entry for a link that this gateway has no longer changes nothing."""
    assert assess(status(drained=[drained("link", "l9", known=False)])) == ("good", [])


def test_a_tracker_that_takes_something_away_is_named() -> None:
    """One that fails without consequence is not, nor one that adds."""
    groups = {
        "1": {"influence": "-50", "adds": -50, "fault": False},
        "2": {"influence": "fault", "adds": 0, "fault": True},
    }
    fails = {"kind": "script", "ok": False, "value": None, "since_ms": 2000, "text": "exit status 1", "groups": groups}
    idle = {**fails, "groups": {"1": {"influence": "+5", "adds": 0, "fault": False}}}
    good = {**fails, "ok": True}
    level, findings = assess(status(trackers={"gw": fails, "idle": idle, "good": good}))
    assert level == "degraded"
    assert findings == ["tracker gw fails for 2 s (exit status 1): VID 2 in fault, VID 1 -50"]
    _level, findings = assess(status(trackers={"gw": {**fails, "text": ""}}))
    assert findings == ["tracker gw fails for 2 s: VID 2 in fault, VID 1 -50"]
