"""Host names in explanations: the addresses that they have by what the resolver wrote, and how old that is."""

import time
from argparse import Namespace
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from linkbalancer.clock import SECOND, in_words
from linkbalancer.daemon import namefile
from linkbalancer.routing.packet import Address, Packet
from linkbalancer.routing.rule import Rule, RuleSet


def directories(args: Namespace) -> tuple[Path, Path]:
    """Return where the daemon's answers may be: the run directory, and what is kept for a start."""
    return args.run_dir, args.state_dir


def resolved(args: Namespace, rules: RuleSet) -> RuleSet:
    """Return rules with the addresses that the running daemon knows, or that it knew last."""
    return rules.resolved(namefile.addresses(directories(args))) if rules.names else rules


def matched(args: Namespace, rule: Rule | None, packet: Packet) -> dict[str, Any] | None:
    """Return by which host's address a rule means a packet, and how old that is; None where no name has to do with it.

    A name that matches at either end; of several with the same address the first.
    """
    if rule is None:
        return None
    ends = ((rule.selector.source_names, packet.source), (rule.selector.destination_names, packet.destination))
    document = next(filter(None, map(namefile.document, directories(args))), {})
    return next((found for names, end in ends for found in _answered(document, names, end)), None)


def in_words_of(found: dict[str, Any] | None) -> list[str]:
    """Return the line of an explanation."""
    if found is None:
        return []
    ttl = in_words(round(found["ttl_s"] * SECOND))
    age = in_words(round(found["age_s"] * SECOND))
    return [f"by name  {found['name']}: {found['address']} was answered {age} ago (TTL {ttl})"]


def _answered(document: dict[str, Any], names: tuple[str, ...], end: Address) -> Iterator[dict[str, Any]]:
    wall = time.clock_gettime(time.CLOCK_REALTIME)
    for name in names:
        known = document.get("names", {}).get(name, {}).get(str(end.version), {}).get("addresses", {})
        for word, seen in known.items():
            if ip_address(word) == end:
                age = max(0.0, round(wall - seen["seen"], 3))
                yield {"name": name, "address": word, "age_s": age, "ttl_s": seen["ttl_s"]}
