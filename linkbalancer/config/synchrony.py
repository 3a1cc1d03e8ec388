"""Sync groups as they are configured (docs/vrrp.md)."""

from typing import Annotated

from pydantic import Field

from linkbalancer.config.groupfields import GroupKey
from linkbalancer.config.section import Section


class SyncGroup(Section):
    """Groups that are Master together or not at all."""

    groups: Annotated[tuple[GroupKey, ...], Field(min_length=1, max_length=255)]
