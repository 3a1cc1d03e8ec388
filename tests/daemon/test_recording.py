"""Telling the recorder: never waiting, never more than a bound, never losing without saying so."""

import json
import socket
from pathlib import Path

import pytest

from linkbalancer.clock import MILLISECOND
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.recording import AGAIN, BATCH, LONGEST_TEXT, SOCKET, WAITING, Recording, Told, understood


def listener(directory: Path) -> socket.socket:
    """Listen as a recorder does."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.settimeout(0)
    sock.bind(str(directory / SOCKET))
    return sock


def heard(sock: socket.socket) -> list[Told]:
    """Return all that has been told."""
    records: list[Told] = []
    while True:
        try:
            records += understood(sock.recv(1 << 18))
        except BlockingIOError:
            return records


def test_a_record_arrives_as_it_was_told(tmp_path: Path) -> None:
    """With everything that was said; one that the teller does not count itself gets a number below zero."""
    recording = Recording(tmp_path, "agent", 7, lambda: 5)
    with listener(tmp_path) as sock:
        recording.tell("vid", "master: claimed", subject="VID 1", at=3, number=12, cause=11, fields={"vid": 1})
        number = recording.tell("drained", "by anna", follows={"kind": "order"})
        assert recording.deadline() == 5
        recording.expire(5)
        assert recording.deadline() == 5 + AGAIN, "no notifier yet: one that starts listens soon"
        told = heard(sock)

    assert told == [
        Told("agent", 7, 12, 3, "vid", "VID 1", "master: claimed", 11, {}, {"vid": 1}),
        Told("agent", 7, number, 5, "drained", "", "by anna", None, {"kind": "order"}, {}),
    ]
    assert number == -1
    recording.close()


def test_what_nobody_takes_waits(tmp_path: Path) -> None:
    """The recorder is tried again, less and less often, and then gets everything in its order."""
    recording = Recording(tmp_path, "agent", 1, lambda: 0)
    recording.tell("a", "first")
    recording.expire(0)
    assert recording.deadline() == AGAIN
    recording.tell("b", "second")
    recording.expire(AGAIN)
    assert recording.deadline() == 3 * AGAIN
    with listener(tmp_path) as sock:
        recording.expire(3 * AGAIN)
        assert [told.text for told in heard(sock)] == ["first", "second"]
    recording.close()


def test_what_is_too_much_is_dropped_oldest_first_and_said(tmp_path: Path) -> None:
    """A flood costs memory up to a limit and one datagram a turn; the loss itself becomes a record."""
    recording = Recording(tmp_path, "agent", 1, lambda: 9)
    for number in range(10_000):
        recording.tell("flood", str(number), number=number + 1)
    with listener(tmp_path) as sock:
        recording.expire(9)
        first = heard(sock)
        assert len(first) == BATCH + 1
        assert (first[0].kind, first[0].text) == (
            "lost",
            f"{10_000 - WAITING} records of agent were lost: the recorder was away or too slow",
        )
        assert first[1].text == str(10_000 - WAITING)
        while recording.deadline() is not None:
            recording.expire(9)
            first += heard(sock)
    assert len(first) == WAITING + 1
    assert first[-1].text == "9999"
    recording.close()


def test_a_full_queue_is_no_reason_to_wait(tmp_path: Path) -> None:
    """A recorder that does not read is as one that is away."""
    recording = Recording(tmp_path, "agent", 1, lambda: 0)
    with listener(tmp_path):
        for number in range(WAITING):
            recording.tell("flood", "x" * 5000, number=number + 1)
        recording.flush()
        assert recording.deadline() == AGAIN
    recording.close()


def test_a_long_text_is_cut_and_many_long_ones_are_split(tmp_path: Path) -> None:
    """No datagram is longer than the socket takes."""
    recording = Recording(tmp_path, "agent", 1, lambda: 0)
    with listener(tmp_path) as sock:
        for number in range(BATCH):
            recording.tell("flood", "é" * 5000, number=number + 1)
        recording.expire(0)
        assert recording.deadline() == 0
        recording.flush()
        told = heard(sock)
    assert {len(one.text) for one in told} == {LONGEST_TEXT}
    recording.close()


def test_a_loop_does_the_sending(tmp_path: Path) -> None:
    """Within the same turn, after the sockets were read."""
    loop = Loop()
    recording = Recording(tmp_path, "agent", 1, loop.clock)
    loop.watch(recording)
    with listener(tmp_path) as sock:
        recording.tell("a", "at once")
        loop.turn()
        assert [told.text for told in heard(sock)] == ["at once"]
    recording.close()
    loop.forget()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        b"[]",
        b"[" * 100_000,
        b'{"teller": "x"}',
        b'{"teller": "x", "session": 1, "dropped": 3}',
        b'{"teller": "x", "session": 1, "dropped": 0}\n[]\n{}\nnull\n{"number": "n"}',
        b'{"teller":"x","session":1,"dropped":0}\n{"number":1,"at":1,"kind":"","subject":"","text":"","fields":[1]}',
        b'{"teller": "x", "session": 1, "dropped": 0}\n\xff\xfe',
    ],
)
def test_garbage_is_no_record(data: bytes) -> None:
    """Whatever comes in, the recorder goes on."""
    assert understood(data) == []


def test_only_plain_fields_are_kept() -> None:
    """Texts and numbers, which the file can be asked for."""
    head = json.dumps({"teller": "x", "session": 1, "dropped": 0})
    one = {"number": 1, "at": MILLISECOND, "kind": "k", "subject": "", "text": "t", "fields": {"vid": 1, "deep": [1]}}

    assert understood(f"{head}\n{json.dumps(one)}".encode())[0].fields == {"vid": 1}
