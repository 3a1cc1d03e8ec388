"""What every mapping of the configuration is."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A mapping of the configuration: frozen, and nothing unknown is let in."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)
