"""What becomes of what leaves, way by way, as `linkbalancer status` shows it."""

from collections.abc import Mapping
from typing import Any, Final

from linkbalancer.cli.screen import Row, Section

HEADER: Final = ("translation by", "device", "VIDs", "IPv4 leaves as", "IPv6 leaves as", "MSS", "MTU")


def sections(status: Mapping[str, Any]) -> tuple[Section, ...]:
    """Return a table of the ways on which something is changed, where there are any (an older daemon tells none)."""
    rows = tuple(Row(0, _cells(one)) for one in status.get("translation", ()))
    return (Section(HEADER, rows),) if rows else ()


def _cells(way: Mapping[str, Any]) -> tuple[str, ...]:
    ipv4 = {"masquerade": "the device's address", "snat": str(way["address"]), "none": "it is"}[way["ipv4"]]
    prefixes = way["nptv6"]
    clamp = {None: "-", "auto": "as fits"}.get(way["mss_clamp"], str(way["mss_clamp"]))
    return (
        way["way"],
        way["device"],
        ", ".join(map(str, way["vids"])) or "-",
        ipv4,
        "it is" if prefixes is None else prefixes["outside"],
        clamp,
        "-" if way["mtu"] is None else str(way["mtu"]),
    )
