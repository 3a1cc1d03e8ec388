"""Tests of the file of what is known of host names."""

import json
from ipaddress import ip_address
from pathlib import Path

import pytest

from linkbalancer.daemon import namefile
from linkbalancer.engine.naming.message import Question

DOCUMENT = {"schema": 1, "names": {"a.example": {"4": {"addresses": {"192.0.2.1": {"seen": 1, "ttl_s": 60}}}}}}


def test_addresses_come_from_the_first_that_has_any(tmp_path: Path) -> None:
    """The run directory's, while a daemon runs; else those that are kept."""
    run, state = tmp_path / "run", tmp_path / "state"
    state.mkdir()
    assert list(namefile.addresses([run, state])("a.example", 4)) == []
    (state / namefile.NAME).write_text(json.dumps(DOCUMENT))
    known = namefile.addresses([run, state])

    assert list(known("a.example", 4)) == [int(ip_address("192.0.2.1"))]
    assert list(known("a.example", 6)) == list(known("b.example", 4)) == []
    assert namefile.memory(state, 5)[Question("a.example", 4)]


@pytest.mark.parametrize("text", ["", "[1]", "{", "\0", "[" * 100_000])
def test_a_file_that_makes_no_sense_is_none(tmp_path: Path, text: str) -> None:
    """A start goes on without it."""
    (tmp_path / namefile.NAME).write_text(text)

    assert namefile.document(tmp_path) == {}
    assert not any(namefile.memory(tmp_path).values())
