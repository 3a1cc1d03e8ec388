"""Every recording, replayed: what the router did once for good reasons it does for ever.

With LINKBALANCER_UPDATE_RECORDINGS=1 in the environment the expectations are rewritten from what the router does now;
the difference is then to be read line by line, against the table of RFC 9568 6.4.
"""

import os

import pytest

from tests.vrrp.replay import FOLDER, read, replayed, router_of, write

INITIALIZE = ["initialize_ignores", "start_refused", "start_refused_without_addresses", "owner"]
BACKUP = [
    "backup_takes_over_from_silence",
    "backup_takes_over_alone",
    "backup_hears_priority_zero",
    "backup_forgets_a_leaver",
    "backup_preempts",
    "backup_without_preempt",
    "backup_shutdown",
    "backup_priority",
]
MASTER = [
    "master_advertises",
    "master_hears_many_leavers",
    "master_hears_priority_zero",
    "master_beaten_by_priority",
    "master_beaten_by_address",
    "master_answers_a_rival",
    "master_priority",
    "own_adverts_looped_back",
]
BEYOND_THE_RFC = [
    "shutdown_until_the_successor",
    "shutdown_alone",
    "shutdown_then_startup",
    "shutdown_then_resume",
    "shutdown_then_no_primary",
    "resign_to_a_worse_one",
    "resign_to_a_better_one",
    "resign_alone",
    "resign_then_shutdown",
    "resign_then_no_primary",
    "claim",
    "claim_at_a_short_interval",
    "claim_countered",
    "claim_after_a_resignation",
    "claim_against_a_rival",
    "claim_then_shutdown",
    "claim_then_resign",
    "claim_then_no_primary",
    "found_then_claim",
    "found_then_heard",
    "found_then_silence",
    "resume",
    "primary_moves",
    "primary_moves_under_a_backup",
]
OWNERS = [
    "owner_that_does_not_yield",
    "two_owners_lower_address",
    "two_owners_higher_address",
    "two_owners_again",
    "owner_resumes",
    "owner_heeds_no_preempt_mode",
]
DELAYS = [
    "start_delay_alone",
    "start_delay_hears",
    "start_delay_owner",
    "start_delay_over",
    "preempt_delay",
    "preempt_delay_stopped",
    "preempt_delay_without_master",
    "preempt_delay_after_a_fault",
]
STALLS = [
    "late_backup",
    "late_backup_hears",
    "late_backup_again",
    "late_master_alone",
    "late_master_in_time",
    "late_master_succeeded",
    "late_master_equalled",
    "late_master_preempts",
    "late_claim",
]
NEW_VALUES = [
    "reconfigure_backup_alone",
    "reconfigure_backup_following",
    "reconfigure_backup_in_haste",
    "reconfigure_master",
    "reconfigure_holding",
    "reconfigure_to_owner_and_back",
    "reconfigure_to_owner_early",
]
SYNC_GROUPS = [
    "synchronised_ready",
    "synchronised_ready_no_more",
    "synchronised_ready_holding",
    "synchronised_owner",
    "synchronised_claim",
    "withdrawn",
    "hastened_and_restored",
    "hastened_in_flight",
    "hastened_and_silent",
    "hastened_over_a_worse_one",
    "hastened_alone",
    "orders_in_vain",
]
VERSIONS = [
    "version_2",
    "ipv6_ties",
]
OTHERS = [*BEYOND_THE_RFC, *OWNERS, *DELAYS, *STALLS, *NEW_VALUES, *SYNC_GROUPS, *VERSIONS]
RECORDINGS = [
    *(pytest.param(name, marks=pytest.mark.rfc("RFC 9568 6.4.1")) for name in INITIALIZE),
    *(pytest.param(name, marks=pytest.mark.rfc("RFC 9568 6.4.2")) for name in BACKUP),
    *(pytest.param(name, marks=pytest.mark.rfc("RFC 9568 6.4.3")) for name in MASTER),
    *(pytest.param(name) for name in OTHERS),
]


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recording_replays(name: str) -> None:
    """Every step gives the recorded effects, state, deadlines and knowledge."""
    head, *steps = read(name)
    router = router_of(head)
    now = [replayed(router, step) for step in steps]
    if os.environ.get("LINKBALANCER_UPDATE_RECORDINGS") == "1":
        write(name, [head, *now])
    else:
        for step, (expected, found) in enumerate(zip(steps, now, strict=True), 1):
            assert found == expected, f"{head['story']} Step {step}, line {step + 1}"


def test_no_recording_is_forgotten() -> None:
    """Every file of the folder is replayed."""
    listed = {*INITIALIZE, *BACKUP, *MASTER, *OTHERS}

    assert listed == {path.stem for path in FOLDER.glob("*.jsonl")}
