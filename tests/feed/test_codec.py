"""The feed's codec: what goes in comes out, and nothing that comes in raises."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.feed.codec import (
    APPLICATIONS_MAX,
    LIMIT,
    NAMES_MAX,
    REASONS_MAX,
    Applied,
    Goodbye,
    Malformed,
    Message,
    Packets,
    Place,
    decode,
    encode,
    size_of_names,
)
from linkbalancer.feed.table import Table, VidEntry
from linkbalancer.routing.servicelevel import LEVELS_MAX


def a_table(
    applications: dict[str, int], entries: tuple[VidEntry, ...] = (), session: int = 1, sequence: int = 1
) -> Table:
    """Return a table in which every application has a definition."""
    return Table(session, sequence, applications, dict.fromkeys(applications, "dE/+"), entries)


NUMBERS = st.integers(0, 2**63)
TEXTS = st.text(max_size=20)
ENTRIES = st.builds(
    VidEntry,
    st.integers(1, 255),
    st.booleans(),
    st.sampled_from(("self", "other", "none")),
    TEXTS,
    st.none() | TEXTS,
    st.dictionaries(TEXTS, TEXTS, max_size=3).map(lambda broken: tuple(sorted(broken.items()))),
)
PLACES = st.builds(Place, TEXTS, st.none() | st.integers(1, 255), TEXTS)
MESSAGES = st.one_of(
    st.builds(
        lambda session, sequence, applications, entries: a_table(applications, entries, session, sequence),
        NUMBERS,
        NUMBERS,
        st.dictionaries(TEXTS, st.integers(1, 65535), max_size=4),
        st.lists(ENTRIES, max_size=4, unique_by=lambda entry: entry.vid).map(tuple),
    ),
    st.builds(Applied, st.lists(PLACES, max_size=4).map(tuple), NUMBERS, NUMBERS),
    st.just(Goodbye()),
)
APPLIED = {"type": "applied", "session": 1, "sequence": 1, "places": [["web", 1, "works"]]}
TABLE = {"type": "table", "session": 1, "sequence": 1, "applications": {}, "definitions": "", "vids": [], "breaks": []}


@settings(max_examples=200, deadline=None)
@given(MESSAGES)
def test_round_trip(message: Message) -> None:
    """Every message comes back as it was."""
    assert decode(encode(message)) == message


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_noise_is_malformed(data: bytes) -> None:
    """Arbitrary bytes are a value, never an exception."""
    assert isinstance(decode(data), Malformed)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | TEXTS, lambda inner: st.lists(inner, max_size=5))


@pytest.mark.thorough
@settings(max_examples=300, deadline=None)
@given(st.sampled_from((APPLIED, TABLE)), st.data())
def test_one_wrong_field_never_raises(good: dict[str, object], data: st.DataObject) -> None:
    """A message of which one field is anything that JSON can say is a message or malformed."""
    field = data.draw(st.sampled_from(sorted(good)))
    value = data.draw(JSON)
    decoded = decode(json.dumps({**good, field: value}).encode())
    assert isinstance(decoded, Malformed) or decode(encode(decoded)) == decoded


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"x" * (LIMIT + 1), f"longer than {LIMIT} bytes"),
        (b"[" * 100_000, "no JSON"),
        (b"\xff", "no JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "unknown type"),
        (b'{"type": "applied"}', "places is missing"),
        (json.dumps({**APPLIED, "session": -1}).encode(), "'-1' is no number"),
        (json.dumps({**APPLIED, "places": 5}).encode(), "places is no list"),
        (json.dumps({**APPLIED, "places": [["web", True, ""]]}).encode(), "'True' is no number"),
        (json.dumps({**APPLIED, "places": [["web", 1, 5]]}).encode(), "one of places is no [application, vid, reason]"),
        (json.dumps({**TABLE, "vids": [[1, True, "self", "", 5]]}).encode(), "'5' is no text"),
        (json.dumps({**TABLE, "applications": []}).encode(), "applications is no object"),
        (json.dumps({**TABLE, "definitions": "abcd"}).encode(), "definitions do not fit the applications"),
        (json.dumps({**TABLE, "vids": {}}).encode(), "vids is no list"),
        (json.dumps({**TABLE, "breaks": {}}).encode(), "breaks is no list"),
        (json.dumps({**TABLE, "breaks": [[1]]}).encode(), "one of breaks is no [level, reason, vids]"),
        (json.dumps({**TABLE, "breaks": [["a", "b", [None]]]}).encode(), "'None' is no number"),
        (json.dumps({**TABLE, "vids": [[1]]}).encode(), "an entry of vids is no [vid, works, master, reason, link]"),
        (
            json.dumps({**TABLE, "vids": [[1, True, "me", "", None]]}).encode(),
            "an entry of vids is no [vid, works, master, reason, link]",
        ),
    ],
)
def test_the_reason_is_said(data: bytes, reason: str) -> None:
    """What is wrong with a message is said in words."""
    assert decode(data) == Malformed(reason)


def test_a_packet_for_some_holds_theirs_and_every_vid() -> None:
    """Who asks for an application that there is not gets nothing of it."""
    whole = a_table({"web": 2, "mail": 3, "rest": 4}, (VidEntry(1, works=True, master="self", reason="works"),))
    packets = Packets(whole)
    assert decode(packets.of(["rest", "web", "gone"])) == a_table({"rest": 4, "web": 2}, whole.vids)
    assert packets.of(whole.applications) == encode(whole)
    assert decode(packets.of([])) == a_table({}, whole.vids)


def test_a_message_that_is_too_long_is_not_sent() -> None:
    """The limit holds on the sender's side too, with the size in the error."""
    with pytest.raises(ValueError, match=f"bytes is longer than {LIMIT}"):
        encode(Applied((Place("x" * LIMIT, 1, ""),), 1, 1))


NAMES = st.text("abcXYZ019_.-", min_size=1, max_size=63)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(NAMES, st.integers(2, 2**32), max_size=50))
def test_the_size_of_names_is_never_less_than_they_take(applications: dict[str, int]) -> None:
    """Whatever ids they have."""
    empty, table = a_table({}), a_table(applications)

    assert len(encode(table)) - len(encode(empty)) <= size_of_names(applications)


def test_the_largest_table_fits() -> None:
    """As many generated names as there may be, and beside the longest names every VID with much to say."""
    assert size_of_names(f"app-{number:012x}" for number in range(APPLICATIONS_MAX)) <= NAMES_MAX
    levels = [f"{level:083}" for level in range(LEVELS_MAX)]
    entries = tuple(
        VidEntry(
            vid,
            works=True,
            master="other",
            reason="r" * 130,
            link="l" * 63,
            breaks=tuple((level, f"jitter {vid} ms > 12.34 ms") for level in levels),
        )
        for vid in range(1, 256)
    )
    names = [f"{number:063}" for number in range(NAMES_MAX // size_of_names(["n" * 63]))]
    table = a_table({name: 2**32 - number for number, name in enumerate(names)}, entries, 2**63, 2**63)

    assert len(encode(table)) <= LIMIT


def test_a_table_says_so_often_what_breaks_a_level_and_no_oftener() -> None:
    """Whoever breaks it breaks it, also where there is no room to say by what."""
    entries = tuple(
        VidEntry(vid, works=True, master="other", reason="", breaks=(("rtt<80ms", f"rtt {100 + vid} ms > 80 ms"),))
        for vid in range(1, REASONS_MAX + 3)
    )
    table = decode(encode(a_table({}, entries)))

    assert isinstance(table, Table)
    told = table.breaking("rtt<80ms")
    assert told.keys() == set(range(1, REASONS_MAX + 3))
    assert [vid for vid, what in told.items() if not what] == [REASONS_MAX + 1, REASONS_MAX + 2]
    assert told[1] == "rtt 101 ms > 80 ms"
    assert table.breaking("rtt<90ms") == {}


def test_an_agent_of_the_release_before_breaks_nothing() -> None:
    """It knows no service levels; while a gateway is upgraded, a process may meet one."""
    old = {key: value for key, value in TABLE.items() if key != "breaks"}
    assert decode(json.dumps(old).encode()) == a_table({})


def test_a_thousand_applications_fit() -> None:
    """A table of every VID and a thousand applications is well below the limit."""
    entries = tuple(VidEntry(vid, works=True, master="other", reason="192.0.2.200 is Master") for vid in range(1, 256))
    table = a_table({f"application-number-{number}": number for number in range(1000)}, entries, 2**63, 2**32)
    assert len(encode(table)) < LIMIT // 3
