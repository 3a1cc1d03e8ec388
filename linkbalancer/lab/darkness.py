"""The verdict on hosts whose links are all dead: a gateway that says no, or none at all, as `on_probe_loss` has it."""

from collections.abc import Container, Iterator, Mapping
from typing import Any, Final

RETURN_MS: Final = 1000.0
"""The longest outage from when the first link is open again: a master-down interval, and what LVrrp and hosts add."""

ANSWER_MS: Final = 50.0
"""The longest time without an answer where somebody is to answer: a Master that claims waits for an objection first."""

SILENT_MS: Final = 1000.0
"""How long nobody may have answered for a virtual IP at the end of a darkness in which nobody is to."""

KINDS: Final = frozenset({"blackout", "comeback"})


def verdict(report: Mapping[str, Any], fault: Mapping[str, Any], *, healed: bool) -> Iterator[str]:
    """Yield what is not as it must be, for the virtual IPs and for what needs a link."""
    dark = fault["fault"] == "blackout" and not healed
    phase = fault["healed" if healed else "broken"]
    for one in phase["virtual_ips"]:
        where = f"the virtual IP {one['address']}"
        if one["vid"] in report["answering"][one["side"]]:
            for what, outage in (("ping", one["outage_ms"]), ("ARP", one["arp_outage_ms"])):
                if outage > ANSWER_MS:
                    yield f"{where} did not answer {what} for {outage:g} ms, though a gateway there is demoted"
        elif dark and min(one["silent_ms"], one["arp_silent_ms"]) < SILENT_MS:
            yield f"{where} is still answered, though every gateway there stops"
    if dark:
        yield from _refused(report, phase)


def is_its(fault: Mapping[str, Any], *, healed: bool) -> bool:
    """Whether a phase of a fault goes on without any link, or begins so."""
    return fault["fault"] == "blackout" or (fault["fault"] == "comeback" and not healed)


def limit(fault: Mapping[str, Any], links: Container[str], protocol: str, *, healed: bool) -> float:
    """Return the longest outage in ms in such a phase, of a flow that may use these links: the first one takes it.

    TCP that was cut off for seconds asks again after as long as it has waited, by its own clock.
    """
    opened: Mapping[str, float] = fault["healed" if healed else "broken"]["opened_ms"]
    there = min((since for link, since in opened.items() if link in links), default=0.0) + RETURN_MS
    return there if healed or protocol != "tcp" else 2 * there


def _refused(report: Mapping[str, Any], phase: Mapping[str, Any]) -> Iterator[str]:
    for side, direction in (("near", "out"), ("far", "back")):
        gateway = report["host_gateways"][side]
        answered = any(
            one["address"] == gateway and one["vid"] in report["answering"][side] for one in phase["virtual_ips"]
        )
        refusals = sum(flow["unreachable"] for flow in phase["flows"] if flow["direction"] == direction)
        if answered and not refusals:
            yield f"the {side} host is not told that its packets have nowhere to go (ICMP unreachable)"
