"""Sync groups as they are configured (docs/vrrp.md)."""

from typing import Annotated

from pydantic import Field

from linkbalancer.config.fields import Name
from linkbalancer.config.groupfields import GroupKey
from linkbalancer.config.section import Section
from linkbalancer.config.trackers import TrackerInfluence


class SyncGroup(Section):
    """Groups that are Master together or not at all."""

    groups: Annotated[tuple[GroupKey, ...], Field(min_length=1, max_length=255)]
    track: dict[Name, TrackerInfluence] = Field(default={})
