"""What Keepalived tracks: devices, scripts, files and processes; what they are, and what they do to whom."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final, TypeAlias

from linkbalancer.clock import SECOND, Duration
from linkbalancer.config.findings import shown
from linkbalancer.config.keepalived import defaults, values
from linkbalancer.config.keepalived.statements import Ledger, Statement
from linkbalancer.config.keepalived.words import Word
from linkbalancer.config.quantities import write_duration

WEIGHT_MAX: Final = 253
"""The largest weight that is known here; Keepalived's files and processes may have one more."""

TEXT_MAX: Final = 256

Written: TypeAlias = str | int | dict[str, str | int | bool]

_BLOCKS: Final = {
    "track_interface": "device",
    "track_script": "script",
    "track_file": "file",
    "track_process": "process",
}
_DELAYS: Final = {
    "delay": ("up_delay", "down_delay"),
    "fork_delay": ("up_delay",),
    "terminate_delay": ("down_delay",),
}
_LONGEST: Final[Duration] = 4294 * SECOND


@dataclass(frozen=True, slots=True)
class Weight:
    """What a tracker adds or takes; 0 is a fault."""

    number: int
    reverse: bool = False

    def written(self) -> Written:
        """Write it as `track` does."""
        weight = self.number or "fault"
        return {"weight": weight, "reverse": True} if self.reverse else weight


@dataclass(slots=True)
class Tracker:
    """A script, file or process that is defined: its weight where nobody says another, and what else it says."""

    name: str
    kind: str
    weight: Weight
    statement: Statement
    keys: dict[str, Any] = field(default_factory=dict)
    used: bool = False


@dataclass(frozen=True, slots=True)
class Track:
    """One line of a track_ block: what is tracked (by its name, a device by its own), and with which weight."""

    kind: str
    word: Word
    weight: Weight | None


@dataclass(slots=True)
class Tracks:
    """What one instance or sync group tracks."""

    found: list[Track] = field(default_factory=list)

    def take(self, ledger: Ledger, statement: Statement) -> bool:
        """Take a statement; whether it is a track_ block."""
        kind = _BLOCKS.get(statement.keyword)
        if kind is None:
            return False
        ledger.carried(statement, 1)
        for line in statement.inner():
            ledger.carried(line, 1)
            self.found.append(Track(kind, line.words[0], _weight(ledger, line.words[1:])))
        return True


def _weight(ledger: Ledger, words: tuple[Word, ...]) -> Weight | None:
    """Return the weight that some words say (`weight N [reverse]`), None where they say none."""
    if len(words) < 2 or words[0].text != "weight":
        return None
    number = values.whole(words[1].text)
    if number is None or abs(number) > WEIGHT_MAX:
        what = f"{shown(words[1].text)} is no weight from -{WEIGHT_MAX} to {WEIGHT_MAX}"
        ledger.lost_words(words[:2], what, "write one")
        return None
    ledger.carried_words(*words[:2])
    if len(words) > 2 and words[2].text in {"reverse", "noreverse", "no_reverse"}:
        ledger.carried_words(words[2])
        return Weight(number, reverse=words[2].text == "reverse")
    return Weight(number)


class Reader:
    """Reads one definition of a script, file or process."""

    def __init__(self, ledger: Ledger, user: str | None) -> None:
        self._ledger, self._user = ledger, user

    def script(self, statement: Statement) -> Tracker | None:
        """Read a vrrp_script."""
        tracker = self._tracker(statement, "script", Weight(0))
        if tracker is None:
            return None
        user = self._user
        for one in statement.inner():
            if one.keyword == "user":
                user = values.account(self._ledger, one) or user
                if len(one.words) > 2:
                    self._ledger.lost_words(one.words[2:3], "the group of user", "the user's own group is taken")
            else:
                self._of_script(one, tracker)
        if user is not None:
            tracker.keys["user"] = user
        return self._whole(tracker, "script")

    def _of_script(self, one: Statement, tracker: Tracker) -> None:
        ledger, keys = self._ledger, tracker.keys
        match one.keyword:
            case "script":
                command = defaults.script(ledger, one, None)
                keys |= {} if command is None else {"script": list(command.words)}
            case "interval" | "timeout":
                time = values.seconds(ledger, one, SECOND // 1000, _LONGEST)
                keys |= {} if time is None else {one.keyword: write_duration(time)}
            case "rise" | "fall":
                number = values.integer(ledger, one, 1, 255)
                keys |= {} if number is None else {one.keyword: number}
            case "weight":
                tracker.weight = self._default_weight(one) or tracker.weight
            case "init_fail":
                ledger.carried(one, 1)
                keys["init"] = "down"
            case _:
                pass  # named among the leftovers

    def file(self, statement: Statement) -> Tracker | None:
        """Read a track_file."""
        tracker = self._tracker(statement, "file", Weight(1))
        if tracker is None:
            return None
        for one in statement.inner():
            match one.keyword:
                case "file":
                    path = values.text(self._ledger, one)
                    if path is not None:
                        self._path(one, path, tracker)
                case "weight":
                    tracker.weight = self._default_weight(one) or tracker.weight
                case "init_file":
                    self._ledger.lost(
                        one, "init_file writes the file at the start", "write it before the service starts"
                    )
                case _:
                    pass  # named among the leftovers
        return self._whole(tracker, "file")

    def _path(self, one: Statement, path: str, tracker: Tracker) -> None:
        if path.isprintable():
            tracker.keys |= {"file": path, "number": True}
        else:
            self._ledger.lost(one, f"the path {shown(path)} cannot be", "name a file")

    def process(self, statement: Statement) -> Tracker | None:
        """Read a track_process."""
        tracker = self._tracker(statement, "process", Weight(1))
        if tracker is None:
            return None
        for one in statement.inner():
            self._of_process(one, tracker)
        return self._whole(tracker, "process")

    def _of_process(self, one: Statement, tracker: Tracker) -> None:
        ledger, keys = self._ledger, tracker.keys
        match one.keyword:
            case "process":
                self._command(one, keys)
            case "quorum":
                number = values.integer(ledger, one, 1, 65535)
                keys |= {} if number is None else {"count": number}
            case "quorum_max":
                what = "quorum_max: that too many processes run is no failure here"
                ledger.lost(one, what, "track a script that counts them")
            case "delay" | "fork_delay" | "terminate_delay":
                time = values.seconds(ledger, one, 0, 3600 * SECOND)
                keys |= {} if time is None else dict.fromkeys(_DELAYS[one.keyword], write_duration(time))
            case "weight":
                tracker.weight = self._default_weight(one) or tracker.weight
            case "full_command" | "param_match":
                what = f"{one.keyword}: a process is known by its name, and by what its command line has"
                ledger.lost(one, what, "give the tracker a command, or track a script that looks")
            case _:
                pass  # named among the leftovers

    def _command(self, one: Statement, keys: dict[str, Any]) -> None:
        """Take a process's name, and what its command line must have."""
        name = values.text(self._ledger, one)
        wanted = " ".join(word.text for word in one.words[2:])
        if name is None:
            return
        if not all(text.isprintable() and len(text) <= TEXT_MAX for text in (name, wanted)):
            self._ledger.lost(one, f"{shown(name)} cannot be looked for", "track a script that looks for it")
            return
        keys["process"] = PurePosixPath(name).name or name
        if wanted:
            keys["command"] = wanted
            self._ledger.changed(one, "parameters may stand anywhere in the command line here", "look at it")

    def _default_weight(self, one: Statement) -> Weight | None:
        weight = _weight(self._ledger, one.words)
        if weight is not None:
            self._ledger.carried(one, 2)
        return weight

    def _tracker(self, statement: Statement, kind: str, weight: Weight) -> Tracker | None:
        name = values.text(self._ledger, statement)
        return None if name is None else Tracker(name, kind, weight, statement)

    def _whole(self, tracker: Tracker, key: str) -> Tracker | None:
        if key in tracker.keys:
            return tracker
        self._ledger.lost(tracker.statement, f"{shown(tracker.name)} does not say what is tracked", f"give it a {key}")
        return None
