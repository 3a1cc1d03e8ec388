"""Tests of sets of addresses."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.config import addresssets
from linkbalancer.config.addresssets import Addresses, AnySets
from linkbalancer.config.hostnames import NAMES_MAX
from linkbalancer.config.reading import Word
from linkbalancer.config.rules import parse_rules
from linkbalancer.routing.selector import Interval, merged

RULE = "App=@branch * * * * * [1] name=all\n"
SET = "Set=@branch 10.1.0.0/16,10.2.0.0/16\n"


def errors(text: str, files: Mapping[str, str] | None = None) -> list[str]:
    """Return the errors of a rule file, without its name."""
    return [
        str(one).removeprefix("d/f:") for one in sorted(parse_rules(text, "d/f", dict(files or {}).__getitem__).errors)
    ]


def warnings(text: str) -> list[str]:
    """Return the warnings of a rule file that has no errors."""
    parsed = parse_rules(text, "f")
    assert parsed.errors == []
    return [str(one).removeprefix("f:") for one in parsed.warnings]


@pytest.mark.parametrize(
    "text",
    [
        SET + RULE,
        RULE + SET,
        "  Set = @branch 10.2.0.0/16, 10.1.0.0/16  10.1.7.7 # all of it\n" + RULE,
        "Set=@one 10.1.0.0/16\nSet=@branch @one,10.2.0.0/16\n" + RULE,
    ],
)
def test_a_set_equals_its_elements(text: str) -> None:
    """Wherever it is defined, whatever order they have, by itself or by another set: the digest is the same."""
    listed = parse_rules("App=10.1.0.0/16,10.2.0.0/16 * * * * * [1] name=all\n", "f").ruleset
    parsed = parse_rules(text, "f")

    assert parsed.errors == parsed.warnings == []
    assert [rule.selector for rule in parsed.rules] == [rule.selector for rule in listed.rules]
    assert parsed.ruleset.digest == listed.digest


def test_a_set_in_a_file() -> None:
    """Read once, from beside the rule file or by an absolute path; blanks, commas, lines and comments in it."""
    asked = []
    files = {"d/b.txt": "# branches\n10.1.0.0/16 10.3.0.1,\n2001:db8::/32  # six\n", "/x/y": "10.2.0.0/16"}

    def read(path: str) -> str:
        asked.append(path)
        return files[path]

    text = (
        "Set=@branch @file:b.txt @file:/x/y\nApp=@branch * * * * * [1] name=a\nApp=* @file:b.txt * * * * [1] name=b\n"
    )
    parsed = parse_rules(text, "d/f", read)

    assert parsed.errors == parsed.warnings == []
    assert sorted(asked) == ["/x/y", "d/b.txt"] == sorted(parsed.sets.paths())
    assert [rule.selector.family for rule in parsed.rules] == [4, 6, 4, 6]
    assert [len(one.source or ()) for one in (rule.selector for rule in parsed.rules)] == [2, 1, 0, 0]
    assert sorted(parsed.sets.contents()) == ["@branch", "@file:/x/y", "@file:b.txt"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Set=\n", ["1:5: the line names no set; write such as Set=@branch 10.1.0.0/16"]),
        (
            "Set=branch 10.1.0.0/16\n",
            [
                (
                    "1:5: 'branch' is no name of a set; write @, and up to 63 letters, digits and _ - "
                    "(the first a letter or digit)"
                )
            ],
        ),
        (
            "Set=@branch\n" + RULE,
            ["1:12: the set @branch is empty; give it an address, or remove it and the lines that use it"],
        ),
        (
            SET + SET + RULE,
            [
                (
                    "2:5: the set @branch is defined twice, first on line 1; "
                    "write its addresses into one line, or give this one another name"
                )
            ],
        ),
        (SET + "App=@brunch,@branch * * * * * [1] name=a\n", ["2:5: there is no set @brunch; did you mean @branch?"]),
        ("App=*\t@branch * * * * [1] name=a\n", ["1:7: there is no set @branch; define it: Set=@branch 10.1.0.0/16"]),
        (
            "Set=@branch @later,10.0.0.1\nSet=@later 10.0.0.2\n" + RULE,
            ["1:13: there is no set @later; define it: Set=@later 10.1.0.0/16"],
        ),
        (
            "Set=@branch 10.0.0.1/8,10.0.0.300\n" + RULE,
            [
                "1:13: 10.0.0.1/8 has host bits set; write 10.0.0.0/8, or 10.0.0.1 for that one address",
                "1:24: '10.0.0.300' is no address; write *, an address, a prefix such as 10.1.0.0/16, or a range a-b",
            ],
        ),
        (
            "App=* www.example.com * * * * [1] name=a\n",
            [
                (
                    "1:7: 'www.example.com' is the name of a host, and stands in sets alone; "
                    "give a set of names a name, and write that here: Set=@www www.example.com"
                )
            ],
        ),
        (
            "App=* @www.example.com * * * * [1] name=a\n",
            [
                (
                    "1:7: '@www.example.com' is the name of a host, and stands in sets alone; "
                    "give a set of names a name, and write that here: Set=@www www.example.com"
                )
            ],
        ),
        ("App=@file: * * * * * [1] name=a\n", ["1:5: @file: names no file; write such as @file:branches.txt"]),
    ],
)
def test_what_is_wrong_with_sets(text: str, expected: list[str]) -> None:
    """Each with its place and a remedy, and nothing more for the rules that use a faulty set."""
    assert errors(text) == expected


def test_what_is_wrong_in_a_sets_file_is_said_there() -> None:
    """With the file's own lines, once however many rules use it."""
    text = "App=@file:b * * * * * [1] name=a\nApp=* @file:b * * * * [1] name=a\n"

    assert errors(text, {"d/b": "10.0.0.1\n 10.0.0.300 @branch\n"}) == [
        "d/b:2:2: '10.0.0.300' is no address; write *, an address, a prefix such as 10.1.0.0/16, or a range a-b",
        "d/b:2:13: @branch in a set's file; write addresses, prefixes, ranges and host names only",
    ]
    assert errors(text, {"d/b": "# nothing\n"}) == [
        "1:10: the set's file d/b has no address; write addresses into it, one a line".replace("1:10", "1:5")
    ]


def test_a_sets_file_that_cannot_be_read() -> None:
    """Missing, no text, or not to be read where nobody reads files."""

    def read(_path: str) -> str:
        return b"\xff".decode()

    text = "App=@file:b * * * * * [1] name=a\n"
    assert list(map(str, parse_rules(text, "f", read).errors)) == [
        "b:1:1: is not UTF-8 text (byte 0); save it as UTF-8"
    ]
    assert list(map(str, parse_rules(text, "f").errors)) == [
        "f:1:5: cannot read b: no files are read here; write the set's file there, or name another one"
    ]


def test_a_set_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges that touch count as one; what is over the bound is refused where the set is."""
    monkeypatch.setattr(addresssets, "RANGES_MAX", 3)

    assert errors("Set=@branch 10.0.0.0 10.0.0.1 10.0.0.3 10.0.0.5\n" + RULE) == []
    assert errors("Set=@branch 10.0.0.0 10.0.0.2 10.0.0.4 ::1\n" + RULE) == [
        (
            "1:5: @branch has 4 ranges of addresses, 3 at most; "
            "write wider prefixes, or spread them over several sets and lines"
        )
    ]


def test_a_set_that_nothing_uses_and_a_line_without_a_name() -> None:
    """Are allowed and hardly meant."""
    assert warnings(SET + "App=* * * * * * [1] name=a\n") == [
        "1:5: no rule uses the set @branch; name it in a rule, or remove it"
    ]
    assert warnings(SET + "  App=@branch * * * * * [1]\n") == [
        "2:3: the line uses @branch and has no name: a change of the set makes it another application; add name="
    ]


def test_sets_of_any_name() -> None:
    """For those who only ask whether a line is a rule: a name is enough, what is no address is not."""
    sets = AnySets("", str)

    assert sets.find(Word("@whatever", 1), 1) == sets.find(Word("@file:x", 1), 1)
    assert sets.find(Word("10.0.0.1", 1), 1) == Addresses((Interval(10 << 24 | 1, 10 << 24 | 1),))


_elements = st.lists(
    st.sampled_from(["10.0.0.0/8", "10.1.0.0/16", "10.0.0.3-10.0.0.9", "192.0.2.1", "2001:db8::/32", "::1", "@one"]),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60)
@given(_elements, st.randoms(use_true_random=False))
def test_a_list_is_the_union_of_its_elements(elements: list[str], chance: object) -> None:
    """However a list is written, as a set or in the line, it holds what its elements hold."""
    one = "Set=@one 10.0.0.9-10.0.0.20\n"
    shuffled = list(elements)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    by_set = parse_rules(one + f"Set=@x {' '.join(shuffled)}\nApp=@x * * * * * [1] name=a\n", "f")
    by_list = parse_rules(one + f"App={','.join(elements)} * * * * * [1] name=a\n", "f")
    each = [parse_rules(one + f"App={element} * * * * * [1] name=a\n", "f") for element in elements]
    for family in (4, 6):
        union = {
            interval
            for parsed in each
            for rule in parsed.rules
            if rule.selector.family == family
            for interval in rule.selector.source or ()
        }
        for parsed in (by_set, by_list):
            (found,) = [rule.selector.source for rule in parsed.rules if rule.selector.family == family] or [()]
            assert found == merged(union)


SAAS = "Set=@saas teams.example.com, CDN.example.net. 192.0.2.0/24\n"


def test_host_names_in_sets() -> None:
    """Beside addresses, by other sets and by files; a line makes a rule for each family, and one for the addresses."""
    text = SAAS + "Set=@all @saas @file:b\nApp=* @all * * 443 tcp [1] name=saas\n"
    parsed = parse_rules(text, "d/f", {"d/b": "www.example.org teams.example.com\n"}.__getitem__)

    assert parsed.errors == parsed.warnings == []
    names = ("cdn.example.net", "teams.example.com", "www.example.org")
    found = [(one.family, one.destination, one.destination_names) for one in (rule.selector for rule in parsed.rules)]
    assert found == [(4, (Interval(0xC0000200, 0xC00002FF),), ()), (4, (), names), (6, (), names)]
    assert parsed.ruleset.names == parsed.sets.hosts() == names
    assert parsed.sets.contents()["@all"].names == names


def test_names_have_both_families() -> None:
    """A line has those of the other end; what a name has is not known here."""
    for source, families in (("10.0.0.0/8", [4]), ("2001:db8::/32", [6]), ("*", [4, 6]), ("@saas", [4, 6])):
        parsed = parse_rules(f"Set=@saas a.example\nApp={source} @saas * * * * [1] name=a\n", "f")
        assert parsed.errors == parsed.warnings == []
        assert [rule.selector.family for rule in parsed.rules] == families


def test_names_are_what_gateways_compare() -> None:
    """In any order, written in any way, in any set; whatever addresses they have."""
    rule = "App=* @saas * * * * [1] name=a\n"
    one = parse_rules("Set=@saas a.example b.example\n" + rule, "f").ruleset
    same = parse_rules("Set=@b B.example.\nSet=@saas @b,A.EXAMPLE\n" + rule, "f").ruleset
    other = parse_rules("Set=@saas a.example\n" + rule, "f").ruleset

    assert one.digest == same.digest != other.digest
    assert one.resolved(lambda _name, _family: [1, 2]).digest == one.digest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Set=@saas https://a.example/x\n", "1:11: 'https://a.example/x' is more than the name of a host"),
        ("Set=@saas *.a.example\n", "1:11: nobody can be asked for all the names *.a.example"),
        ("Set=@saas a_b.example\n", "1:11: 'a_b' in 'a_b.example' is no part of a host's name"),
        ("Set=@saas host\n", "1:11: 'host' is no address"),
    ],
)
def test_what_is_wrong_with_names(text: str, expected: str) -> None:
    """At its place."""
    assert errors(text + "App=* @saas * * * * [1] name=a\n")[0].startswith(expected)


def test_names_have_a_bound() -> None:
    """In all sets of a file together; one that is named twice counts once."""
    some = " ".join(f"h{one}.example" for one in range(NAMES_MAX))
    rule = "App=@saas * * * * * [1] name=a\n"

    assert errors(f"Set=@saas {some} H0.example\n" + rule) == []
    assert errors(f"Set=@saas {some}\nSet=@more x.example\n" + rule) == [
        f"2:11: a rule file has {NAMES_MAX} host names at most; name fewer, or prefixes in their place"
    ]


def test_what_a_set_of_names_gains_and_loses() -> None:
    """Names count as elements do."""
    one, other = Addresses((), (), ("a.example", "b.example")), Addresses((), (), ("b.example",))

    assert one.without(other) == Addresses((), (), ("a.example",))
    assert len(Addresses.joined([one, other])) == 2
    assert other.families == {4, 6}
    assert Addresses((Interval(1, 1),)).families == {4}
