"""What links have carried in their billing months, kept on disk: a data cap does not begin anew with a reboot (L5).

A child writes it, every ten minutes and when the agent leaves, for the agent touches no disk; only where a link's
weight goes by a cap. What an agent that is killed had counted is in its snapshot.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.config.model import Config
from linkbalancer.daemon.durable import replace_file
from linkbalancer.daemon.errand import Errand
from linkbalancer.daemon.lifeline import live_on
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.sockets import Complain

NAME: Final = "carried.json"
EVERY: Final[Duration] = 600 * SECOND
PATIENCE: Final[Duration] = 30 * SECOND
"""How long the child may take."""


def remembered(state_dir: Path, complain: Complain) -> object:
    """Return what was written last; nothing where nothing can be read."""
    try:
        return json.loads((state_dir / NAME).read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        complain("read what the links have carried this month", str(error))
        return {}


def begin_counting(
    loop: Loop, config: Config, state_dir: Path, carried: Callable[[], Mapping[str, Any]], complain: Complain
) -> "Odometer | None":
    """Have what `carried` says written now and then, where a weight goes by it."""
    if not any(config.weights(name).resets for name in config.links):
        return None
    odometer = Odometer(loop, state_dir, carried, complain)
    loop.every(EVERY, odometer.turn)
    return odometer


class Odometer:
    """Writes the file.

    Args:
        loop: what turns meanwhile.
        state_dir: where it is kept.
        carried: what is to be kept, JSON-able.
        complain: told when it cannot be written.
    """

    def __init__(
        self, loop: Loop, state_dir: Path, carried: Callable[[], Mapping[str, Any]], complain: Complain
    ) -> None:
        self._path, self._carried, self._complain = state_dir / NAME, carried, complain
        self._errand = Errand(loop, self._written, PATIENCE)

    def turn(self, _now: Instant) -> None:
        """Have it written, unless that is still under way."""
        text = json.dumps(self._carried())
        self._start(lambda: replace_file(self._path, text))

    def leave(self) -> None:
        """Have it written for the last time: whoever writes it outlives this process."""
        text = json.dumps(self._carried())

        def write() -> None:
            live_on()
            replace_file(self._path, text)

        self._start(write)

    def _start(self, work: Callable[[], None]) -> None:
        try:
            self._errand.start(work)
        except OSError as error:
            self._complain("keep what the links have carried", str(error))

    def _written(self, _now: Instant, why: str | None) -> None:
        if why is not None:
            self._complain("keep what the links have carried", why)
