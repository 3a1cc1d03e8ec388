"""Service levels that a gateway cannot keep are refused; those that move nothing are told."""

from linkbalancer.routing.servicelevel import LEVELS_MAX
from tests.config.texts import CONFIG, changed, loaded, refusals

STATIC = "mode: static, device: eth0, gateway: 192.168.1.9, probes: [{icmp: 192.168.1.9}]"
OBSERVED = "device: eth0, mode: observe, virtual_ips: [192.168.1.252/24]"


def warnings(rules: str, config: str = CONFIG) -> list[str]:
    """Return the warnings of rules."""
    return [str(one).removeprefix("etc/") for one in loaded(config, rules).warnings if "sla=" in one.remedy + one.what]


def test_a_level_is_taken() -> None:
    """Of VIDs with links, here or at a neighbour's."""
    good = loaded(rules="App=* * * * * * [2 1] name=web sla=rtt<80ms\n")

    assert str(good.rules.applications["web"].sla) == "rtt<80ms"
    assert good.warnings == ()
    assert good.config.vids_over("l1") == {1}
    assert good.config.vids_over("l9") == frozenset()


def test_so_many_levels_there_may_be() -> None:
    """One more is refused where it is written; the same one twice is one."""
    rules = [f"App=* * * * {port} tcp [2 1] name=a{port} sla=rtt<{port % LEVELS_MAX + 1}ms\n" for port in range(20)]

    assert refusals(rules="".join(rules)) == []
    assert refusals(rules="".join(rules) + "App=* * * * 80 tcp [2 1] name=one-more sla=rtt<99ms\n") == [
        (
            "apps.conf:21:40: 9 different service levels, and a link is judged by 8 at most; give applications of"
            " one kind the same sla="
        )
    ]


def test_what_nobody_measures_is_refused() -> None:
    """A gateway without LVrrp, and VIDs without a link."""
    alone = "node: r1\nrole: standalone\ngroups:\n  1: {device: eth0, virtual_ips: [192.168.1.251/24]}\n"
    alone += f"  2: {{{OBSERVED}}}\napplications: apps.conf\n"
    rules = "App=* * * * * * [2 1] name=web sla=rtt<80ms\n"

    assert refusals(alone, rules) == [
        "apps.conf:1:32: a standalone gateway measures no link, so no service level is kept or broken; leave sla= out"
    ]
    assert refusals(changed((OBSERVED, STATIC)), "App=* * * * * * [2] name=web sla=rtt<80ms\n") == [
        (
            "apps.conf:1:30: all VIDs of the line are static, and links without LVrrp are not measured; leave sla="
            " out, or name a VID with a link"
        )
    ]


def test_what_can_move_nothing_is_told() -> None:
    """One VID alone, or one that is always taken to be good."""
    assert warnings("App=* * * * * * [1] name=web sla=rtt<80ms\n") == [
        (
            "apps.conf:1:30: web has no other VID to go to when its service level is broken; name another VID, or leave"
            " sla= out"
        )
    ]
    assert warnings("App=* * * * * * [2 1] name=web sla=rtt<80ms\n", changed((OBSERVED, STATIC))) == []
    (found,) = [
        str(one)
        for one in loaded(changed((OBSERVED, STATIC)), "App=* * * * * * [2 1] name=web sla=rtt<80ms\n").warnings
        if "static" in one.what
    ]
    assert found == (
        "etc/apps.conf:1:32: VID 2 is static: it is not measured, and always taken to keep the service level;"
        " name it last"
    )


def test_without_groups_only_that_is_said() -> None:
    """A level is not judged by what is not there."""
    broken = CONFIG.split("groups")[0] + "groups: []\napplications: apps.conf\n"

    assert all("sla" not in one for one in refusals(broken, "App=* * * * * * [2 1] name=web sla=rtt<80ms\n"))
