"""The example of docs/nat.md is a good configuration, and comes to what the page says."""

import re
from pathlib import Path

from linkbalancer.config.load import load
from linkbalancer.config.ways import ways

PAGE = Path(__file__).parents[2] / "docs" / "nat.md"


def test_the_example_is_good() -> None:
    """As it stands there, without a warning, its rules too."""
    text = PAGE.read_text()
    config = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0]
    rules, own = re.findall(r"```\n(App=.*?)```", text, re.DOTALL)
    files = {"linkbalancer.yaml": config, "apps.conf": own + rules}
    loaded = load("linkbalancer.yaml", files.__getitem__)
    assert loaded.warnings == ()
    assert [str(way.translation) for way in ways(loaded.config)] == [
        "masquerade; NPTv6, fd00:1::/48 as 2001:db8:1::/48",
        "SNAT to 192.0.2.2",
    ]
    assert list(loaded.rules.applications) == ["from-second", "web", "rest"]
