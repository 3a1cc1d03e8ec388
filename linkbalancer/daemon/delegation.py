"""The agent's end of the bridge to Keepalived: what it says becomes events, and what is asked for goes to it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias

from linkbalancer.clock import Instant
from linkbalancer.daemon.keepalivedline import LIMIT, SOCKET, Told, decode, encode
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.partner import Partner
from linkbalancer.engine.bridge import Word
from linkbalancer.engine.delegate import Delegate, Steer
from linkbalancer.engine.events import KeepalivedSays
from linkbalancer.engine.membership import Membership
from linkbalancer.links import GroupId, GroupState

Take: TypeAlias = Callable[[Instant, Iterable[KeepalivedSays]], None]


class KeepalivedServer:
    """Listens in the run directory.

    Args:
        loop: what turns.
        run_dir: where.
        take: told what Keepalived says.
        memberships: asked for what is known of the groups, for whoever connects, and what is asked for.
        complain: where goes what is wrong.
    """

    def __init__(
        self,
        loop: Loop,
        run_dir: Path,
        take: Take,
        memberships: Callable[[], Mapping[GroupId, Membership]],
        complain: Callable[[str, str], None],
    ) -> None:
        """Listen; raises OSError."""
        self._take, self._memberships = take, memberships
        self._bridge = Partner(
            loop,
            run_dir / SOCKET,
            LIMIT,
            greeting=lambda: encode(Told(self._asked(), self._said())),
            heard=self._hear,
            turned_away=partial(complain, "hear Keepalived's bridge"),
        )
        self.keep, self.close = self._bridge.keep, self._bridge.close

    def steer(self) -> None:
        """Pass on what is asked for now; where there is no bridge, whoever connects is told."""
        self._bridge.say(encode(Told(asked=self._asked())))

    def _asked(self) -> dict[GroupId, Steer]:
        asked = {group: one.asked() for group, one in self._delegates()}
        return {group: steer for group, steer in asked.items() if steer is not None}

    def _said(self) -> dict[GroupId, Word]:
        return {
            group: Word(one.said, one.said_priority)
            for group, one in self._delegates()
            if one.said is not GroupState.UNKNOWN
        }

    def _delegates(self) -> Iterator[tuple[GroupId, Delegate]]:
        for group, membership in self._memberships().items():
            if isinstance(membership.router, Delegate):
                yield group, membership.router

    def _hear(self, now: Instant, message: bytes) -> bool:
        told = decode(message)
        if told is None:
            return False
        self._take(now, [KeepalivedSays(group, word.state, word.priority) for group, word in told.said.items()])
        return True
