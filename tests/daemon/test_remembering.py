"""When the snapshot is written, on a real file."""

from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.clock import Instant
from linkbalancer.daemon.remembering import SIGN, Remembering
from linkbalancer.daemon.snapshot import ANEW, EVERY, SLOT, SnapshotFile
from linkbalancer.engine.effects import Announce, Effect, Record, SendAdvert

BOOT = "0" * 36
NEWS: Effect = Record("vid", "VID 1", "master: fell silent")
ADVERT: Effect = SendAdvert("eth0", IPv4Address("192.0.2.1"), b"", IPv4Address("224.0.0.18"), None)
MERE: list[Effect] = [ADVERT, Announce("eth0", (IPv4Address("192.0.2.251"),), None)]


class Desk:
    """A hand on a file, and what it says."""

    def __init__(self, path: Path) -> None:
        self.file = SnapshotFile(path, BOOT)
        self.content: dict[str, Any] = {}
        self.said: list[str] = []
        self.hand = Remembering(self.file, self.take, lambda what, why: self.said.append(f"{what}: {why}"))

    def take(self, now: Instant) -> dict[str, Any]:
        """Return the snapshot of an instant."""
        return {"at": now, **self.content}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return one."""
    found = Desk(tmp_path / "snapshot")
    yield found
    found.file.close()


def test_news_is_written_soon(desk: Desk) -> None:
    """Together with what happens meanwhile, and no sooner."""
    assert desk.hand.deadline() is None
    desk.hand.note(0, [])
    desk.hand.expire(0)
    assert desk.hand.deadline() is None
    desk.hand.note(10, [ADVERT, NEWS])
    desk.hand.note(20, [NEWS])
    assert desk.hand.deadline() == 10 + EVERY
    desk.hand.expire(9 + EVERY)
    assert desk.file.read() is None
    desk.hand.expire(10 + EVERY)
    assert (desk.file.read(), desk.hand.deadline()) == ({"at": 10 + EVERY}, None)


def test_adverts_alone_are_written_seldom_and_news_hastens_that(desk: Desk) -> None:
    """What they counted is kept too."""
    desk.hand.note(0, MERE)
    desk.hand.note(50, MERE)
    assert desk.hand.deadline() == ANEW
    desk.hand.note(60, [NEWS])
    assert desk.hand.deadline() == 60 + EVERY


def test_a_sign_of_life_is_given_while_nothing_else_happens(desk: Desk) -> None:
    """Not before anything of this agent's is written, not while news waits, and not more often than is of use."""
    desk.file.write({"of": "a predecessor"})
    desk.hand.sign(SIGN)
    assert desk.file.read() == {"of": "a predecessor"}
    desk.hand.write(5)
    desk.hand.sign(2 * SIGN)
    desk.hand.sign(3 * SIGN - 1)
    assert desk.file.read() == {"at": 5, "alive": 2 * SIGN}
    desk.hand.note(4 * SIGN, MERE)
    desk.hand.sign(4 * SIGN)
    desk.hand.note(5 * SIGN, [NEWS])
    desk.hand.sign(9 * SIGN)
    assert desk.file.read() == {"at": 5, "alive": 4 * SIGN}
    desk.hand.expire(5 * SIGN + EVERY)
    assert desk.file.read() == {"at": 5 * SIGN + EVERY}, "the sign was of the one before"


def test_what_is_too_long_is_said_and_nobody_signs_it(desk: Desk) -> None:
    """The one before would be taken for what holds now."""
    desk.hand.write(1)
    desk.content = {"text": "x" * SLOT}
    desk.hand.write(2)
    desk.hand.sign(2 * SIGN)
    assert (desk.file.read(), desk.said) == ({"at": 1}, ["write the snapshot: it is too long"])


def test_what_is_forgotten_is_not_signed(desk: Desk) -> None:
    """Every mastership was handed over."""
    desk.hand.write(1)
    desk.hand.note(2, [NEWS])
    desk.hand.forget()
    desk.hand.sign(2 * SIGN)
    assert (desk.file.read(), desk.hand.deadline()) == (None, None)
