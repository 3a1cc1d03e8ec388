"""Whole keepalived.conf files: what becomes of each is recorded beside it.

`LB_RECORD=1 pytest tests/config/keepalived/test_samples.py` writes the recordings anew; look at what changed.
"""

import os
from pathlib import Path

import pytest

from linkbalancer.cli.importing import matching
from linkbalancer.config.keepalived.conversion import Conversion, convert

SAMPLES = Path(__file__).parent / "samples"


def read(name: str) -> str:
    """Read a sample, or what it includes."""
    return (SAMPLES / name).read_text()


def match(pattern: str, folder: str) -> list[str]:
    """Match an include, as seen from the samples."""
    return [str(Path(name).relative_to(SAMPLES)) for name in matching(pattern, str(SAMPLES / folder))]


def converted(name: str) -> Conversion:
    """Convert a sample on the host gw1."""
    return convert(name, read, match, config_id="gw1", node="gw1")


def told(conversion: Conversion) -> str:
    """Write everything that a conversion says."""
    lines = [f"error: {error}" for error in conversion.errors]
    lines += [f"{remark.kind}: {remark.finding}" for remark in conversion.remarks]
    for file in conversion.files:
        lines += ["", f"--- {file.name}{' (secret)' if file.secret else ''}", file.text.rstrip("\n")]
    return "\n".join(lines) + "\n"


NAMES = sorted(path.stem for path in SAMPLES.glob("*.conf"))


@pytest.mark.parametrize("name", NAMES)
def test_a_file_becomes_what_was_recorded(name: str) -> None:
    """Files and remarks are as they were looked through once."""
    recording = SAMPLES / f"{name}.expected"
    said = told(converted(f"{name}.conf"))
    if os.environ.get("LB_RECORD"):
        recording.write_text(said)

    assert recording.read_text() == said


def test_a_definition_that_leads_to_itself_ends() -> None:
    """Found by fuzzing: each round made the line longer, and the next round slower."""
    text = "$A= one \\\n$A two \\\n$B three\n$B= $A $A\n~SEQ(N, 1, 50) $A\n"
    grown = convert("keepalived.conf", lambda _path: text, lambda _pattern, _folder: [], config_id="a", node="a")

    assert any("too long" in str(error) or "beyond all bounds" in str(error) for error in grown.errors)
