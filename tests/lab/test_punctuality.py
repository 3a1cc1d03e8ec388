"""How late the agents of a lab were."""

from typing import Any

from linkbalancer.clock import MICROSECOND
from linkbalancer.lab.punctuality import excuses, lateness
from tests.lab.reports import good_report


def late(**counts: int) -> dict[str, Any]:
    """A status whose timers were late so often by less than so many microseconds: `late(_1024=3)`."""
    told = {f"<{bound[1:]}us": count for bound, count in counts.items()}
    return {"daemon": {"timer_lateness": {**told, "worst_us": 9_000_000, "total_us": 9_000_000}}}


def test_the_worst_of_what_was_late_in_between_counts() -> None:
    """Not what had been late before, not what is late by a little."""
    before = {"b1": late(_1024=3, _524288=1), "b2": late(_1024=3), "b3": late(_1024=3)}
    now = {"b1": late(_1024=9, _524288=1), "b2": late(_1024=3, _65536=2, _131072=1), "b3": late(_1024=3, _32768=4)}

    assert {"b2": 131072 * MICROSECOND} == lateness(before, now)


def test_an_agent_that_was_started_in_between_is_left_out() -> None:
    """It was told to be on time long ago; so is one that does not answer, before or now."""
    before = {"b1": late(_1024=30), "b2": None, "b3": late(_1024=3)}
    now = {"b1": late(_1024=3, _8388608=1), "b2": late(_524288=1), "b3": None}

    assert {} == lateness(before, now)


def test_only_phases_that_failed_are_excused() -> None:
    """Each by itself, with the worst of its gateways."""
    report = good_report()
    report["failures"] = ["cut l1, healed: rest out: 3 ICMP redirects"]
    fault = report["faults"][0]
    fault["broken"]["late_ms"] = {"b1": 65.5}
    assert [] == list(excuses(report))

    fault["healed"]["late_ms"] = {"b1": 65.5, "f1": 131.1}
    assert ["cut l1, healed: timers of 2 gateways were up to 131 ms late (f1)"] == list(excuses(report))
