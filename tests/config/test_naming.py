"""Tests of the section `names`."""

import pytest
from pydantic import ValidationError

from linkbalancer.clock import SECOND
from linkbalancer.config.naming import RESOLVERS_MAX, Names


def test_the_defaults() -> None:
    """The host's resolvers, half a minute to an hour, an hour more."""
    assert Names() == Names.model_validate({"resolvers": [], "ttl": ["30s", "60min"], "grace": "60min"})
    assert Names.model_validate({"ttl": "5s"}).ttl == (5 * SECOND, 5 * SECOND)
    assert Names().model_dump(mode="json") == {"resolvers": [], "ttl": ["30s", "3600s"], "grace": "3600s"}


@pytest.mark.parametrize(
    ("section", "what"),
    [
        ({"ttl": "500ms"}, "500ms is too short"),
        ({"ttl": ["2min", "1min"]}, "runs backwards"),
        ({"grace": 60}, "60 has no unit"),
        ({"resolvers": ["dns.example"]}, "dns.example"),
        ({"resolvers": ["192.0.2.1"] * (RESOLVERS_MAX + 1)}, "8"),
        ({"server": []}, "server"),
    ],
)
def test_what_is_refused(section: dict[str, object], what: str) -> None:
    """Each with its reason."""
    with pytest.raises(ValidationError, match=what):
        Names.model_validate(section)
