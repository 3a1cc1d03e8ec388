"""docs/protocol.md says what the code does: layout, vectors, numbers and defaults are read out of it and checked."""

import hmac
import re
from ipaddress import IPv4Address
from itertools import takewhile

import pytest

from linkbalancer.clock import MILLISECOND
from linkbalancer.links import Family, GroupState, GroupWord, Role
from linkbalancer.lvrrp import packet, tlv
from linkbalancer.lvrrp.events import Carrier, Received, Start
from linkbalancer.lvrrp.figures import Adjustment, LinkWeight
from linkbalancer.lvrrp.keys import INSECURE, Keyring, derive
from linkbalancer.lvrrp.packet import Datagram, MessageType
from linkbalancer.lvrrp.rules import Tier, may_claim, tier_priority
from linkbalancer.lvrrp.settings import DEFAULT_PORT, LinkSettings
from linkbalancer.vrrp.timers import skew_time
from tests.lvrrp.drawn.blocks import DOCUMENT
from tests.lvrrp.drawn.exchange import (
    BACKUP,
    DIGEST,
    FAR_SESSION,
    FAULT,
    KEY,
    MASTER,
    METRICS,
    NEAR_SESSION,
    SIXTH,
    WANTED,
    conversation,
    end,
)

TEXT = DOCUMENT.read_text()
WEIGHTS = tuple(LinkWeight(group, weight) for group, _priority, weight in WANTED)
ADJUSTMENTS = tuple(Adjustment(group, priority, 1) for group, priority, _weight in WANTED)
LATER = GroupWord(2, GroupState.UNKNOWN, 100, 1, 0, Family.IPV4)
SAID = [label for label in conversation() if label != "controller insecure"]


def vector(label: str) -> bytes:
    """Return the bytes of the one block of hexadecimal with a label."""
    (block,) = re.findall(rf"```hex {label}\n(.*?)```", TEXT, re.DOTALL)
    return bytes.fromhex(block)


def rows(after: str) -> list[list[str]]:
    """Return the cells of the first table that follows a text."""
    lines = TEXT.split(after, 1)[1].split("\n|---", 1)[1].splitlines()[1:]
    table = takewhile(lambda line: line.startswith("|"), lines)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


LAYOUT = {row[0]: (int(row[1]), int(row[2])) for row in rows("| field | at | bytes") if row[1] != "last"}
"""Where each field of the header stands, as the document has it."""


def field(data: bytes, name: str) -> int:
    """Read a field of a datagram by the document's layout, and by nothing of the code."""
    at, length = LAYOUT[name]
    return int.from_bytes(data[at : at + length], "big")


def ring(label: str) -> Keyring:
    """Return the keys of whoever hears a datagram with a label."""
    keys = (INSECURE,) if label.endswith("insecure") else (KEY,)
    return Keyring(keys, "l1", Role.CONTROLLED if "controller" in label else Role.CONTROLLER)


def test_the_keys_are_derived_as_written() -> None:
    """Both directions of link l1, and one of it without a key."""
    assert vector("key controller") == derive(KEY, "l1", Role.CONTROLLER)
    assert vector("key controlled") == derive(KEY, "l1", Role.CONTROLLED)
    assert vector("key insecure controller") == derive(INSECURE, "l1", Role.CONTROLLER)


def test_the_keys_and_tags_can_be_made_from_the_document_alone() -> None:
    """By its formula and its own keys, without any of our code."""
    secret = bytes.fromhex(TEXT.split("secret of key 1 is `", 1)[1].split("`", 1)[0])
    for role in ("controller", "controlled"):
        context = b"lvrrp1" + bytes([len("l1")]) + b"l1" + role.encode()
        assert vector(f"key {role}") == hmac.digest(secret, context, "sha256")
    for label in SAID:
        data = vector(label)
        key = vector(f"key {label.split()[0]}")
        assert data[-16:] == hmac.digest(key, data[:-16], "sha256")[:16]
        assert (data[:2], field(data, "version"), field(data, "length")) == (b"LV", 1, len(data))


def test_two_ends_say_what_is_written() -> None:
    """Byte for byte, clocks and chance being given."""
    assert {label: vector(label) for label in conversation()} == conversation()


def test_the_fields_are_as_written() -> None:
    """Every column of the conversation's table, read by the document's own layout."""
    written = {row[0]: row[1:] for row in rows("table says; the test has two ends do so")}
    for column, label in enumerate(SAID):
        data = vector(label)
        for name in ("type", "sequence", "detect time", "sent", "echo sent", "echo delay"):
            assert field(data, name) == int(written[name][column])
        for name in ("session", "echoed session"):
            assert f"{field(data, name):016x}".startswith(written[name][column].removesuffix("..."))


def test_the_elements_are_as_written() -> None:
    """The other end reads what the document says of each."""
    bodies = {
        "controller greeting": tlv.Body("b1", "l1"),
        "controlled answer": tlv.Body("f1", "l1", (MASTER, BACKUP)),
        "controller confirmation": tlv.Body("b1", "l1"),
        "controlled state": tlv.Body("f1", "l1", (MASTER, BACKUP)),
        "controller adjust": tlv.Body("b1", "l1", weights=WEIGHTS, adjustments=ADJUSTMENTS),
        "controlled acknowledgement": tlv.Body("f1", "l1", adjustments=ADJUSTMENTS),
        "controlled push": tlv.Body("f1", "l1", (MASTER, FAULT, SIXTH), "eth0 has no carrier", DIGEST),
        "controller weight": tlv.Body("b1", "l1", weights=WEIGHTS),
        "controller measured": tlv.Body("b1", "l1", digest=DIGEST, metrics=METRICS),
        "controller restart": tlv.Body("b1", "l1", hold=3000 * MILLISECOND),
        "controlled leave": tlv.Body("f1", "l1"),
        "controller insecure": tlv.Body("b1", "l1"),
        "controller later": tlv.Body("b1", "l1", (LATER,), metrics=METRICS, weights=WEIGHTS[:1]),
    }
    for label, body in bodies.items():
        read = packet.decode(vector(label), ring(label).verify)
        assert isinstance(read, Datagram)
        assert read.body == body
        assert read.session == (NEAR_SESSION if label.startswith("controller") else FAR_SESSION)


@pytest.mark.parametrize("reason", ["length", "tag", "type", "element", "miswired"])
def test_what_is_refused_is_counted_as_written(reason: str) -> None:
    """By an end that has not met its peer yet: nothing is answered."""
    far = end(Role.CONTROLLED, 1, 2)
    far.handle(0, Start())
    far.handle(0, Received(vector(f"refused at controlled {reason}")))

    assert {name: count for name, count in far.counters.items() if count} == {"received": 1, reason: 1}


def test_what_comes_back_or_twice_is_counted_as_written() -> None:
    """The answer, reflected and repeated."""
    near, far = end(Role.CONTROLLER, NEAR_SESSION), end(Role.CONTROLLED, 1, FAR_SESSION)
    for link in (near, far):
        link.handle(0, Start())
    far.handle(0, Received(vector("controlled answer")))
    for _ in range(2):
        near.handle(0, Received(vector("controlled answer")))

    assert (far.counters["reflected"], near.counters["sequence"]) == (1, 1)


def test_every_type_and_element_is_listed_with_its_number() -> None:
    """Neither a number nor a name is missing, and none is invented."""
    types = [(int(row[0]), row[1]) for row in rows("first 128 bits |")]
    elements = [(int(row[0]), row[1]) for row in rows("or an element that the datagram's end cuts short")]

    assert types == [(int(kind), kind.name) for kind in MessageType]
    assert elements == [(int(kind), kind.name) for kind in tlv.Kind]


def test_every_state_is_listed_with_its_number() -> None:
    """As the wire has them."""
    listed = TEXT.split("States in a WORD: ", 1)[1].split(";", 1)[0].split(", ")

    assert listed == [f"{int(state)} {state.name.lower()}" for state in GroupState]


def test_every_reason_to_drop_is_listed() -> None:
    """Those of the packet and of the sessions, and what a link counts beside them."""
    listed = {name for row in rows("### What is checked") for name in re.findall(r"`(\w+)`", row[1])}
    reasons = {*packet.Rejection, "own_session", "sequence", "echo", "retired", "crowded"}

    assert listed == {*map(str, reasons), "miswired", "role", "candidate"}


def test_the_defaults_are_as_written() -> None:
    """Port, detect time and the diagram's offsets."""
    timers = {row[0]: row[2] for row in rows("Which formula gives what")}
    address = IPv4Address("10.1.0.1")
    made = LinkSettings(name="l1", node="b1", role=Role.CONTROLLER, device="eth1", local=address, peer=address)

    assert f"default port {DEFAULT_PORT}" in TEXT
    assert timers["interval of queries"] == "100..200 ms"
    assert (made.interval_min, made.interval_max) == (100 * MILLISECOND, 200 * MILLISECOND)
    assert timers["detect time stated by the controlled end"] == f"{made.detect // MILLISECOND} ms"
    assert timers["wait before a reopening"] == f"{made.up_delay // MILLISECOND} ms"
    assert timers["k, misses needed to close"] == str(made.misses)
    assert f"length (2 bytes), value ...         |  {packet.HEADER_LENGTH}" in TEXT


def test_the_failover_reckons_right() -> None:
    """The numbers of the story that are not drawn: priorities, skew time, and who may claim when."""
    high, low = tier_priority(Tier.HIGH, 100), tier_priority(Tier.LOW, 100)
    skew = skew_time(100, 200 * MILLISECOND)
    peer = GroupWord(1, GroupState.MASTER, 100, 1)
    closed = {row[1]: float(row[0]) for row in rows("<!-- drawn: failover -->") if row[2].startswith("closed")}
    story = {(int(row[0]), row[1]): row[2] for row in rows("on the LANs and on l2")}

    assert f"priority {high} (HIGH), was {low} (LOW). b1's adverts at {tier_priority(Tier.HIGH, 150)} are" in TEXT
    assert not may_claim(peer=peer, own=high, heard=tier_priority(Tier.HIGH, 150))
    assert may_claim(peer=peer, own=high, heard=0)
    assert closed == {"f1": 1403, "b1": 1602}
    assert f"skew time ({round(skew / MILLISECOND)} ms)" in story[1403 + round(skew / MILLISECOND), "far LAN"]
    assert {at for at, _ in story} == {1403, 1525, 1526, 1602, 1603}


def test_an_end_without_carrier_greets_nobody() -> None:
    """`dark` in the diagrams: an end that starts without carrier is silent until it has some."""
    near = end(Role.CONTROLLER, NEAR_SESSION)
    near.handle(0, Carrier(up=False))

    assert near.handle(0, Start()) == []
    assert len(near.handle(0, Carrier(up=True))) == 1
