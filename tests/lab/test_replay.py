"""A drill on the kernel, recorded by every gateway's daemon, and replayed with the decisions of then, bit by bit."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import time
import zlib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.lab.directory import read_directory
from linkbalancer.lab.drill import Pace, run_drill
from linkbalancer.lab.faults import select_faults
from linkbalancer.lab.lab import lab_of
from linkbalancer.lab.repertoire import all_faults
from linkbalancer.links import Role
from linkbalancer.lvrrp.keys import Key, derive, parse_keys
from tests.lab.example import EXAMPLE

pytestmark = pytest.mark.lab

FAULTS = ["cut:l1", "silent:l1", "kill b1 agent"]
REPLAY = [sys.executable, "-m", "linkbalancer", "replay"]


@dataclass(frozen=True, slots=True)
class Drilled:
    """What a drill left: its recordings by gateway, oldest first, and the links' keys as they stood in their files."""

    recordings: dict[str, list[Path]]
    secrets: dict[str, Key]


@pytest.fixture(scope="module")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> Drilled:
    """Return a drill's recordings."""
    kept = tmp_path_factory.mktemp("recordings")
    directory = read_directory(EXAMPLE)
    faults = select_faults(all_faults(directory.topology, tuple(directory.rules.applications)), FAULTS)
    with lab_of(directory) as lab:
        report = run_drill(lab, faults, Pace(), lambda _line: None)
        time.sleep(2.5)
        secrets = {path.stem: parse_keys(path.read_text())[0] for path in lab.run.directory.rglob("*.key")}
        for node, service in lab.services.items():
            shutil.copytree(service._state_dir / "flight", kept / node)
    assert report["failures"] == []
    return Drilled({path.name: sorted(path.iterdir()) for path in kept.iterdir()}, secrets)


@pytest.fixture
def recordings(drilled: Drilled) -> dict[str, list[Path]]:
    """Return the recordings by gateway."""
    return drilled.recordings


def replay(path: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """Replay a file in a program of its own, whose sets have an order of their own; return exit status and answer."""
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [*REPLAY, "--json", *words, str(path)], capture_output=True, text=True, check=False, env=environment
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


def test_every_gateway_decided_as_it_decides_again(recordings: dict[str, list[Path]]) -> None:
    """Every recording of every gateway, from the agent's start on: the same decisions, and the faults are in them."""
    assert sorted(recordings) == ["b1", "b2", "f1", "f2"]
    kinds: dict[str, set[str]] = {}
    for node, paths in recordings.items():
        for path in paths:
            status, found = replay(path)

            assert (status, found["same"], found["diverged"]) == (0, True, None), (node, path.name, found["diverged"])
            assert (found["node"], found["begins"], found["lost"]) == (node, "start", 0)
            assert found["inputs"] > 100
            records = [record["kind"] for step in found["steps"] for record in step["records"]]
            kinds.setdefault(node, set()).update(records)
    assert len(recordings["b1"]) >= 2  # its agent was killed
    assert all({"started", "link-opened", "vid"} <= some for some in kinds.values())
    assert all("link-closed" in kinds[node] for node in ("b1", "f1"))  # link 1 was cut, and then silent


def test_no_key_is_in_a_recording(drilled: Drilled) -> None:
    """Neither as it stands in its file, nor as bytes, nor what is derived of it; nor is it in the agent's state."""
    assert sorted(drilled.secrets) == ["l1", "l2"]
    words = [key.secret for key in drilled.secrets.values()]
    words += [
        derive(key, link, role) for link, key in drilled.secrets.items() for role in (Role.CONTROLLER, Role.CONTROLLED)
    ]
    for paths in drilled.recordings.values():
        for path in paths:
            data = path.read_bytes()
            text = gzip.decompress(data) if path.suffix == ".gz" else data
            seed = zlib.decompress(b64decode(json.loads(text.split(b"\n", 1)[0])["seed"]))
            for word in words:
                for found in (text, seed):
                    assert word not in found
                    assert word.hex().encode() not in found
                    assert b64encode(word).rstrip(b"=")[:-1] not in found


def test_a_tampered_recording_is_found(recordings: dict[str, list[Path]], tmp_path: Path) -> None:
    """An input taken away, one put twice, one digit changed: each is found, whatever the file is."""
    lines = recordings["f1"][-1].read_bytes().splitlines(keepends=True)
    inputs = [number for number, line in enumerate(lines) if line.startswith(b"[")]
    middle = inputs[len(inputs) // 2]
    digit = lines[middle].replace(b"[1", b"[2", 1) if lines[middle].startswith(b"[1") else b"[1" + lines[middle][1:]
    for number, edited in enumerate(
        (
            [*lines[:middle], *lines[middle + 1 :]],
            [*lines[:middle], lines[middle], *lines[middle:]],
            [*lines[:middle], digit, *lines[middle + 1 :]],
        )
    ):
        path = tmp_path / f"{number}.jsonl"
        path.write_bytes(b"".join(edited))
        assert replay(path)[0] == 1


def test_a_recording_is_readable_while_it_is_written(recordings: dict[str, list[Path]]) -> None:
    """What was copied from a running gateway, or left by a killed one, is good up to its last whole line."""
    for paths in recordings.values():
        data = paths[-1].read_bytes()
        cut = paths[-1].with_name("cut.jsonl")
        cut.write_bytes(data[: len(data) * 2 // 3])
        status, found = replay(cut)
        assert (status, found["same"]) == (0, True)
        assert found["cut_bytes"] > 0 or data[: len(data) * 2 // 3].endswith(b"\n")
        cut.unlink()
