"""Plug-ins in a simulation: asked at once, and in this very process."""

from linkbalancer.config.plugins import consult
from linkbalancer.engine.effects import Ask
from linkbalancer.engine.events import Answered


def answered(effect: Ask) -> Answered:
    """Return what the plug-ins say."""
    return Answered(tuple(consult(question) for question in effect.questions))
