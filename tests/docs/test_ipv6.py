"""What the page about IPv6 shows can be used as it stands."""

import re
from pathlib import Path
from textwrap import dedent

from linkbalancer.config.load import Loaded, load
from linkbalancer.config.ways import twins

PAGE = (Path(__file__).parents[2] / "docs" / "ipv6.md").read_text()
LINKS, PROVIDERS = map(dedent, re.findall(r"```yaml\n(.*?)[ ]*```", PAGE, re.DOTALL))
RULES = re.findall(r"```\n(App=.*?)```", PAGE, re.DOTALL)[0]


def loaded(role: str, config: str, rules: str) -> Loaded:
    """Load what the page shows, with the rest of a gateway's file around it."""
    text = f"node: b1\nrole: {role}\nlans: {{eth0: {{}}}}\n{config}applications: apps.conf\n"
    return load("linkbalancer.yaml", {"linkbalancer.yaml": text, "apps.conf": rules}.__getitem__)


def test_a_gateway_of_two_links() -> None:
    """Its own link's far end; rules for IPv6 alone, and for both families, have where to go."""
    found = loaded("controller", LINKS, RULES)
    assert found.warnings == ()
    assert [str(one.gateway6) for one in twins(found.config) or ()] == ["fe80::2"]


def test_two_providers_with_a_prefix_each() -> None:
    """On devices of their own, and behind one."""
    both = loaded("standalone", PROVIDERS, RULES)
    assert [str(one.gateway6) for one in twins(both.config) or ()] == ["fe80::1", "2001:db8:f::1"]
    assert loaded("standalone", PROVIDERS.replace("eth2", "eth1"), RULES).warnings == ()
