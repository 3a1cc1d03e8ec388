"""What an agent has to tell: lines for the log, and records for whoever asks later what happened."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from linkbalancer.clock import MICROSECOND, SECOND, Duration, Instant
from linkbalancer.daemon.logs import Log
from linkbalancer.daemon.recording import Recording
from linkbalancer.engine.effects import Record

REPEAT: Duration = 60 * SECOND
"""A refusal that lasts is told again after this."""

_BEFORE_A_START: Final[dict[str, str | int | list[str]]] = {"teller": "supervisor", "subject": ["agent", "service"]}
"""What an agent's start follows from: its predecessor's death, or the reload that has it replaced."""

_BEFORE_A_REPAIR: Final = ["link-opened", "link-closed", "device"]
"""What something may be missing by that nobody took away."""

_SELF_HEAL: Final = "self-heal"
"""What the alarms are about that are not the engine's."""

COMPLAINTS: Final = 256
"""Different refusals remembered at most."""


class Journal:
    """The tellings of one agent's process.

    Args:
        log: where lines go.
        recording: where records go.
        clock: CLOCK_BOOTTIME.
    """

    def __init__(self, log: Log, recording: Recording, clock: Callable[[], Instant]) -> None:
        self._log, self._recording, self._clock = log, recording, clock
        self._complaints: dict[str, Instant] = {}
        self._records: list[Record] = []

    @property
    def lost(self) -> int:
        """How many records nobody could take."""
        return self._recording.lost

    def close(self) -> None:
        """Send what can still be sent."""
        self._recording.close()

    def complain(self, operation: str, why: str) -> None:
        """Tell a refusal once, and again only after a while."""
        now = self._clock()
        key = f"{operation}: {why}"
        told = self._complaints.get(key)
        if told is not None and now - told < REPEAT:
            return
        if len(self._complaints) >= COMPLAINTS:
            self._complaints.clear()
        self._complaints[key] = now
        self._log.warning("refused", operation=operation, why=why)

    def counts(self) -> dict[str, int]:
        """Return what the status says of it."""
        return {"records_dropped": self.lost}

    def tell_stranger(self, text: str, fields: Mapping[str, str | int]) -> None:
        """Tell what somebody else did to what is ours, and that it is back."""
        self._log.warning("stranger", text=text, **fields)
        self._recording.tell("stranger", text, fields=fields)

    def tell_put_back(self, text: str, fields: Mapping[str, str | int], *, dropped: bool) -> None:
        """Tell what was missing by nobody's deed that is known; `dropped`: the kernel may have, with a device."""
        self._log.warning("put back", text=text, **fields)
        self._recording.tell("put-back", text, follows={"kind": _BEFORE_A_REPAIR} if dropped else None, fields=fields)

    def tell_alarm(self, text: str, fields: Mapping[str, str | int]) -> None:
        """Tell what somebody must do something about."""
        self._log.warning("alarm", text=text, **fields)
        self._recording.tell("alarm", text, subject=_SELF_HEAL, fields=fields)

    def tell_calm(self, text: str) -> None:
        """Tell that an alarm is over."""
        self._log.info("alarm over", text=text)
        self._recording.tell("alarm", text, subject=_SELF_HEAL)

    def note(self, record: Record, took: Duration) -> None:
        """Log a record, with how long the kernel took where it tells of a change; `remember` has it kept."""
        fields = dict(record.fields)
        if record.kind in {"next-hop", "kernel"}:
            fields["took_us"] = took // MICROSECOND
        self._records.append(replace(record, fields=tuple(fields.items())))
        if record.kind != "kernel":
            write = self._log.warning if record.kind in {"alarm", "advert"} else self._log.info
            write(record.kind, subject=record.subject, text=record.text, **fields)

    def remember(self, now: Instant) -> None:
        """Have the records of one event remembered, causes first."""
        for record in sorted(self._records, key=lambda record: record.number):
            self._recording.tell(
                record.kind,
                record.text,
                subject=record.subject,
                at=now,
                number=record.number,
                cause=record.cause,
                follows=_BEFORE_A_START if record.kind == "started" else None,
                fields=dict(record.fields),
            )
        self._records.clear()
