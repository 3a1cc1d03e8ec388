"""What was found, in words."""

from linkbalancer.cli.blocks import Remarks
from linkbalancer.cli.foreseen import effects, survey_blocks
from linkbalancer.cli.idle import idle_lines, tie_lines
from linkbalancer.engine.foresight.idle import Idle
from linkbalancer.engine.foresight.outcome import Oracle
from linkbalancer.engine.foresight.site import Site
from linkbalancer.engine.foresight.survey import survey
from linkbalancer.links import OnProbeLoss
from linkbalancer.routing.application import Application, Member
from linkbalancer.sim.shape import Shape
from tests.engine.foresight.sites import ALONE, ALONE_RULES, after, site, small, texts
from tests.engine.foresight.test_outcome import PEER6, STEER6


def remarks(of: Site, title: str) -> tuple[str, ...]:
    """Return the remarks of a title."""
    blocks = survey_blocks(survey(of), frozenset())
    return next(block.lines for block in blocks if isinstance(block, Remarks) and block.title.startswith(title))


def test_gateways_that_differ_are_named() -> None:
    """Of two gateways with an upstream of their own each, one has to do without."""
    other = ALONE.replace("gw", "gx").replace("203.0.113.1", "203.0.113.9")
    oracle = Oracle(site({"gw": ALONE, "gx": other}, ALONE_RULES))
    assert list(effects(oracle, after(oracle, "203.0.113.1", "192.0.2.1"))) == []
    assert list(effects(oracle, after(oracle, "203.0.113.1"))) == [
        "web: to VID 2 (192.0.2.1) at gw, VID 1 (203.0.113.9) at gx"
    ]


def test_sides_that_differ_are_named() -> None:
    """The near side cannot go where the far side is: b2 only observes VID 1."""
    found = small(
        ("b2", "advert_interval: 200ms, link: l2, priority: 100}\n  2", "advert_interval: 200ms, mode: observe}\n  2"),
        ("f2", "priority: 100}\n  2", "priority: 200}\n  2"),
        ("f1", "priority: 150}\n  2", "priority: 201}\n  2"),
    )
    oracle = Oracle(found)
    assert (
        next(effects(oracle, after(oracle, "leg:f1/eth0")))
        == "VID 1: Master b1 near and f2 far, no link near, over l2 far"
    )
    moved = [line for line in effects(oracle, after(oracle, "leg:f1/eth0")) if "app1" in line]
    assert [line.partition(": ")[2] for line in moved] == ["to near: VID 2 (l2); far: VID 1 (l2)"]


def test_many_moves_are_counted() -> None:
    """The most first; the rest is a number."""
    plain = small(shape=Shape(3, 4))
    apps = {f"a{n}{v}": Application(f"a{n}{v}", ((Member(4),), (Member(v),))) for v in (1, 2, 3) for n in range(v)}
    oracle = Oracle(Site(plain.name, plain.gateways, apps))
    lines = [line for line in effects(oracle, after(oracle, "l1")) if not line.startswith("VID")]
    assert lines == ["a03, a13, a23: to VID 3 (l3)", "a02, a12: to VID 2 (l2)", "a01: to VID 1 (l2)"]
    several = Oracle(Site(plain.name, plain.gateways, {**apps, **_more()}))
    lines = list(effects(several, after(several, "l1", "leg:b2/eth0")))
    assert lines[-1].startswith("a0")
    assert len(lines) <= 3 + 6


def _more() -> dict[str, Application]:
    return {f"m{v}": Application(f"m{v}", ((Member(4),), (Member(v),))) for v in (1, 2, 3)}


def test_pairs_are_told_by_rows_where_they_are_whole() -> None:
    """Any two of a row, any of one with any of another, and single pairs where only some of them do."""
    assert remarks(small(), "If two") == (
        "any of A, B, C, D with any of E: nowhere to go for all 4 applications",
        "the other 20 of 45 pairs take away no more than either does alone",
    )
    open_lan = site({name: ALONE.replace("gw", name) for name in ("gw", "gx")}, ALONE_RULES)
    assert remarks(open_lan, "If two")[0] == (
        "gateway gw with gateway gx, gateway gw with leg gx/eth0, gateway gx with leg gw/eth0, "
        "leg gw/eth0 with leg gx/eth0: nowhere to go for all 2 applications"
    )
    no_lan = ALONE.replace("lans: {eth0: {}}\n", "")
    closed = site({name: no_lan.replace("gw", name) for name in ("gw", "gx")}, ALONE_RULES)
    assert "any two of G: nowhere to go for all 2 applications" in remarks(closed, "If two")
    whole = small(shape=Shape(3, 2))
    assert remarks(whole, "If two") == ("105 of 105 pairs take away no more than either does alone",)


def test_pairs_where_files_are_missing_are_not_known() -> None:
    """Three of four files: f2 may have others beside it."""
    lines = remarks(small(without=("b2",)), "If two")
    assert lines[0].endswith("not known where to go for all 4 applications")


def test_what_is_idle_in_words() -> None:
    """Few gateways with their priorities, many together; weights, and choices by VID."""
    tracker = "trackers:\n  up: {script: /bin/true}\ngroups:"
    old, new = "priority: 150}\n  2", "priority: 150, track: {up: -20}}\n  2"
    found = small(*((name, *change) for name in ("b1", "f1") for change in (("groups:", tracker), (old, new))))
    lines = list(idle_lines(Idle(survey(found))))
    assert "b1: the weights up -20 in VID 1: their priority decides nothing" in lines
    assert "f1: the weights up -20 in VID 1: 130 to 150 stays on one side of f2's 100" in lines
    assert "f1: priority 150 (VID 3): no other gateway of its side takes part in VID 3" in lines
    assert "VID 1 in the list of app2, rest: it is never needed" in lines
    many = list(idle_lines(Idle(survey(small(shape=Shape(3, 2))))))
    assert many[0].startswith("b1, b2, b3: their priorities in VID 1, 2: the far side's election decides")


def test_ties_in_words() -> None:
    """By side."""
    some = texts(Shape(), ("f1", "priority: 100", "priority: 150"))
    found = survey(site(some, Shape().rules()))
    assert list(tie_lines(Idle(found))) == ["VID 2 far: f1 and f2 have one priority: who is Master first stays it"]


def test_what_hosts_see_while_every_link_is_dead() -> None:
    """By side; a VID that one gateway stays in is answered, and of files that are missing nothing is known."""
    title = "If every link is dead"
    answers = "the virtual IPs answer, and what needs a link is refused (demote)"
    assert remarks(small(), title) == (f"near: VID 1, 2, 3: {answers}", f"far: VID 1, 2, 3: {answers}")

    mixed = small(shape=Shape(stopping=frozenset({"b1", "f1", "f2"})))
    assert remarks(mixed, title) == (
        f"near: VID 1, 2: {answers}",
        "near: VID 3: nobody answers (stop)",
        "far: VID 1, 2, 3: nobody answers (stop)",
    )
    alone = small(shape=Shape(mode=OnProbeLoss.STOP), without=("b2", "f1", "f2"))
    assert "near: VID 1, 2, 3: none of these gateways answers (stop)" in remarks(alone, title)


def test_without_links_none_can_be_dead() -> None:
    """A gateway of plain providers has none."""
    blocks = survey_blocks(survey(site({"gw": ALONE}, ALONE_RULES)), frozenset())
    assert not [block for block in blocks if isinstance(block, Remarks) and block.title.startswith("If every link")]


def test_refused_ipv6_is_said_where_it_is_news() -> None:
    """What is refused while nothing fails is said once; after a failure, what is refused beside it."""
    half = small(*PEER6, *STEER6)
    oracle = Oracle(half)
    assert remarks(half, "IPv6 is refused") == ("app2: by VID 2",)
    lines = list(effects(oracle, after(oracle, "link:l1")))
    assert [line for line in lines if "IPv6" in line] == [
        "app3: to VID 1 (l2, no IPv6)",
        "rest: to VID 2 (l2, no IPv6)",
        "IPv6 is refused: app1, app3: by VID 1",
        "IPv6 is refused: rest: by VID 2",
    ]
    assert not [line for line in effects(oracle, after(oracle, "link:l2")) if line.startswith("IPv6")]
