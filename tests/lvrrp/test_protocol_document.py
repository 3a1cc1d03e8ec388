"""docs/protocol.md says what the code does: vectors, numbers and defaults are read out of it and checked."""

import re
from pathlib import Path

from linkbalancer.clock import MICROSECOND, MILLISECOND
from linkbalancer.links import GroupState, GroupWord, Role
from linkbalancer.lvrrp import packet, tlv
from linkbalancer.lvrrp.keys import Key, Keyring, derive
from linkbalancer.lvrrp.packet import Datagram, MessageType
from linkbalancer.lvrrp.settings import DEFAULT_PORT
from tests.lvrrp.pair import settings

TEXT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
KEY = Key(1, bytes(range(16)))
WORDS = (GroupWord(1, GroupState.MASTER, 150, 3, 2), GroupWord(2, GroupState.BACKUP, 100, 4, 2))
NEAR_SESSION, FAR_SESSION = 0x1122334455667788, 0x99AABBCCDDEEFF00


def vectors(label: str) -> list[bytes]:
    """Return the bytes of every block of hexadecimal with a label."""
    return [bytes.fromhex(block) for block in re.findall(rf"```hex {label}\n(.*?)```", TEXT, re.DOTALL)]


def rows(after: str) -> list[list[str]]:
    """Return the cells of the first table that follows a text."""
    table = TEXT.split(after, 1)[1].split("\n|---", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def said(kind: MessageType, session: int, echoed: int, times: tuple[int, int, int], body: tlv.Body) -> Datagram:
    """Return a datagram as the document tells it, `times` being sent, echo sent and echo delay."""
    return Datagram(
        kind=kind,
        key_id=1,
        session=session,
        echoed=echoed,
        sequence=2 if kind is MessageType.BYE else 1,
        detect=600 * MILLISECOND,
        sent=times[0],
        echo_sent=times[1],
        echo_delay=times[2] * MICROSECOND,
        body=body,
    )


GREETING = said(MessageType.QUERY, NEAR_SESSION, 0, (1_000_000, 0, 0), tlv.Body("b1", "l1"))
ANSWER = said(MessageType.STATE, FAR_SESSION, NEAR_SESSION, (77, 1_000_000, 250), tlv.Body("f1", "l1", WORDS))
LEAVE = said(
    MessageType.BYE,
    NEAR_SESSION,
    FAR_SESSION,
    (1_200_000, 77, 199_750),
    tlv.Body("b1", "l1", hold=3000 * MILLISECOND),
)


def test_the_keys_are_derived_as_written() -> None:
    """Both directions of link l1."""
    assert vectors("key controller") == [derive(KEY, "l1", Role.CONTROLLER)]
    assert vectors("key controlled") == [derive(KEY, "l1", Role.CONTROLLED)]


def test_the_datagrams_are_encoded_as_written() -> None:
    """Byte for byte, tags included."""
    near, far = (Keyring((KEY,), "l1", role) for role in (Role.CONTROLLER, Role.CONTROLLED))

    assert vectors("controller") == [packet.encode(datagram, near.tag) for datagram in (GREETING, LEAVE)]
    assert vectors("controlled") == [packet.encode(ANSWER, far.tag)]


def test_the_datagrams_are_read_as_written() -> None:
    """The other end reads what the document says of each."""
    near, far = (Keyring((KEY,), "l1", role) for role in (Role.CONTROLLER, Role.CONTROLLED))

    assert [packet.decode(data, far.verify) for data in vectors("controller")] == [GREETING, LEAVE]
    assert [packet.decode(data, near.verify) for data in vectors("controlled")] == [ANSWER]


def test_every_type_and_element_is_listed_with_its_number() -> None:
    """Neither a number nor a name is missing, and none is invented."""
    types = [(int(row[0]), row[1]) for row in rows("first 128 bits |")]
    elements = [(int(row[0]), row[1]) for row in rows("### Elements")]

    assert types == [(int(kind), kind.name) for kind in MessageType]
    assert elements == [(int(kind), kind.name) for kind in tlv.Kind]


def test_every_state_is_listed_with_its_number() -> None:
    """As the wire has them."""
    listed = TEXT.split("States in a WORD: ", 1)[1].split(";", 1)[0].split(", ")

    assert listed == [f"{int(state)} {state.name.lower()}" for state in GroupState]


def test_the_defaults_are_as_written() -> None:
    """Port, detect time and the diagram's offsets."""
    timers = {row[0]: row[2] for row in rows("longer than it is old")}
    made = settings(Role.CONTROLLER, interval_min=100 * MILLISECOND)

    assert f"default port {DEFAULT_PORT}" in TEXT
    assert timers["interval of queries"] == "100..200 ms"
    assert (made.interval_min, made.interval_max) == (100 * MILLISECOND, 200 * MILLISECOND)
    assert timers["detect time stated by the controlled end"] == f"{made.detect // MILLISECOND} ms"
    assert timers["wait before a reopening"] == f"{made.up_delay // MILLISECOND} ms"
    assert timers["k, misses needed to close"] == str(made.misses)
    assert f"length (2 bytes), value ...         |  {packet.HEADER_LENGTH}" in TEXT
