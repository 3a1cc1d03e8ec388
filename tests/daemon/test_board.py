"""The board: who posts gets it done, by others or by himself, and whoever dies or stands still holds up nobody."""

import os
import signal
from collections.abc import Callable

import pytest

from linkbalancer.daemon.board import LONGEST, Board, Post
from tests.daemon.holding import another, holding


def test_one_does_it_for_all() -> None:
    """Whoever works takes down everything that is posted, and says what became of it."""
    board = Board(["one", "two", "three"])
    posts = [board.post(board.place(name), [name]) for name in ("one", "two", "three")]
    seen: list[Post] = []

    def serve(some: list[Post]) -> None:
        seen.extend(some)
        for post in some:
            board.settle(post, done=post.what != ["two"])

    assert board.work(serve)
    assert seen == posts
    assert [board.outcome(post) for post in seen] == [True, False, True]


def test_what_became_of_a_post_is_said_of_no_other() -> None:
    """The next one at the same place is another one, whichever process posts it."""
    board = Board(["one"])
    first = board.post(0, [])
    assert first is not None
    board.work(lambda posts: board.settle(posts[0], done=True))
    second = board.post(0, [])
    assert second is not None
    assert board.outcome(first) is True
    assert board.outcome(second) is None


def test_another_one_does_it() -> None:
    """What one process posts another takes down, and its word on it is read here."""
    board = Board(["one"])
    post = board.post(0, [7])
    assert post is not None

    def settle(tell: Callable[[], None]) -> None:
        board.work(lambda posts: board.settle(posts[0], done=posts[0].what == [7]))
        tell()

    with another(settle):
        assert board.outcome(post) is True
    assert board.work(lambda _posts: pytest.fail("it is done"))


def test_a_stopped_process_is_not_waited_for() -> None:
    """It keeps the board; who comes is told at once, and may do it otherwise."""
    board = Board(["one", "two"])
    board.post(0, [])
    with holding(board) as pid:
        os.kill(pid, signal.SIGSTOP)
        assert board.post(1, []) is not None
        assert not board.work(lambda _posts: pytest.fail("the other has the board"))


def test_a_dead_process_lets_go() -> None:
    """What it had taken down is lost, and nobody says that it was done; what hangs there is the next one's."""
    board = Board(["one", "two"])
    lost = board.post(0, [])
    assert lost is not None
    with holding(board):
        pass
    board.post(1, ["later"])
    seen: list[Post] = []
    assert board.work(seen.extend)
    assert [post.what for post in seen] == [["later"]]
    assert board.outcome(lost) is None


def test_what_is_posted_meanwhile_is_done_as_well() -> None:
    """Whoever is at it looks again before it goes."""
    board = Board(["one", "two"])
    board.post(0, ["first"])
    seen: list[list[Post]] = []

    def serve(posts: list[Post]) -> None:
        seen.append(posts)
        if len(seen) == 1:
            board.post(1, ["second"])

    assert board.work(serve)
    assert [[post.what for post in some] for some in seen] == [[["first"]], [["second"]]]


def test_a_full_board_is_said() -> None:
    """It takes so much and no more, and no post that is too long."""
    board = Board(["one"])
    assert board.post(0, ["x" * LONGEST]) is None
    taken = 0
    while board.post(0, ["x" * 1000]) is not None:
        taken += 1
        assert taken < 100_000
    assert taken > 50
