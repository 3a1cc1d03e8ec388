"""Applications that share processes, at a real gateway: they go where each would go alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.gateway import Gateway, joined
from tests.daemon.waiting import until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

COUNT = 40
RULES = "".join(f"App=* * * * {1000 + n} udp [{n % 2 + 1} {2 - n % 2}] name=app-{n}\n" for n in range(COUNT))

FIRST = {f"app-{n}": n % 2 + 1 for n in range(COUNT)}


@pytest.fixture
def near(tmp_path: Path) -> Iterator[Gateway]:
    """Return a gateway whose forty applications are steered by two processes."""
    with Namespace("lan") as lan, joined(tmp_path, lan) as (gateway, far):
        for one in (gateway, far):
            (one.directory / "apps.conf").write_text(RULES)
            with one.config.open("a") as file:
                file.write("processes: 2\n")
            one.reload()
        until(lambda: vids(gateway) == FIRST == vids(far), 30, "all by their first choice")
        yield gateway


def vids(gateway: Gateway) -> dict[str, int | None]:
    """Return where the applications are said to go."""
    return {name: one["vid"] for name, one in gateway.status()["applications"].items()}


def elements(gateway: Gateway) -> dict[int, str]:
    """Return the kernel's map: ids and the chains that they lead to."""
    text = gateway.namespace("nft list map inet linkbalancer app2vid")
    pairs = [part.split(":") for part in text.split("elements = {")[1].split("}")[0].split(",")]
    return {int(key.strip(), 16): target.strip() for key, target in pairs}


def test_two_processes_steer_them_all(near: Gateway) -> None:
    """Each by its own list; a process that dies is replaced, and the kernel's map is not touched by that."""
    processes = {name: pid for name, pid in near.status()["processes"].items() if name.startswith("app:")}
    assert len(processes) == COUNT
    assert len(set(processes.values())) == 2
    before = elements(near)
    victim = near.pids()["apps:1"]
    near.kill("apps:1")
    until(lambda: near.pids().get("apps:1", victim) != victim, 20, "it is started again")
    until(lambda: vids(near) == FIRST, 20)
    assert elements(near) == before


def test_what_others_write_is_put_right(near: Gateway) -> None:
    """An element that somebody removes or changes is back within a second or two, the others untouched."""
    before = elements(near)
    first, second = sorted(key for key in before if key > 1)[:2]
    near.namespace(f"nft delete element inet linkbalancer app2vid {{ {first:#010x} }}")
    lines = (
        f"delete element inet linkbalancer app2vid {{ {second:#010x} }}",
        f"add element inet linkbalancer app2vid {{ {second:#010x} : return }}",
    )
    near.namespace("nft -f -", given="\n".join(lines) + "\n")
    until(lambda: elements(near) == before, 10, "both are put right")


def test_back_to_one_each(near: Gateway) -> None:
    """A reload that ends the sharing leaves everything where it was."""
    before = elements(near)
    near.config.write_text(near.config.read_text().replace("processes: 2\n", ""))
    near.reload()
    until(
        lambda: len({pid for name, pid in near.status()["processes"].items() if name.startswith("app:")}) == COUNT, 30
    )
    until(lambda: vids(near) == FIRST, 20)
    assert elements(near) == before
