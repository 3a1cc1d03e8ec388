"""The agent's end of the checker's line: what the checker believes becomes events."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TypeAlias

from linkbalancer.clock import Instant
from linkbalancer.daemon.checking.channel import CHECKS
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.partner import Partner
from linkbalancer.engine.tracking import Checked
from linkbalancer.health.report import LIMIT, Malformed, Reports, decode, encode

Take: TypeAlias = Callable[[Instant, Iterable[Checked]], None]

_OPERATION = "take checks"


class ChecksServer:
    """Listens in the run directory.

    Args:
        loop: what turns.
        run_dir: where.
        take: told what the checker says.
        known: asked for what is believed now, for whoever connects.
        complain: where goes what is wrong.
    """

    def __init__(
        self,
        loop: Loop,
        run_dir: Path,
        take: Take,
        known: Callable[[], Reports],
        complain: Callable[[str, str], None],
    ) -> None:
        """Listen; raises OSError."""
        self._take, self._complain = take, complain
        self._checker = Partner(
            loop,
            run_dir / CHECKS,
            LIMIT,
            greeting=lambda: encode(known()),
            heard=self._hear,
            turned_away=partial(complain, _OPERATION),
        )
        self.keep, self.close = self._checker.keep, self._checker.close

    @property
    def pid(self) -> int | None:
        """The checker's process id, None while there is none."""
        return self._checker.pid

    def _hear(self, now: Instant, message: bytes) -> bool:
        told = decode(message)
        if isinstance(told, Malformed):
            self._complain(_OPERATION, f"the checker sent no reports: {told.reason}")
            return False
        self._take(now, [Checked(told)])
        return True
