"""Tests of what the keys of `weight` must be together, each with its place and remedy."""

from pathlib import Path

import pytest

from tests.config.plugins import installed
from tests.config.texts import changed, loaded, refusals

LINK = "l1.key}"


def marked(text: str) -> tuple[str, str]:
    """Return a text without the mark ^ in it, and the line and column where that was."""
    before, _, after = text.partition("^")
    return before + after, f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def at_link(keys: str, *more: tuple[str, str]) -> str:
    """Return a configuration whose link is weighed so."""
    return changed((LINK, f"l1.key, weight: {keys}}}"), *more)


def at_group(keys: str, *more: tuple[str, str]) -> str:
    """Return a configuration whose VID 1 is weighed so."""
    return changed(("link: l1,", f"link: l1, weight: {keys},"), *more)


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ("^latancy", "there is no weight function latancy; did you mean latency?"),
        ("{function: ^latancy}", "there is no weight function latancy; did you mean latency?"),
        ("^[latency]", "a list is no mapping; write keys and values, one on a line, indented"),
        ("{^functoin: latency}", "the key functoin is not known; did you mean function?"),
        (
            "^composite",
            "the function composite is of nothing; add composite, such as composite: {latency: 2, loss",
        ),
        ("{function: ^checks}", "the function checks is of nothing; add checks, such as checks: [uplink]"),
        (
            "^expression",
            "the function expression is of nothing; add expression, such as expression: 100 - rtt / 1",
        ),
        (
            "{function: composite, composite: {latency: 1, ^composite: 2}}",
            "composite cannot be a part; use some of: available-bandwidth, latency, loss, cost, checks, expressi",
        ),
        ("{function: composite, composite: {^static: 1}}", "static cannot be a part; use some of: "),
        ("{function: composite, composite: {^lost: 1}}", "there is no weight function lost; did you mean loss?"),
        ("{function: composite, composite: {^checks: 1}}", "the function checks is of nothing; add checks"),
        ("{function: composite, composite: {loss: ^0}}", "0 does not count at all; remove it, or write a number"),
        (
            "{function: latency, latency: ^{good: 300ms}}",
            "good is not better than bad; make bad larger than good",
        ),
        (
            "{function: latency, latency: {good: 30ms, bad: ^20ms}}",
            "good is not better than bad; make bad larger than good",
        ),
        ("{function: loss, loss: {bad: ^0%}}", "good is not better than bad; make bad larger than good"),
        (
            "{function: cost, cost: {careful: ^100%, cap: 1GB}}",
            "careful is all of the cap: the link is good until nothing is left; write such as 80%",
        ),
        ("{function: checks, checks: [^upp]}", "there is no tracker upp; there is none"),
        (
            "{function: checks, checks: [^1]}",
            "VID 1 is no static group here; name a tracker, or a static VID (there is none)",
        ),
        (
            "{function: loss, ^mapping: {kind: steps}}",
            "the first step must begin at weight 0; see the mapping in docs/weights.md",
        ),
        (
            "{function: loss, ^mapping: {kind: steps, steps: {0: 10, 50: 9}}}",
            "a better weight must not have a lower priority; see the mapping in docs/weights.md",
        ),
        (
            "{function: loss, mapping: {kind: steps, ^min: 5, steps: {0: 10}}}",
            "min says nothing beside steps; remove it",
        ),
        (
            "{function: loss, mapping: {^steps: {0: 10}}}",
            "steps say nothing in a linear mapping; remove them, or write kind: steps",
        ),
        (
            "{function: loss, ^mapping: {min: 200, max: 100}}",
            "priorities from 200 to 100 are not within 2 to 254; see the mapping in docs/weights.md",
        ),
        ("{function: loss, mapping: {max: ^255}}", "255 is too large; use 254 or less"),
        ("{function: loss, mapping: ^cubic}", "'cubic' is no kind; write one of: linear, logarithmic, steps"),
        (
            "{function: loss, ^damping: {suppress: 1}}",
            "the penalty for reuse must be above 0 and below that to suppress; see the damping in docs/weights.m",
        ),
        ("{function: loss, hysteresis: ^60}", "60 is too large; use 50 or less"),
        ("{function: loss, spread: ^evn}", "'evn' is no spread; did you mean even?"),
    ],
)
def test_what_is_wrong_at_a_link(keys: str, error: str) -> None:
    """Said once, though every VID of the link has it."""
    three = ("applications:", "  3: {device: eth0, link: l1, virtual_ips: [192.168.1.253/24]}\napplications:")
    text, place = marked(at_link(keys, three))
    found = refusals(text)

    assert len(found) == 1, found
    assert found[0].startswith(f"linkbalancer.yaml:{place}: {error}"), found


BLOCK = """\
  1:
    device: eth0
    link: l1
    virtual_ips: [192.168.1.251/24]
    weight:
      function: expression
      expression: """


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("rtt + ^1", "a time and a plain number do not go together; divide each by an amount of its own kind"),
        ("1 + ^rtt", "a plain number and a time do not go together; divide each by an amount of its own kind first"),
        ("'100 - ^rrt'", "rrt is nothing that is known of a link; did you mean rtt?"),
        ('"100  -  (2^"', ") is missing before the end; add )"),
        ("100 -^", "the expression ends too early; write a number, a name, or a function here"),
        ("^rtt", "a weight is a plain number, and this is a time"),
        (">-\n        100\n        - rtt ^# no", "'#' cannot stand in an expression; write names, numbers"),
        ("|\n        100 *\n        (2 + ^rtt)", "a plain number and a time do not go together"),
        ("|\n        ^zzzz", "zzzz is nothing that is known of a link; use one of"),
        ("100 * (2\n        - scale(rtt, ^rate, 3ms))", "a time and a rate do not go together"),
        ("^''", "the expression is empty or too long; write 1 to 1000 characters"),
    ],
)
def test_an_expression_is_wrong_at_the_part_that_is(expression: str, error: str) -> None:
    """However it is written: plain, quoted, folded, over several lines."""
    group = "  1: {device: eth0, link: l1, virtual_ips: [192.168.1.251/24], priority: 150, advert_interval: 200ms}\n"
    text, place = marked(changed((group, f"{BLOCK}{expression}\n")))

    assert [one[: len(place) + len(error) + 20] for one in refusals(text)] == [f"linkbalancer.yaml:{place}: {error}"]


def test_weights_say_nothing_at_the_other_end() -> None:
    """The controller weighs; where no link is, nothing is."""
    far = at_group("loss", ("role: controller", "role: controlled"), (LINK, "l1.key, weight: latency}"))
    places = [line.index("weight") + 1 for line in far.splitlines() if "weight" in line]
    what = "weight says nothing at a controlled gateway: the controller weighs its links"

    assert refusals(far) == [
        f"linkbalancer.yaml:6:{places[0]}: {what}; move it to the file of the link's other end",
        f"linkbalancer.yaml:8:{places[1]}: {what}; move it to the file of the link's other end",
    ]
    alone = "node: r1\nrole: standalone\ngroups:\n  1: {device: eth0, virtual_ips: [192.168.1.251/24], weight: loss}\n"
    assert refusals(alone, "App=* * * * * * [1]\n") == [
        f"linkbalancer.yaml:4:54: {what.replace('controlled', 'standalone')}; remove it"
    ]


def test_weights_say_nothing_of_a_group_that_is_only_observed_or_static() -> None:
    """As all other keys of members."""
    observed = changed(("mode: observe,", "mode: observe, weight: loss,"))
    assert (
        "weight says nothing in a group that is only observed; remove it, or the mode: observe" in refusals(observed)[0]
    )
    static = changed(
        ("mode: observe, virtual_ips: [192.168.1.252/24]", "mode: static, gateway: 10.9.9.9, weight: loss")
    )
    assert "weight says nothing in a static group, which has no VRRP" in refusals(static)[0]


def test_every_error_comes_at_once() -> None:
    """Of several keys and several VIDs."""
    text = at_link(
        "{function: loss, loss: {good: 50%}, mapping: {min: 9, max: 8}, damping: {reuse: 9}}",
        ("link: l1,", "link: l1, weight: {function: expression, expression: rtt},"),
    )

    assert [one.split(": ", 1)[1].split(";")[0] for one in refusals(text)] == [
        "good is not better than bad",
        "priorities from 9 to 8 are not within 2 to 254",
        "the penalty for reuse must be above 0 and below that to suppress",
        "a weight is a plain number, and this is a time",
    ]


def test_a_wrong_role_or_link_hides_nothing_and_breaks_nothing() -> None:
    """What is not known is not judged."""
    assert len(refusals(at_group("loss", ("role: controller", "role: king")))) == 1
    assert "there is no link l7" in refusals(at_group("latency", ("link: l1", "link: l7")))[0]
    assert "3 is no name" in refusals(at_group("latency", ("link: l1", "link: 3")))[0]
    assert len(refusals(at_group("loss", ("l1.key}", "l1.key, weight: {hold: 5}}")))) == 1


def test_checks_are_trackers_and_static_groups() -> None:
    """Both by what they are called in this file."""
    more = "trackers: {dns: {device: eth9}}\napplications:"
    static = "virtual_ips: [192.168.1.252/24]}\n  9: {mode: static, device: eth3, gateway: 203.0.113.1}"
    good = at_group("{function: checks, checks: [dns, 9]}", ("applications:", more))
    good = good.replace("virtual_ips: [192.168.1.252/24]}", static)

    assert refusals(good) == []
    assert "there is no tracker dms; did you mean dns?" in refusals(good.replace("[dns, 9]", "[dms, 9]"))[0]
    assert "name a tracker, or a static VID (9)" in refusals(good.replace("[dns, 9]", "[dns, 8]"))[0]
    assert [str(one) for one in loaded(good).warnings] == []


PLUGGED = "{function: night, plugins: {night: {zone: CET, by_day: 20}}}"


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        (PLUGGED, None),
        (PLUGGED.replace("zone: CET", "^zome: CET, zone: CET"), "night has no parameter zome; did you mean zone?"),
        (PLUGGED.replace("20", "^200"), "200 is above 100; write another value"),
        (PLUGGED.replace("CET", "^7"), "7 is no text; write such as CET"),
        (PLUGGED.replace("zone: CET, ", "").replace("{night", "{^night"), "night needs zone; write such as CET"),
        (PLUGGED.replace("night", "^nihgt", 1), "there is no weight function nihgt; did you mean night?"),
        ("{function: composite, composite: {night: 1, loss: 1}, plugins: {night: {zone: CET}}}", None),
    ],
)
def test_plug_ins_are_checked_with_their_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: str, error: str | None
) -> None:
    """By what their authors say of them."""
    with installed(tmp_path, monkeypatch):
        text, place = marked(at_group(keys))
        found = refusals(text)
    assert len(found) == bool(error), found
    assert not error or found[0].startswith(f"linkbalancer.yaml:{place}: {error}"), found


def test_a_plug_in_that_cannot_be_used_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason, where it is named."""
    with installed(tmp_path, monkeypatch, "night = strange:Nowhere"):
        found = refusals(at_group(PLUGGED))
    assert ": the plug-in night cannot be used: strange:Nowhere cannot be loaded: AttributeError: " in found[0]
    assert found[0].endswith("; mend or remove it")


def test_a_wrong_key_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong by itself is no reason to be silent of the rest, nor to ask for what is there."""
    broken = "{function: composite, composite: {lost: 1}, hold: 10, spread: yes, mapping: {min: 90, max: 80}}"

    assert [one.split(": ", 1)[1].split(";")[0] for one in refusals(at_link(broken))] == [
        "there is no weight function lost",
        "10 has no unit",
        "true is no spread",
        "priorities from 90 to 80 are not within 2 to 254",
    ]
    assert len(refusals(at_link("{function: composite, composite: {loss: x}}"))) == 1
    assert len(refusals(at_link("{function: checks, checks: up}"))) == 1
    with installed(tmp_path, monkeypatch):
        assert len(refusals(at_group("{function: night, plugins: {night: [CET]}}"))) == 1
    good_again = ("link: l1,", "link: l1, weight: {composite: {lost: 1}},")
    assert len(refusals(at_link("{function: composite, composite: {loss: x}}", good_again))) == 2
