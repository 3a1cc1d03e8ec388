"""What the tests of the supervisor's machine begin with."""

import pytest

from linkbalancer.engine.supervision import AGENT, ZYGOTE, Configured, Phase, Ready, Started
from tests.engine.story import SPECS, WEB, Story


@pytest.fixture
def story() -> Story:
    """Return a service of agent and one application that is ready at instant 0."""
    ready = Story()
    ready.do(Started(), Configured(ZYGOTE, SPECS), Ready(AGENT), Ready(WEB))
    assert ready.watchdog.phase is Phase.READY
    return ready
