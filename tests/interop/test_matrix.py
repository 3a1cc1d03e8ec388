"""Our daemon beside a Debian Keepalived in every pair of circumstances; `make interop` has all combinations."""

import os
from pathlib import Path

import pytest

from tests.interop import matrix
from tests.interop.cases import Case, covering, every_case
from tests.interop.trial import Outcome

pytestmark = pytest.mark.lab

CASES = covering(every_case())
JOBS = 3 * (os.cpu_count() or 1)
"""Timers mostly wait; what the machine's stalls disturb is tried again."""


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[Case, Outcome]:
    """Carry out, some at a time, the cases of the tests that were chosen."""
    chosen = [item.callspec.params.get("case") for item in request.session.items if hasattr(item, "callspec")]
    cases = [case for case in chosen if isinstance(case, Case)]
    files = tmp_path_factory.mktemp("matrix")
    return {outcome.case: outcome for outcome in matrix.run(cases, Path(files), JOBS)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case).replace(" ", "-"))
def test_case(case: Case, outcomes: dict[Case, Outcome]) -> None:
    """One Master at every instant outside the protocol's windows, the hosts know where, and neither complains."""
    outcome = outcomes[case]
    assert outcome.faults == (), outcome.logs
