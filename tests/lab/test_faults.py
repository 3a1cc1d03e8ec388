"""The choosing among the faults."""

import pytest

from linkbalancer.lab.directory import read_directory
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.faults import select_faults
from linkbalancer.lab.repertoire import all_faults
from tests.lab.example import EXAMPLE

FAULTS = all_faults(read_directory(EXAMPLE).topology, ("web", "voip"))


def test_faults_are_chosen_by_kind_or_by_name() -> None:
    """`cut` is both of them, `cut:l1` and `cut l1` one; several add up, in the drill's own order."""
    assert [fault.name for fault in select_faults(FAULTS, ["cut"])] == ["cut l1", "cut l2"]
    assert [fault.name for fault in select_faults(FAULTS, ["node:f1", "cut l1"])] == ["cut l1", "node f1"]
    assert [fault.name for fault in select_faults(FAULTS, ["kill b1 app:web"])] == ["kill b1 app:web"]
    assert select_faults(FAULTS, []) == FAULTS


def test_a_fault_that_there_is_not_is_refused() -> None:
    """The kinds that there are are named."""
    with pytest.raises(LabError, match="no fault 'cu'; there are cut, silent, one-end, oneway"):
        select_faults(FAULTS, ["cu"])
