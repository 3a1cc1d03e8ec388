"""What links have carried in their billing months, kept on disk: a data cap does not begin anew with a reboot (L5).

A child writes it, every ten minutes, for the agent touches no disk; only where a link's weight goes by a cap.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.config.model import Config
from linkbalancer.daemon.durable import replace_file
from linkbalancer.daemon.errand import Errand
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
) -> None:
    """Have what `carried` says written now and then, where a weight goes by it."""
    if any(config.weights(name).resets for name in config.links):
        odometer = Odometer(loop, state_dir, carried, complain)
        loop.every(EVERY, odometer.turn)


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
        try:
            self._errand.start(lambda: replace_file(self._path, text))
        except OSError as error:
            self._complain("keep what the links have carried", str(error))

    def _written(self, _now: Instant, why: str | None) -> None:
        if why is not None:
            self._complain("keep what the links have carried", why)
