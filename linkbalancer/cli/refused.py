"""What VRRP has refused, or let pass though it differs, as a section of `linkbalancer status`; none if all is well."""

from typing import Any, Final

from linkbalancer.cli.screen import Row, Section, vid_in_order

_HARMLESS: Final = frozenset(
    {
        "master_transitions",
        "adv_rcvd",
        "adv_sent",
        "priority_zero_rcvd",
        "priority_zero_sent",
        "new_master_reason",
        "last_event",
    }
)
"""What a group counts while all is well."""


def section(status: dict[str, Any]) -> tuple[Section, ...]:
    """Return the section, or nothing where nothing was refused since the agent began to count."""
    groups = sorted(status["groups"].items(), key=lambda item: vid_in_order(item[0]))
    counted = [(f"VID {vid}", group.get("counters", {})) for vid, group in groups]
    counted += [(device, one["counters"]) for device, one in status.get("interfaces", {}).items()]
    rows = [Row(0, (name, words)) for name, counters in counted if (words := _in_words(counters))]
    return (Section(("adverts of", "refused, or different from ours"), tuple(rows)),) if rows else ()


def _in_words(counters: dict[str, Any]) -> str:
    refused = {name: count for name, count in counters.items() if name not in _HARMLESS and count}
    return ", ".join(f"{name} {count}" for name, count in sorted(refused.items(), key=lambda item: -item[1]))
