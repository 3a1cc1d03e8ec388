"""What processes of applications do for one another: write each other's elements, and let go of each other's flows.

What is decided stays each application's own; this is only about who hands it to the kernel (`daemon.board`). What is
not done by another in time, or is refused, its process does by itself, by what it finds in the kernel.
"""

import errno
from collections.abc import Iterable, Mapping
from typing import Any, Final

from linkbalancer.clock import MICROSECOND, MILLISECOND, Duration, Instant
from linkbalancer.daemon.board import Board, Post
from linkbalancer.daemon.loop import boottime
from linkbalancer.drivers import translations
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.drivers.nftables.aims import AimWriter
from linkbalancer.drivers.nftables.generation import generation
from linkbalancer.drivers.nftables.pools import chain_of, target_of
from linkbalancer.engine.sweeping import Flows
from linkbalancer.links import Vid
from linkbalancer.routing.balance import Aim
from linkbalancer.routing.handover import Form
from linkbalancer.routing.marks import Marks

FEW: Final = 64
"""Who points more than this at once writes alone: there are few processes then, and each has enough to do."""

GATHER_EACH: Duration = 300 * MICROSECOND
GATHER_LEAST: Duration = 1 * MILLISECOND
GATHER_MOST: Duration = 30 * MILLISECOND
"""How long a post hangs before its process sees to it: so long for each process that there is, not at all where that is
little, and so long at most. On few processors each would be done before the next one has its turn."""

PATIENCE: Duration = 500 * MILLISECOND
"""How long a process waits for what another has taken on; then it writes itself."""

FRESH: Duration = PATIENCE // 2
"""What is older is not begun any more: its process may have written by then, and something else."""

_ATTEMPTS: Final = 5


class Boards:
    """What the processes of one zygote share; made before they are forked."""

    def __init__(self, names: Iterable[str]) -> None:
        """Make them, with a place for each process."""
        some = tuple(names)
        self.pointing, self.sweeps = Board(some), Board(some)
        wanted = min(len(some) * GATHER_EACH, GATHER_MOST)
        self.gather: Duration = wanted if wanted >= GATHER_LEAST else 0


class Pointing:
    """Points applications: those of this process, and those of others who have posted meanwhile."""

    def __init__(self, writer: AimWriter, netlink: NetlinkSocket, boards: Boards, name: str) -> None:
        """Work for the process of this name."""
        self._writer, self._netlink, self._board = writer, netlink, boards.pointing
        self._place = self._board.place(name)

    def begin(self, wanted: Mapping[int, Aim], known: Mapping[int, Aim | None]) -> Post | None:
        """Have applications pointed whose elements are known; None where this is nothing to be done together."""
        if len(wanted) > FEW or not wanted.keys() <= known.keys():
            return None
        return self._board.post(self._place, [_move(one, aim, known[one]) for one, aim in wanted.items()])

    def outcome(self, post: Post) -> bool | None:
        """Return whether it was done; False: do it yourself; None: another may still do it."""
        done = self._board.outcome(post)
        if done is None and not self._board.work(self._serve) and boottime() < post.at + PATIENCE:
            return self._board.outcome(post)
        # Nobody is at it any more: it has just been done here, or who took it down has died.
        return bool(self._board.outcome(post)) if done is None else done

    def _serve(self, posts: list[Post]) -> None:
        """Write everything that is posted, in one transaction; all of it, or nothing."""
        fresh = [post for post in posts if boottime() < post.at + FRESH]
        moves = [_read(one) for post in fresh for one in post.what]
        wanted = {app_id: aim for app_id, aim, _was in moves}
        known = {app_id: was for app_id, _aim, was in moves}
        done = bool(fresh) and self._written(wanted, known, min(post.at for post in fresh) + FRESH)
        for post in fresh:
            self._board.settle(post, done=done)

    def _written(self, wanted: Mapping[int, Aim], known: Mapping[int, Aim | None], until: Instant) -> bool:
        """Write; but nothing of that if this process is stopped here, and goes on when others have written since.

        So the kernel is told what the number of its rules was when there was still time.
        """
        for _attempt in range(_ATTEMPTS):
            try:
                number = generation(self._netlink)
                if boottime() >= until:
                    return False
                self._writer.steer(wanted, known, number)
            except DriverError as error:
                if error.errno != errno.ERESTART:
                    return False
            else:
                return True
        return False


class Sweeps:
    """Has translated flows begin anew: of this process's applications, and of others'."""

    def __init__(self, marks: Marks, netlink: NetlinkSocket, boards: Boards, name: str) -> None:
        """Work for the process of this name."""
        self._marks, self._netlink, self._board = marks, netlink, boards.sweeps
        self._place = self._board.place(name)

    def sweep(self, wanted: Flows) -> None:
        """Have it done, by this process or by one that is at it. Raises DriverError."""
        what = [[vid, sorted(app_ids)] for vid, app_ids in wanted.items()]
        if sum(map(len, wanted.values())) > FEW or self._board.post(self._place, what) is None:
            translations.sweep(self._netlink, self._marks, wanted)
        else:
            self._board.work(self._serve)

    def _serve(self, posts: list[Post]) -> None:
        wanted: dict[Vid, frozenset[int]] = {}
        for post in posts:
            for vid, app_ids in post.what:
                wanted[vid] = wanted.get(vid, frozenset()) | frozenset(app_ids)
        translations.sweep(self._netlink, self._marks, wanted)


def _move(app_id: int, aim: Aim, was: Aim | None) -> list[Any]:
    return [app_id, chain_of(aim.to), aim.form.value, *([] if was is None else [chain_of(was.to), was.form.value])]


def _read(move: list[Any]) -> tuple[int, Aim, Aim | None]:
    app_id, chain, form, *was = move
    return app_id, _aim(chain, form), _aim(*was) if was else None


def _aim(chain: str, form: str) -> Aim:
    to = target_of(chain)
    assert to is not None
    return Aim(to, Form(form))
