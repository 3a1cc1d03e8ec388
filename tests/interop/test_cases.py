"""The matrix of interoperability, and the part of it that covers every pair."""

from tests.interop.cases import AXES, Event, covering, every_case, named, pairs


def test_every_case_makes_sense() -> None:
    """Version 2 is for IPv4 and whole seconds alone, version 3 has no password; no case is there twice."""
    cases = every_case()
    assert len(set(cases)) == len(cases)
    assert {(case.version, case.family.value) for case in cases} == {(2, 4), (3, 4), (3, 6)}
    assert {case.interval_ms for case in cases if case.version == 2} == {1000}
    assert {case.version for case in cases if case.password} == {2}


def test_the_covering_part_has_every_pair() -> None:
    """Each pair of values that the matrix has anywhere is in one of few cases."""
    cases = every_case()
    chosen = covering(cases)
    assert {pair for case in chosen for pair in pairs(case)} == {pair for case in cases for pair in pairs(case)}
    assert len(chosen) < len(cases) / 20
    assert chosen == covering(cases)


def test_names_tell_cases_apart() -> None:
    """A case is found by its own name alone, and by words that must, or must not, be in it."""
    cases = every_case()
    assert len({str(case) for case in cases}) == len(cases)
    some = named(cases, ["carrier", "v3", "-our-mac"])
    assert {(case.event, case.version, case.our_mac) for case in some} == {(Event.CARRIER, 3, False)}
    assert len(some) == len(cases) // len(AXES["event"]) * 2 // 3 // 2
