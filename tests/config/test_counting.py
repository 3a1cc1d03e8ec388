"""Which applications are counted: what may be written, and what it comes to."""

import pytest

from linkbalancer.config.counting import ALL, OFF, check, chosen, parse_count
from linkbalancer.config.difference import Side, difference
from tests.config.texts import CONFIG, loaded, refusals

RULES = "App=* * * * 443 tcp [1] name=web\nApp=* * * * * udp [1 2] name=voice\n"


def count(words: str) -> object:
    """Return what a configuration says."""
    return loaded(f"{CONFIG}metrics: {{count: {words}}}\n", RULES).config.metrics.count


@pytest.mark.parametrize(
    ("words", "value"),
    [("off", OFF), ("'off'", OFF), ("all", ALL), ("[web]", ("web",)), ("[voice, web]", ("voice", "web"))],
)
def test_it_is_off_or_all_or_names(words: str, value: object) -> None:
    """YAML's `off` is no text."""
    assert count(words) == value


def test_nothing_is_counted_unless_it_is_said() -> None:
    """It costs."""
    assert loaded().config.metrics.count == OFF


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("true", "nothing says which applications are counted; write off, all, or names of applications"),
        ("[]", "nothing says which applications are counted; write off, all, or names of applications"),
        ("some", "nothing says which applications are counted; write off, all, or names of applications"),
        ("[web, 7]", "7 is no application's name; write off, all, or names"),
        ("[web, web]", "the application web is named twice; name it once"),
        ("[web, voise]", "there is no application voise; did you mean voice?"),
        ("['a b']", "'a b'"),
    ],
)
def test_what_is_wrong_is_said_in_its_place(words: str, why: str) -> None:
    """With a remedy."""
    (refusal, *_more) = refusals(f"{CONFIG}metrics: {{count: {words}}}\n", RULES)
    assert why in refusal
    assert refusal.startswith("linkbalancer.yaml:")


def test_names_are_looked_for_among_the_rules_alone() -> None:
    """What is no configuration at all is refused elsewhere."""
    nothings: list[object] = [None, [], {"metrics": None}, {"metrics": {"count": "all"}}, {"metrics": {"count": [7]}}]
    for nothing in nothings:
        assert list(check(nothing, ["web"])) == []
    (complaint,) = check({"metrics": {"count": ["web"]}}, [])
    assert (complaint.path, complaint.remedy) == (("metrics", "count", 0), "there is no application to count")


def test_what_is_chosen() -> None:
    """Of the applications that there are."""
    assert chosen(OFF, ["web"]) == frozenset()
    assert chosen(ALL, ["web", "voice"]) == {"web", "voice"}
    assert chosen(("web", "gone"), ["web", "voice"]) == {"web"}
    assert parse_count(("web",)) == ("web",)


def test_a_plan_tells_it() -> None:
    """As it is written, from the default too."""
    old, new = (Side(loaded(CONFIG + words, RULES)) for words in ("", "metrics: {count: [web, voice]}\n"))
    assert difference(old, new).lines() == ["metrics: count off -> [web, voice]"]
    assert difference(new, old).lines() == ["metrics: count [web, voice] -> off"]
