"""Every decoder answers any bytes: by random ones, by damaged good ones, and by a slice of `make fuzz`."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.found import decoder, names
from tests.fuzz.session import ROOT, Session

SLICE = 400
"""Executions of each decoder in the tests; `make fuzz` has some hundred thousand."""


def test_what_must_be_fuzzed_is() -> None:
    """Everything that reads what strangers, operators or older versions have written."""
    assert {"adverts", "lvrrp", "feed", "requests", "rules", "configurations", "keepalived", "keys"} <= set(names())


@pytest.mark.parametrize("name", names())
def test_good_inputs_are_good(name: str) -> None:
    """What the fuzzer begins from is taken."""
    found = decoder(name)
    assert found.seeds
    for seed in found.seeds:
        found.take(seed)


@pytest.mark.thorough
@pytest.mark.parametrize("name", names())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_bytes_give_a_value_or_a_reason(name: str, data: st.DataObject) -> None:
    """Random ones, and a good input with some bytes changed, cut out or put in."""
    found = decoder(name)
    if data.draw(st.booleans()):
        found.take(data.draw(st.binary(max_size=300)))
        return
    seed = data.draw(st.sampled_from(list(found.seeds)))
    for _ in range(data.draw(st.integers(1, 4))):
        at, length = data.draw(st.integers(0, len(seed))), data.draw(st.integers(0, 4))
        seed = seed[:at] + data.draw(st.binary(max_size=4)) + seed[at + length :]
    found.take(seed)


def test_a_slice_of_the_fuzzing(tmp_path: Path) -> None:
    """Under libFuzzer, which sees the branches that an input takes, nothing is raised either."""
    pytest.importorskip("atheris")
    words = [sys.executable, "-m", "tests.fuzz", "--runs", str(SLICE), "--directory", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"{len(names())} decoders, {SLICE * len(names())} executions: nothing raised\n")


def test_what_raises_is_found_with_its_bytes(tmp_path: Path) -> None:
    """So that the slice above cannot pass by finding nothing; the bytes reproduce it, and are shown."""
    pytest.importorskip("atheris")
    outcome = Session("tests.fuzz.faulty", tmp_path, "-runs=100000", seed=1).outcome()
    assert not outcome.good
    assert "found by its first byte" in outcome.words
    assert outcome.bytes_[:1] == b"F"
    assert f'bytes.fromhex("{outcome.bytes_.hex()}")' in str(outcome)
    with pytest.raises(IndexError):
        decoder("tests.fuzz.faulty").take(outcome.bytes_)


def test_a_decoder_that_is_not_there() -> None:
    """Is named among those that are."""
    words = [sys.executable, "-m", "tests.fuzz", "--only", "nonsense"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no such decoder; there are adverts, " in done.stderr
