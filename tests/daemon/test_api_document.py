"""`docs/api.md` has every verb as the daemon has it, and its examples are what a real daemon answers."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from linkbalancer.daemon import logs
from linkbalancer.daemon.api import ApiProcess
from linkbalancer.daemon.lifeline import Lifeline
from linkbalancer.daemon.verbs import Verb
from linkbalancer.sim.shape import Shape, loaded
from tests.daemon.gateway import Gateway
from tests.daemon.waiting import until
from tests.namespaces import Namespace

NOTICE: dict[str, Any] = {
    "entry": None,
    "at": 0.0,
    "who": "root",
    "how": "start",
    "source": "files",
    "path": "/etc/x.yaml",
    "rules": "/x",
    "sums": {},
    "boot": "boot-1",
    "lines": [],
    "grace_ms": {},
}
DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"
SECTIONS = dict(re.findall(r"^### `(\S+)`\n(.*?)(?=^### |\Z)", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL))
EXAMPLES = re.findall(r"```json\n(\{.*\})\n```\n```json\n(\{.*\})\n```", DOCUMENT.read_text())


@pytest.fixture(scope="module")
def verbs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verb]:
    """Return every verb that the api's process registers."""
    place = tmp_path_factory.mktemp("api")
    process = ApiProcess(
        loaded(Shape(), "b1"), cast("Lifeline", None), logs.start(process="api"), NOTICE, run_dir=place, state_dir=place
    )
    process.close()
    process._loop.forget()
    return process.verbs


def test_exactly_the_verbs_that_there_are(verbs: dict[str, Verb]) -> None:
    """None is missing, none is too many, and they stand in their order."""
    assert list(SECTIONS) == sorted(verbs)


def test_each_verb_as_it_describes_itself(verbs: dict[str, Verb]) -> None:
    """Its sentence, its arguments in their order with kind and meaning, and whether it changes something."""
    for name, verb in verbs.items():
        section = SECTIONS[name]
        assert section.lstrip().startswith(verb.about), name
        assert ("Changes something." in section) is verb.changes, name
        rows = [
            f"| `{argument}` | {known.kind}{', required' if known.required else ''} | {known.about} |"
            for argument, known in verb.arguments.items()
        ]
        assert re.findall(r"^\| `.*$", section, re.MULTILINE) == rows, name
        assert ("It takes no arguments." in section) is (not rows), name
        assert verb.fault(dict.fromkeys(verb.arguments)) is None or any(one.required for one in verb.arguments.values())


def test_every_verb_has_an_example() -> None:
    """Of what is asked and what is answered."""
    assert {json.loads(request)["verb"] for request, _answer in EXAMPLES} == SECTIONS.keys()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Return a gateway without a peer, as the examples have it."""
    with Namespace("doc") as lone, Namespace("doclan") as lan:
        lone.connect("eth0", lan, "lone")
        lone.connect("eth1", lan, "away")
        lone("ip addr add 192.0.2.1/24 dev eth0", "ip addr add 10.1.0.1/24 dev eth1")
        texts = {"node": "b1", "role": "controller", "local": "10.1.0.1", "peer": "10.1.0.2", "lan": "192.0.2"}
        gateway = Gateway(lone, tmp_path_factory.mktemp("doc") / "lone", **texts)
        gateway.start()
        until(gateway.status, 20)
        yield gateway
        gateway.stop()


def shape(example: Any, real: Any, place: str) -> None:
    """Assert that what an example shows is there, of the same kind; what it leaves out, or how much, is no matter."""
    assert isinstance(real, type(example)), place
    if isinstance(example, dict):
        for key, value in example.items():
            assert key in real, f"{place}.{key}"
            shape(value, real[key], f"{place}.{key}")
    elif isinstance(example, list) and example and real:
        shape(example[0], real[0], f"{place}[0]")


@pytest.mark.lab
def test_every_example_is_what_a_daemon_answers(gateway: Gateway) -> None:
    """One after the other, over one connection."""
    with socket.socket(socket.AF_UNIX) as sock, sock.makefile("rb") as file:
        sock.settimeout(20)
        sock.connect(str(gateway.run_dir / "control.sock"))
        for request, answer in EXAMPLES:
            sock.sendall(request.encode() + b"\n")
            real = json.loads(file.readline())
            assert real["ok"] is json.loads(answer)["ok"], (request, real)
            shape(json.loads(answer), real, json.loads(request)["verb"])
