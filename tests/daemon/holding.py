"""Other processes at a board: one that has it to itself and does nothing more, or one that does something there."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from linkbalancer.daemon.board import Board, Post


def holding(board: Board) -> AbstractContextManager[int]:
    """Have another process take down what is posted (something must be), and stay at it; yield its id."""

    def hold(tell: Callable[[], None]) -> None:
        def stay(_posts: list[Post]) -> None:
            tell()
            signal.pause()

        board.work(stay)

    return another(hold)


@contextmanager
def another(do: Callable[[Callable[[], None]], object]) -> Iterator[int]:
    """Have another process do something, and sleep until the end; yield its id once it has said so (`do` is told how).

    It has the board as any process of the zygote's has.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:

        def tell() -> None:
            os.write(writing, b".")

        do(tell)
        signal.pause()
        os._exit(1)
    os.close(writing)
    assert os.read(reading, 1) == b"."
    os.close(reading)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
