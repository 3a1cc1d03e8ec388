"""Rules and routes of IPv6, judged as IPv4's where it is steered."""

from dataclasses import replace

import pytest

from linkbalancer.config.load import load
from linkbalancer.engine.preflight.judgement import judge
from linkbalancer.engine.preflight.observed import Observed, Route, Rule, Wanted
from linkbalancer.routing.plan import routing_tables
from tests.engine.preflight.hosts import FILES, KERNELS, MARKS, OURS, SWITCHES, WANTED, changed

STEERED = FILES["linkbalancer.yaml"].replace("insecure: true", 'insecure: true, peer6: "fe80::2"')
WANTED6 = Wanted(load("x.yaml", {**FILES, "x.yaml": STEERED}.__getitem__).config, SWITCHES)
KERNELS6 = KERNELS[:2]
"""IPv6 has no table of defaults."""

GOOD6 = changed(
    rules6=(*KERNELS6, *OURS),
    routes6=(
        Route("fe80::/64 dev eth0", 254, 2),
        *(Route("unreachable default", table, 112) for table in routing_tables((1, 2), MARKS)),
    ),
)


def ruled(*rules: Rule) -> Observed:
    """Return a good host with further rules of IPv6."""
    return replace(GOOD6, rules6=(*KERNELS6, *OURS, *rules))


FOUND = {
    "rule-takes-marks": ruled(Rule(5210, "from all fwmark 0x80000/0xff0000 lookup 254", 254, 0, 0x80000, 0xFF0000)),
    "rule-before-ours": ruled(Rule(5, "from 2001:db8::/32 lookup 100", 100, 3)),
    "rule-number": ruled(Rule(100, "from 2001:db8::/32 lookup 100", 100, 3)),
    "table-taken": replace(GOOD6, routes6=(Route("default via fe80::9 dev eth1", 20001, 3),)),
    "protocol-taken": replace(GOOD6, routes6=(Route("default via fe80::9 dev eth1", 77, 112),)),
    "local-rule-late": replace(GOOD6, rules6=(replace(KERNELS6[0], priority=700), KERNELS6[1], *OURS)),
    "main-rule-missing": replace(GOOD6, rules6=(KERNELS6[0], *OURS)),
    "rule-missing": replace(GOOD6, rules6=(*KERNELS6, *OURS[1:])),
}
FIXES = {
    "local-rule-late": ["ip -6 rule add priority 0 lookup local"],
    "main-rule-missing": ["ip -6 rule add priority 32766 lookup main"],
}


def test_a_good_host() -> None:
    """With the rules of both families; or when those of IPv6 could not be seen."""
    assert judge(WANTED6, GOOD6) == ()
    assert judge(WANTED6, replace(GOOD6, rules6=None, routes6=None)) == ()
    assert judge(WANTED6, replace(GOOD6, running=False, rules6=KERNELS6, routes6=())) == ()


@pytest.mark.parametrize("name", FOUND)
def test_one_thing_wrong_is_one_finding(name: str) -> None:
    """It says that it is IPv6's, how it was seen, and how that is mended."""
    (found,) = judge(WANTED6, FOUND[name])
    assert found.kind.name == name
    assert found.subject.endswith(" (IPv6)")
    assert found.seen.startswith("ip -6 r")
    assert [str(step) for step in found.steps] == FIXES.get(name, [])
    if name in FIXES:
        assert found.mend.endswith(f"{FIXES[name][0]}.")


@pytest.mark.parametrize("name", FOUND)
def test_of_a_family_that_is_not_steered_nothing_is_judged(name: str) -> None:
    """Rules of IPv6 are then none of ours."""
    assert not WANTED.steers_ipv6
    assert judge(WANTED, FOUND[name]) == ()


def test_both_families_may_be_wrong_in_one_way() -> None:
    """Two findings, told apart by their subjects."""
    rules = (KERNELS[0], *OURS)
    found = judge(WANTED6, replace(GOOD6, rules=rules, rules6=rules))
    assert [(one.kind.name, one.subject) for one in found] == [
        ("main-rule-missing", "main"),
        ("main-rule-missing", "main (IPv6)"),
    ]
