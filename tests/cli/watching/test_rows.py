"""What the live view shows of a status: words, marks, order."""

from linkbalancer.cli.watching import rows
from linkbalancer.cli.watching.samples import Octets, Samples
from tests.cli.fakeapi import HISTORY, status
from tests.engine.statuses import application


def test_links() -> None:
    """A closed link is broken, one with loss or drained second best; sparklines take what the width leaves."""
    now = status()
    now["links"]["l1"]["loss"] = 0.02
    samples = Samples()
    samples.take(now, {"eth1": Octets(0, 0)}, 1.0)
    samples.take(now, {"eth1": Octets(1_250_000, 0)}, 2.0)

    first, second = rows.links(now, samples, 80)

    assert (first.badness, second.badness) == (1, 2)
    assert first.cells[:7] == ("▲", "l1", "open", "f1", "1.5ms", "    ██", "2%")
    assert first.cells[8:10] == ("10M", "0")
    assert second.cells[2:5] == ("closed", "f1", "-")
    assert len(rows.links(now, samples, 200)[0].cells[5]) == 44
    now["links"]["l1"]["drained"] = "alice: new fibre"
    assert rows.links(now, Samples(), 80)[0].cells[2::11] == ("drained", "alice: new fibre")


def test_a_full_link_is_second_best() -> None:
    """What its busier direction uses; a daemon that does not say leaves a dash."""
    now = status()
    first, second = rows.links(now, Samples(), 80)
    assert (first.badness, first.cells[11], second.cells[11]) == (0, "12%", "-")
    now["links"]["l1"]["metrics"]["in"]["used"] = 0.97
    assert (rows.links(now, Samples(), 80)[0].badness, rows.links(now, Samples(), 80)[0].cells[11]) == (1, "97%")


def test_vids_at_both_ends() -> None:
    """What this end is, what the far end said, who is Master; a daemon that does not say leaves a question mark."""
    now = status()
    first, second, third = rows.vids(now)

    assert first.cells[:6] == ("●", "1", "master high", "master 150", "this one", "l1")
    assert second.cells[3:5] == ("?", "192.168.1.2")
    assert (third.cells[4], third.badness, third.cells[-1]) == ("none", 2, "does not work: claimed")
    now["groups"]["1"]["drained"] = "by alice"
    assert rows.vids(now)[0].cells[2::5] == ("drained", "by alice")
    now["groups"]["1"]["drained"] = None
    now["groups"]["1"]["state"] = "fault"
    assert rows.vids(now)[0].badness == 1


def test_applications_worst_first_and_filtered() -> None:
    """Those that are nowhere come first, then those on a second choice; a text chooses by name or VID."""
    now = status()
    now["applications"]["voip"]["vid"] = None
    now["applications"]["none"] = {"vid": 1, "vids": [], "next": None, "since_ms": 0, "reason": "x"}

    found = rows.applications(now)

    assert [(row.key, row.badness) for row in found] == [
        ("voip", 2),
        ("mail", 1),
        ("web", 1),
        ("backup", 0),
        ("none", 0),
    ]
    assert found[0].cells[2:4] == ("nowhere", "VID 2")
    assert [row.key for row in rows.applications(now, "VO")] == ["voip"]
    assert [row.key for row in rows.applications(now, "vid 2")] == ["mail", "web"]


def test_an_application_that_is_counted_says_how_busy_it_is() -> None:
    """In bits per second, where it is on; nothing where nothing is counted, or no rate is known yet."""
    way = {"vid": 1, "direction": "out", "bits_per_s": 1_210_000.0}
    ways = {"web": [way, {**way, "vid": 2, "bits_per_s": 90_000.0}], "mail": [{**way, "bits_per_s": None}]}
    placed = {name: application(1) for name in ("web", "mail", "rest")}
    found = rows.applications({**status(), "applications": placed, "counts": {"applications": ways}})
    assert {row.key: row.cells[2] for row in found} == {"web": "VID 1, out 1.3M in 0", "mail": "VID 1", "rest": "VID 1"}


def test_events_newest_first() -> None:
    """When, what, and what came of it."""
    newest, oldest = rows.events(HISTORY)
    assert newest.cells[1:] == ("link l2 closed: silent for 600 ms", "VID 2 to b2; web to VID 1")
    assert oldest.cells[2] == ""
    assert rows.events({}) == []


def test_headline() -> None:
    """The judgement and the worst finding; a daemon without one is settled or not."""
    now = status()
    assert rows.headline(now) == (
        1,
        "b1 (controller): degraded: link l2 has been closed for 5 s: silent for 600 ms (and 1 more)",
    )
    now |= {"health": "good", "findings": []}
    assert rows.headline(now) == (0, "b1 (controller): good")
    now["health"] = "broken"
    assert rows.headline(now)[0] == 2
    del now["health"]
    assert rows.headline(now) == (0, "b1 (controller): settled")
    now["settled"] = False
    assert rows.headline(now) == (1, "b1 (controller): not settled yet")


def test_spans_are_rough() -> None:
    """What is older than a minute changes once a minute."""
    assert [rows.span(one) for one in (0, 59_999, 60_000, 119_000, 3_600_000, 3_660_000, 90_000_000)] == [
        "0 s",
        "59 s",
        "1 min",
        "1 min",
        "1 h",
        "1 h 01 min",
        "1 d 01 h",
    ]
