"""As many rules of a large file as the driver of iptables is given."""

from collections.abc import Iterator, Sequence

from linkbalancer.config.firewallchecks import LINES_MAX
from linkbalancer.routing.linear import count
from linkbalancer.routing.rule import Rule


def permitted(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the first rules, those of protocol 0 left out, until they make too many lines."""
    return tuple(_taken(rules))


def _taken(rules: Sequence[Rule]) -> Iterator[Rule]:
    left = LINES_MAX
    for rule in rules:
        if 0 in (rule.selector.protocols or ()):
            continue
        left -= count(rule.selector)
        if left < 0:
            return
        yield rule
