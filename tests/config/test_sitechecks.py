"""Tests of what the weights of several gateways come to together, on the example of two links."""

from pathlib import Path

import pytest

from linkbalancer.config.load import Loaded, load
from linkbalancer.config.sitechecks import check

EXAMPLE = Path(__file__).parents[2] / "conf" / "examples" / "two-links"
NODES = ("b1", "b2", "f1", "f2")


def site(**weights: str) -> list[str]:
    """Return what is found when VID 1 is weighed so at some nodes, or their link by `NODE_link`."""
    texts: dict[str, str] = {}
    loaded: list[Loaded] = []
    for node in NODES:
        path = f"{node}/linkbalancer.yaml"
        text = (EXAMPLE / path).read_text()
        if node in weights:
            text = text.replace("  1: {device: eth0,", f"  1: {{device: eth0, weight: {weights[node]},")
        if f"{node}_link" in weights:
            text = text.replace("    on_probe_loss:", f"    weight: {weights[f'{node}_link']}\n    on_probe_loss:")
        texts[path] = text
        files = {path: text, f"{node}/../apps.conf": (EXAMPLE / "apps.conf").read_text()}
        loaded.append(load(path, files.__getitem__))
    return list(map(str, check(loaded, texts)))


def test_the_example_is_good() -> None:
    """As it stands, and with one weight for all."""
    assert site() == []
    assert site(b1="latency", b2="latency") == []


def test_prices_may_differ() -> None:
    """What is asked is how weights compare, and parameters are what differs between links."""
    assert site(b1="{function: cost, cost: {price: 5}}", b2="{function: cost, cost: {cap: 5GB}}") == []


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("latency", "loss", "has the function loss here and latency at link l1 (b1)"),
        (
            "{function: composite, composite: {loss: 1, latency: 1}}",
            "{function: composite, composite: {loss: 2, latency: 1}}",
            "has the function composite {loss: 2, latency: 1} here and composite {loss: 1, latency: 1} at",
        ),
        (
            "{function: loss, mapping: {max: 100}}",
            "{function: loss, mapping: logarithmic}",
            "has the mapping logarithmic 2 to 254 here and linear 2 to 100 at link l1 (b1)",
        ),
        ("loss", "{function: loss, spread: even}", "has the spread even here and none at link l1 (b1)"),
    ],
)
def test_weights_that_cannot_be_compared(one: str, other: str, words: str) -> None:
    """At the second of them, with the place of the first."""
    (found,) = site(b1=one, b2=other)

    assert found.startswith("b2/linkbalancer.yaml:")
    assert f"VID 1 {words}" in found
    assert found.endswith(": their weights cannot be compared; use the same at all gateways")


def test_a_fixed_priority_within_a_weights_range() -> None:
    """Both ends of it count; below and above it there is nothing to say."""
    words = (
        "VID 1: the priority of f2 at link l2 is fixed at 100, within the {} of this link's weight; weigh l2 too, or"
    )

    (found,) = site(b1="loss")
    assert words.format("2 to 254") in found
    assert words.format("100 to 120") in site(b1="{function: loss, mapping: {min: 100, max: 120}}")[0]
    assert site(b1="{function: loss, mapping: {min: 101}}") == []
    assert site(b1="{function: loss, mapping: {max: 99}}") == []


def test_it_is_said_at_the_link_where_that_is_weighed() -> None:
    """For each VID."""
    found = site(b1_link="loss")

    assert [one.split(": ")[1] for one in found] == ["VID 1", "VID 2"]
    assert [one.split(": ")[1] for one in site(b1_link="loss", b1="static")] == ["VID 2"]
    assert {one.split(":")[0] for one in found} == {"b1/linkbalancer.yaml"}
