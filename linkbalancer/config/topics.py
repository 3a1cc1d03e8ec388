"""What somebody can be told of: the topics of notifications, and which records of the history belong to which.

Apart from the models, because every process that has something to tell asks here, the smallest of them included.
"""

from enum import StrEnum
from typing import Final


class Topic(StrEnum):
    """What a notification can be asked for by `events`."""

    GROUP = "group"
    SYNC_GROUP = "sync-group"
    RIVAL = "rival"
    PRIORITY = "priority"
    LINK = "link"
    VID = "vid"
    APPLICATION = "application"
    TRACKER = "tracker"
    DEVICE = "device"
    DRAIN = "drain"
    CONFIGURATION = "configuration"
    ALARM = "alarm"
    PROCESS = "process"


VRRP: Final = (Topic.GROUP, Topic.SYNC_GROUP, Topic.RIVAL)
"""What Keepalived tells of by itself; it tells of priorities only where it is asked to, and of nothing else."""

USUAL: Final = (*VRRP, Topic.LINK, Topic.VID, Topic.DEVICE, Topic.ALARM, Topic.PROCESS)
"""What is told where nothing is asked for."""

_OF_KIND: Final = {
    "vid": Topic.GROUP,
    "sync-group": Topic.SYNC_GROUP,
    "rival": Topic.RIVAL,
    "priority": Topic.PRIORITY,
    "link-opened": Topic.LINK,
    "link-closed": Topic.LINK,
    "ipv6": Topic.LINK,
    "verdict": Topic.VID,
    "application": Topic.APPLICATION,
    "tracker": Topic.TRACKER,
    "device": Topic.DEVICE,
    "drained": Topic.DRAIN,
    "resumed": Topic.DRAIN,
    "config": Topic.CONFIGURATION,
    "alarm": Topic.ALARM,
    "rules": Topic.ALARM,
    "process": Topic.PROCESS,
}
_IN_VAIN: Final = (": refused after", ": failed after")
"""How the supervisor says that a configuration did not come into force."""


def topic_of(kind: str, text: str) -> Topic | None:
    """Return what a record is about, None when nobody can ask to be told of it."""
    if kind == "resumed" and not text.startswith("was drained"):
        return None  # an agent goes on where another one stopped
    if kind == "service":
        return Topic.CONFIGURATION if any(words in text for words in _IN_VAIN) else None
    return _OF_KIND.get(kind)
