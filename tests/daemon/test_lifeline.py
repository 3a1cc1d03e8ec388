"""The line between supervisor and child."""

import os
import socket

from linkbalancer.daemon.lifeline import Hangup, Lifeline, Spoken


def test_words_and_descriptors() -> None:
    """A word arrives whole, with its arguments and the descriptor beside it."""
    ours, theirs = Lifeline.pair()
    child = Lifeline(theirs)
    reading, writing = os.pipe()
    assert child.hear() is None
    assert ours.say("spawn", "app:web", descriptor=reading)
    assert ours.say("go")
    spoken = child.wait()
    assert isinstance(spoken, Spoken)
    assert (spoken.word, spoken.arguments) == ("spawn", ("app:web",))
    assert spoken.descriptor is not None
    os.write(writing, b"through")
    assert os.read(spoken.descriptor, 9) == b"through"
    assert child.hear() == Spoken("go")
    for fd in (reading, writing, spoken.descriptor):
        os.close(fd)
    ours.close()
    child.close()


def test_hang_up() -> None:
    """The end of the line is told, and nothing can be said on it."""
    ours, theirs = Lifeline.pair()
    child = Lifeline(theirs)
    ours.close()
    assert child.hear() == Hangup()
    assert child.wait() == Hangup()
    assert not child.say("beat")
    child.close()
    assert child.hear() == Hangup()


def test_nobody_listens() -> None:
    """A child whose supervisor does not read goes on: its beats are lost, not waited for."""
    ours, theirs = Lifeline.pair()
    child = Lifeline(theirs)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    assert not all(child.say("beat") for _ in range(1000))
    assert ours.hear() == Spoken("beat")
    ours.close()
    child.close()
