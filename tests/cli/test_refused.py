"""What `status` shows of adverts that were refused."""

from linkbalancer.cli.refused import section
from linkbalancer.cli.screen import Screen, tables
from linkbalancer.engine.counters import GROUP_NAMES, INTERFACE_NAMES
from tests.engine.statuses import group, status

QUIET = {"counters": {**dict.fromkeys(INTERFACE_NAMES, 0)}}
COUNTED = {**dict.fromkeys(GROUP_NAMES, 0), "adv_rcvd": 7, "new_master_reason": "priority", "last_event": "startup"}


def test_nothing_is_shown_while_all_is_well() -> None:
    """Adverts sent and heard are no news."""
    assert section(status()) == ()
    assert section(status(interfaces={"eth0": QUIET}, groups={"1": group(counters=COUNTED)})) == ()


def test_what_was_refused_is_shown_by_group_and_by_device() -> None:
    """Groups first, each reason by its counter, the most frequent first."""
    shown = section(
        status(
            interfaces={"eth0": {"counters": {**QUIET["counters"], "vrid_errors": 3}}},
            groups={
                "10": group(counters={**COUNTED, "auth_failures": 2, "looped": 12}),
                "2": group(counters={**COUNTED, "interval_errors": 1}),
                "3": group(counters=COUNTED),
            },
        )
    )
    assert "\n".join(tables(shown, Screen(), 0)) == (
        "\n  adverts of  refused, or different from ours\n"
        "  VID 2       interval_errors 1\n"
        "  VID 10      looped 12, auth_failures 2\n"
        "  eth0        vrid_errors 3"
    )
