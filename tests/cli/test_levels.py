"""Service levels on the screens: the links that are judged, and the applications that are worse off than they ask."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from linkbalancer.cli import status as command
from linkbalancer.cli.levels import HEADER, breaks, sections
from linkbalancer.cli.screen import Screen
from linkbalancer.cli.status import draw
from linkbalancer.cli.watching import rows
from tests.engine.statuses import application, status


def level(link: str, of: str | None = None, **broken: str) -> dict[str, Any]:
    """Return a link that is judged, as a status has it."""
    figures = {"loss": 0.0312, "rtt_ms": 120.4, "jitter_ms": None}
    return {
        "link": link,
        "of": of,
        "device": of and "eth0",
        **figures,
        "breaks": {"rtt<80ms": broken["by"]} if broken else {},
    }


JUDGED = [level("l1"), level("l2", "192.0.2.2", by="rtt 120 ms > 80 ms")]
WORSE = application(1, sla={"level": "rtt<80ms", "breaks": {"1": "rtt 120 ms > 80 ms"}})


def test_the_links_that_are_judged_have_a_table() -> None:
    """Those that break something first; none where nobody asks."""
    (section,) = sections(status(service_levels=JUDGED))

    assert section.header == HEADER
    assert [(row.badness, row.cells) for row in section.rows] == [
        (1, ("l2", "192.0.2.2", "3.1%", "120 ms", "-", "rtt<80ms: rtt 120 ms > 80 ms")),
        (0, ("l1", "here", "3.1%", "120 ms", "-", "nothing")),
    ]
    assert sections(status(service_levels=[])) == sections(status()) == ()


@pytest.mark.parametrize(
    ("one", "worse"),
    [
        (application(1), False),
        (application(1, sla=None), False),
        (application(2, sla={"level": "x", "breaks": {"1": "y"}}), False),
        (WORSE, True),
    ],
)
def test_an_application_is_worse_off_where_its_own_vid_breaks_its_level(one: dict[str, Any], *, worse: bool) -> None:
    """Not where another one does."""
    assert breaks(one) is worse
    now = status(applications={"web": one})
    assert [row.badness for row in rows.applications(now)] == [int(one["vid"] == 2 or worse)]


def test_a_screen_shows_both() -> None:
    """On 80 columns; and what it shows is of the schema's shape."""
    now = status(applications={"web": WORSE}, service_levels=JUDGED)
    shown = draw(now, Screen(width=80))

    assert "service level of" in shown
    assert "l2                192.0.2.2" in shown
    assert max(map(len, shown.splitlines())) <= 80
    jsonschema.validate(now, json.loads(Path(command.SCHEMA).read_text()))
