"""What the README shows is right: its configuration and its rules are accepted by `check`."""

import re
import textwrap
from pathlib import Path

from linkbalancer.config.load import load

README = Path(__file__).parents[1] / "README.md"


def test_the_gateway_in_the_readme_is_accepted() -> None:
    """Its YAML and its rules, together, have no error."""
    blocks = re.findall(r"```(\w*)\n(.*?)```", textwrap.dedent(README.read_text()), re.DOTALL)
    (yaml,) = (text for language, text in blocks if language == "yaml")
    (rules,) = (text for language, text in blocks if not language and "App=" in text)
    files = {"linkbalancer.yaml": textwrap.dedent(yaml), "apps.conf": textwrap.dedent(rules)}

    loaded = load("linkbalancer.yaml", files.__getitem__)

    assert ["web", "voip", "rest"] == list(loaded.rules.applications)
    assert (1, 2) == loaded.config.vids
