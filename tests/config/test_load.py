"""Tests of loading a gateway's configuration with its rule file."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.config.keyfile import Doubt
from linkbalancer.config.load import ConfigErrors, load, load_as
from linkbalancer.config.model import Probe
from linkbalancer.feed.codec import APPLICATIONS_MAX, LIMIT, encode
from linkbalancer.feed.table import Table, VidEntry
from tests.config.texts import CONFIG, RULES, changed, loaded, refusals

PIECES = [
    "",
    "",
    " ",
    "\n",
    "7",
    "x",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "'",
    "#",
    "-",
    "&a ",
    "*a",
    "!",
    "\t",
    "null",
    "\x00",
    "é",
]
"""What damages a configuration."""


def test_a_good_configuration_is_loaded_with_its_rules() -> None:
    """Values of both files, and no warnings."""
    good = loaded()

    assert good.config.node == "b1"
    assert list(good.rules.applications) == ["web", "rest"]
    assert good.warnings == ()
    assert good.beside("keys/l1.key") == "etc/keys/l1.key"
    assert good.beside("/run/l1.key") == "/run/l1.key"


def test_a_missing_configuration_is_the_callers_affair() -> None:
    """There is no place in a file that is not there."""

    def unreadable(name: str) -> str:
        raise FileNotFoundError(2, "No such file or directory", name)

    with pytest.raises(FileNotFoundError):
        load("nowhere.yaml", unreadable)


def test_a_missing_rule_file_is_an_error_where_it_is_named() -> None:
    """With the reason of the host."""
    (found,) = refusals(changed(("apps.conf", "other.conf")))

    assert found.startswith("linkbalancer.yaml:10:15: cannot read etc/other.conf: No such file or directory; name")


def test_a_rule_file_that_is_no_text_is_an_error_of_its_own() -> None:
    """Its first byte is the place."""

    def read(name: str) -> str:
        return CONFIG if name.endswith(".yaml") else b"\xff".decode()

    with pytest.raises(ConfigErrors, match=r"^etc/apps.conf:1:1: is not UTF-8 text"):
        load("etc/linkbalancer.yaml", read)


def test_errors_of_both_files_come_at_once() -> None:
    """The rule file is read even where the configuration is wrong, VIDs without a group included."""
    found = refusals(changed(("role: controller", "role: both")), RULES + "nonsense\nApp=* * * * * * [7] name=x\n")

    assert [one.split(": ")[0] for one in found] == ["apps.conf:3:1", "apps.conf:4:18", "linkbalancer.yaml:2:7"]
    assert found[1].endswith("there is no group for VID 7 in etc/linkbalancer.yaml; add the group, or use one of: 1, 2")


def test_vids_are_not_judged_without_groups() -> None:
    """Where there are no groups to speak of, only that is said."""
    no_mapping = changed(("groups:\n", "groups: [\n"), ("  1: {device", "  {device"), ("  2: {device", "  ,{device"))

    assert [one.split("; ")[0] for one in refusals(no_mapping.replace("applications", "]\napplications"))] == [
        "linkbalancer.yaml:7:9: a list is no mapping"
    ]
    assert "use one of: none yet" in refusals(CONFIG.split("groups")[0] + "groups: {}\napplications: apps.conf\n")[0]


def test_every_vid_of_a_balanced_step_must_have_a_group() -> None:
    """The step itself is nothing special."""
    assert refusals(rules="App=* * * * * * [2*3+7] name=web\n") == [
        "apps.conf:1:18: there is no group for VID 7 in etc/linkbalancer.yaml; add the group, or use one of: 1, 2"
    ]
    assert loaded(rules="App=* * * * * * [2*3+1] name=web sticky=src\n").rules.applications["web"].balanced


def test_options_that_no_gateway_does_yet_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """They can be explained; nobody is to believe that they are in force."""
    assert refusals(rules="App=* * * * * * [2 1] name=web handover=keep\n") == []
    monkeypatch.setattr("linkbalancer.config.ruleoptions.NOT_DONE_YET", frozenset({"handover"}))
    assert refusals(rules="App=* * * * * * [2 1] name=web handover=keep\n") == [
        "apps.conf:1:32: no gateway does handover=keep yet; leave it out"
    ]


def test_keys_are_looked_at_when_asked() -> None:
    """What is wrong with a key file is a warning at the key that names it."""
    files = {"etc/linkbalancer.yaml": CONFIG, "etc/apps.conf": RULES}
    asked: list[str] = []

    def state(path: str, judge: Callable[[str], Doubt | None]) -> Doubt | None:
        asked.append(path)
        assert judge("nonsense") is not None
        return Doubt("is missing", "put it there")

    (warning,) = load("etc/linkbalancer.yaml", files.__getitem__, state).warnings

    assert asked == ["etc/keys/l1.key"]
    assert str(warning) == "etc/linkbalancer.yaml:6:65: the key file etc/keys/l1.key is missing; put it there"
    with pytest.raises(
        ConfigErrors, match=r"^etc/linkbalancer.yaml:6:65: the key file etc/keys/l1.key is open; shut it$"
    ):
        load(
            "etc/linkbalancer.yaml", files.__getitem__, lambda _file, _judge: Doubt("is open", "shut it", refused=True)
        )
    assert load("etc/linkbalancer.yaml", files.__getitem__, lambda _file, _judge: None).warnings == ()


def test_a_link_without_a_key_has_none_to_look_at() -> None:
    """An insecure link names no key file."""
    files = {
        "etc/linkbalancer.yaml": changed(("key_file: keys/l1.key", "insecure: true")),
        "etc/apps.conf": RULES,
    }

    assert (
        load("etc/linkbalancer.yaml", files.__getitem__, lambda _file, _judge: Doubt("is missing", "x")).warnings == ()
    )


def test_the_connection_mask_must_hold_every_application() -> None:
    """Ids 0 and 1 are taken; one application more than the rest is refused where the mask is written."""
    narrow = changed(("applications:", "marks: {connection: 0xff}\napplications:"))
    rules = "".join(f"App=* * * * {port} tcp [1]\n" for port in range(254))

    assert len(loaded(narrow, rules).rules.applications) == 254
    (found,) = refusals(narrow, rules + "App=* * * * 254 tcp [1]\n")
    assert found == (
        "linkbalancer.yaml:10:21: the connection mask 0x000000ff has room for 254 applications, the rule file makes"
        " 255; widen it, or give lines with the same VIDs one name"
    )


def many(count: int, name: str = "") -> str:
    """Return a rule file of so many applications, named if asked."""
    named = f"name={name}{{0:05}}" if name else ""
    return "".join(f"App=10.{one >> 8}.{one & 255}.0/24 * * * * * [1] {named.format(one)}\n" for one in range(count))


def test_a_gateway_has_a_limit_of_applications() -> None:
    """The first one too many is named, once; the most that there may be fit into a table beside every VID."""
    good = loaded(rules=many(APPLICATIONS_MAX)).rules.applications
    ids = {name: 4_000_000_000 + number for number, name in enumerate(good)}
    vids = tuple(VidEntry(vid, works=False, master="other", reason="x" * 200, link="l1") for vid in range(1, 256))

    assert len(encode(Table(2**63, 2**63, ids, dict.fromkeys(ids, "abcd"), vids))) <= LIMIT
    (found,) = refusals(rules=many(APPLICATIONS_MAX + 2))
    assert found == (
        f"apps.conf:{APPLICATIONS_MAX + 1}:1: {APPLICATIONS_MAX + 2} applications, and a gateway runs"
        f" {APPLICATIONS_MAX} at most; give lines with the same VIDs one name"
    )


def test_long_names_count() -> None:
    """Fewer applications are too many when the table cannot hold their names."""
    (found,) = refusals(rules=many(2000, "n" * 58))

    assert found == (
        "apps.conf:1680:1: the names of 2000 applications are too long for the table of VIDs (162000 bytes, 136000 at"
        " most); use shorter names, or fewer"
    )


def test_rules_for_ipv6_are_warned_of() -> None:
    """They are classified, but no link has a far end over IPv6; lines of both families are steered for IPv4."""
    rules = "App=2001:db8::/32 * * * * tcp [1] name=six\nApp=* * * * * tcp [1] name=both\n"
    (warning,) = loaded(rules=rules).warnings

    assert str(warning) == (
        "etc/apps.conf:1:1: IPv6 is classified, not steered: main's routes decide;"
        " give links their peer6 (docs/ipv6.md), or write IPv4 addresses"
    )


def test_warnings_of_both_files_come_with_a_good_configuration() -> None:
    """They refuse nothing."""
    warned = loaded(changed(("200ms", "50ms")), RULES + RULES.replace("=web", "=www"))

    assert [finding.line for finding in warned.warnings] == [3, 4, 8]


def test_a_broken_document_says_only_that() -> None:
    """After an error of syntax nothing else can be judged."""
    assert len(refusals("a: [")) == 1
    assert refusals("just words\n") == [
        "linkbalancer.yaml:1:1: 'just words' is no mapping; write keys and values, one on a line, indented"
    ]


def test_a_rule_file_that_cannot_be_named_is_one_error() -> None:
    """Neither its VIDs nor its lines are judged."""
    assert refusals(changed(("apps.conf", "[]"))) == [
        "linkbalancer.yaml:10:15: a list is no path; write a file's path, relative to this file's folder"
    ]


def test_any_model_can_be_loaded_with_the_same_errors() -> None:
    """A document of another kind, its places and suggestions."""
    assert load_as(Probe, "f", lambda _: "misses: 5\n").misses == 5
    with pytest.raises(ConfigErrors, match=r"^f:1:1: the key mises is not known; did you mean misses\?$"):
        load_as(Probe, "f", lambda _: "mises: 5\n")
    with pytest.raises(ConfigErrors, match=r"^f:2:1: the key misses is given twice"):
        load_as(Probe, "f", lambda _: "misses: 5\nmisses: 5\n")


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, len(CONFIG)), st.integers(0, 9), st.sampled_from(PIECES)), max_size=3))
def test_no_text_breaks_the_loader(edits: list[tuple[int, int, str]]) -> None:
    """However a good configuration is damaged, it is loaded, or refused with places within it."""
    text = CONFIG
    for start, length, piece in edits:
        text = text[:start] + piece + text[start + length :]

    for found in refusals(text):
        name, line, column, _ = found.split(":", 3)
        lines = {"linkbalancer.yaml": text, "apps.conf": RULES}[name].split("\n")
        assert 1 <= int(line) <= len(lines) + 1
        assert int(column) >= 1


@pytest.mark.parametrize(
    "old",
    ["l1: {device", "eth0: {members", "  1: {", "link: l1", "b1", "apps.conf", "192.168.1.2]", "member", "controller"],
)
@pytest.mark.parametrize("new", ["7", "yes", "null", "1.5", "[]", "{}", "''", "2001-01-01", "é"])
def test_no_kind_of_value_breaks_the_loader(old: str, new: str) -> None:
    """Any kind of YAML value in any place is accepted or refused, never stumbled over."""
    refused = refusals(changed((old, new + old[old.index(":") :] if ":" in old else new)))

    assert all(len(found.split("; ")) >= 2 for found in refused)


def test_the_files_that_say_what_a_gateway_is() -> None:
    """Its own, its rules' and its sets'; what the sets hold is known by name, and an error in one is a refusal."""
    files = {
        "etc/linkbalancer.yaml": CONFIG,
        "etc/apps.conf": "Set=@x @file:far.txt\nApp=@x * * * * * [1] name=a\n",
        "etc/far.txt": "10.1.0.0/16",
    }
    good = load("etc/linkbalancer.yaml", files.__getitem__)

    assert good.own_files == ("etc/linkbalancer.yaml", "etc/apps.conf", "etc/far.txt")
    assert sorted(good.sets) == ["@file:far.txt", "@x"]
    assert good.set_files == ("etc/far.txt",)
    files["etc/far.txt"] = "10.1.0.0/33"
    with pytest.raises(ConfigErrors, match=r"etc/far.txt:1:1: 10.1.0.0/33 has no prefix length"):
        load("etc/linkbalancer.yaml", files.__getitem__)


def test_a_line_that_never_matches_is_a_warning() -> None:
    """Also where it takes several lines to shadow it."""
    text = "App=* * * * 0-99 tcp [1] name=a\nApp=* * * * 100-199 tcp [1] name=b\nApp=* * * * 50-150 tcp [1] name=c\n"

    assert [(one.line, one.what) for one in loaded(rules=text).warnings if one.file.endswith("apps.conf")] == [
        (3, "never matches: lines 1, 2 take all its packets before, together")
    ]
