"""News: one thing that somebody is to be told of, made of a record as it is told to the history.

What is said of it, to whom ever, is here too: a sentence, Keepalived's words, and the whole of it for programs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from linkbalancer.clock import Instant
from linkbalancer.config.topics import Topic, topic_of
from linkbalancer.engine.narrative import sentence

SCHEMA: Final = 1
"""The version of the JSON that a webhook and a script are given."""

GROUP: Final = "VID "
"""How a record's subject begins that is about a group."""

TEST: Final = "test"
"""The kind of what has not happened."""

_STATES: Final = {
    "master": "MASTER",
    "backup": "BACKUP",
    "fault": "FAULT",
    "held": "FAULT",
    "initialising": "FAULT",
    "stopped": "FAULT",
    "stop": "STOP",
    "deleted": "DELETED",
}
"""Keepalived's word for a state: it takes no part in a group without a link, or an address, and calls that FAULT."""

_TYPES: Final = {
    Topic.GROUP: "INSTANCE",
    Topic.RIVAL: "INSTANCE",
    Topic.PRIORITY: "INSTANCE",
    Topic.SYNC_GROUP: "GROUP",
}
_LASTING: Final = {
    Topic.GROUP,
    Topic.SYNC_GROUP,
    Topic.PRIORITY,
    Topic.LINK,
    Topic.VID,
    Topic.APPLICATION,
    Topic.TRACKER,
    Topic.DEVICE,
    Topic.RIVAL,
}
"""Topics whose news tell how something is from now on, so that the newest says all that matters."""

_GRAVE: Final = {Topic.ALARM, Topic.PROCESS, Topic.RIVAL}


@dataclass(frozen=True, slots=True)
class News:
    """One thing to tell.

    `teller`, `session` and `number` are the record's, and together its name. `at` is CLOCK_BOOTTIME. `merged` is how
    many older ones it stands for as well.
    """

    teller: str
    session: int
    number: int
    at: Instant
    kind: str
    topic: Topic
    subject: str
    text: str
    fields: Mapping[str, str | int] = field(default_factory=dict)
    merged: int = 0

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self | None:
        """Make news of a record (`teller`, `session`, `number`, `at`, `kind`, `subject`, `text`, `fields`), or none.

        Raises KeyError, TypeError or ValueError for what is no record.
        """
        kind, text = str(record["kind"]), str(record["text"])
        topic = topic_of(kind, text)
        if topic is None:
            return None
        facts = {str(key): one for key, one in dict(record["fields"]).items() if isinstance(one, str | int)}
        numbers = (int(record[key]) for key in ("session", "number", "at"))
        session, number, at = numbers
        merged = int(record.get("merged", 0))
        return cls(str(record["teller"]), session, number, at, kind, topic, str(record["subject"]), text, facts, merged)

    @property
    def name(self) -> str:
        """What no other news has: what is delivered twice is known by it."""
        return f"{self.teller}-{self.session}-{self.number}"

    @property
    def key(self) -> tuple[str, ...]:
        """What it is about: waiting news of one key are one, the newest."""
        if self.topic in _LASTING:
            return self.topic, self.subject
        return self.topic, self.subject, self.text

    @property
    def group(self) -> str | None:
        """The group that it is about, as it is configured (`1`, `1/ipv6`); None when it is about none."""
        return self.subject.removeprefix(GROUP) if self.subject.startswith(GROUP) else None

    @property
    def state(self) -> str:
        """What became of its subject, in one word for programs."""
        match self.topic:
            case Topic.GROUP | Topic.SYNC_GROUP:
                return str(self.fields.get("state", self.text.partition(":")[0]))
            case Topic.LINK:
                return self.kind.removeprefix("link-")
            case Topic.VID:
                return "broken" if self.text.startswith("does not work") else "works"
            case Topic.APPLICATION:
                return f"vid-{self.fields['vid']}" if "vid" in self.fields else "nowhere"
            case Topic.TRACKER:
                words = self.text.removeprefix(f"tracker {self.subject} ").removeprefix("is ").partition(":")[0]
                return words.replace(" ", "-")
            case Topic.RIVAL | Topic.PRIORITY:
                return str(self.fields.get("state", "master"))
            case _:
                return str(self.fields.get("state", self.kind))

    @property
    def priority(self) -> int:
        """The priority that goes with it, 0 where none does."""
        priority = self.fields.get("priority", 0)
        return priority if isinstance(priority, int) else 0

    @property
    def grave(self) -> bool:
        """Whether somebody should look."""
        if self.topic is Topic.GROUP:
            return _STATES.get(self.state) == "FAULT"
        return (self.topic in _GRAVE and self.kind != TEST) or self.kind == "link-closed" or self.state == "broken"

    @property
    def sentence(self) -> str:
        """What happened, as the history says it."""
        row = {"kind": self.kind, "subject": self.subject, "text": self.text, "fields": self.fields}
        return sentence(row) + (f" ({self.merged} earlier changes not told)" if self.merged else "")

    def of_keepalived(self) -> tuple[str, str, str, int]:
        """Return type, name, state and priority, in Keepalived's words where it has some."""
        kind = _TYPES.get(self.topic, self.topic.upper())
        match self.topic:
            case Topic.GROUP | Topic.SYNC_GROUP:
                state = _STATES.get(self.state, self.state.upper())
            case Topic.RIVAL:
                state = "MASTER_RX_LOWER_PRI"
            case Topic.PRIORITY:
                state = f"{self.state.upper()}_PRIORITY"
            case _:
                state = self.state.upper()
        return kind, self.group or self.subject, state, 0 if self.topic is Topic.SYNC_GROUP else self.priority

    def to_json(self) -> dict[str, Any]:
        """Return what is kept of it; `of` reads it again."""
        return {
            "teller": self.teller,
            "session": self.session,
            "number": self.number,
            "at": self.at,
            "kind": self.kind,
            "subject": self.subject,
            "text": self.text,
            "fields": dict(self.fields),
            "merged": self.merged,
        }

    def over(self, older: "News") -> "News":
        """Return this one, standing for an older one as well."""
        return replace(self, merged=self.merged + older.merged + 1)


def document(news: News, node: str, notification: str, time: str) -> dict[str, Any]:
    """Return what a program is told, JSON-able (docs/notifications.md has every key)."""
    return {
        "schema": SCHEMA,
        "id": news.name,
        "node": node,
        "notification": notification,
        "time": time,
        "topic": str(news.topic),
        "kind": news.kind,
        "subject": news.subject,
        "group": news.group,
        "state": news.state,
        "priority": news.priority,
        "text": news.sentence,
        "grave": news.grave,
        "merged": news.merged,
        "fields": dict(news.fields),
    }
