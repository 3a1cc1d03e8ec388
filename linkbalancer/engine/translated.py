"""What becomes of what leaves, way by way, as a status tells it."""

from collections.abc import Iterator
from typing import Any

from linkbalancer.config.model import Config
from linkbalancer.config.ways import ways
from linkbalancer.routing.translation import Translation, Way


def describe(config: Config) -> list[dict[str, Any]]:
    """Return each way on which something is translated, clamped or kept small, as JSON-able values."""
    return [_described(way, config) for way in _touched(config)]


def _touched(config: Config) -> Iterator[Way]:
    for way in ways(config):
        if way.translation != Translation() or way.clamp is not None or way.mtu is not None:
            yield way


def _described(way: Way, config: Config) -> dict[str, Any]:
    nat = way.translation
    links = (name for name, link in config.links.items() if way.gateway is None and link.device == way.device)
    prefixes = nat.nptv6 and {"inside": str(nat.nptv6.inside), "outside": str(nat.nptv6.outside)}
    return {
        "way": next(links, str(way.gateway)),
        "device": way.device,
        "vids": list(way.vids),
        "ipv4": "snat" if nat.snat is not None else "masquerade" if nat.masquerade else "none",
        "address": None if nat.snat is None else str(nat.snat),
        "nptv6": prefixes,
        "mss_clamp": way.clamp,
        "mtu": way.mtu,
    }
