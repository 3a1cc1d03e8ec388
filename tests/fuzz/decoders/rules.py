"""A rule file."""

from linkbalancer.config.rules import parse_rules
from tests.config.texts import RULES

SEEDS = [
    RULES.encode(),
    b"App=10.0.0.0/8,@lan * ef,0x10 1-1023,http 443 tcp,udp [1*3+2 2] name=web handover=drain:60s # why\n",
    b"@lan = 10.0.0.0/8, 2001:db8::/32\nApp=* 2001:db8::1 * * * 58 [1]\n",
]


def take(data: bytes) -> None:
    """Parse it; every error has a place and a remedy."""
    text = data.decode(errors="replace")
    for finding in parse_rules(text, "apps.conf").errors:
        assert finding.line >= 1
        assert finding.what
