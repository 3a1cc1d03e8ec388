"""Whether both ends of a link have the same rules, and who is told when they have not."""

import pytest

from linkbalancer.config.rules import parse_rules
from linkbalancer.engine.concord import Concord
from linkbalancer.engine.effects import Effect, Record
from linkbalancer.engine.health import assess
from linkbalancer.engine.narrative import sentence
from linkbalancer.sim.faults import Succeed
from linkbalancer.sim.node import Node
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.world import World
from tests.engine.statuses import link, status

OTHER = bytes.fromhex("0badcafe")
RULES = "App=10.0.0.0/8 * * * 443 tcp [1 2] name=web\nApp=* * * * 53 udp [2] name=dns\n"


def digest(text: str) -> bytes:
    """Return the digest of a rule file."""
    parsed = parse_rules(text, "apps.conf")
    assert not parsed.errors
    return parsed.ruleset.digest


@pytest.mark.parametrize(
    "text",
    [
        "# all of ours\n\n" + RULES.replace(" tcp", "\ttcp  ") + "# end\n",
        RULES.replace("10.0.0.0/8", "10.0.0.0-10.255.255.255").replace("tcp", "6").replace("443", "443-443"),
    ],
)
def test_comments_layout_and_spelling_do_not_matter(text: str) -> None:
    """What means the same is the same."""
    assert digest(text) == digest(RULES)
    assert len(digest(text)) == 16


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(reversed(RULES.splitlines())),
        RULES.replace("[1 2]", "[2 1]"),
        RULES.replace("name=web", "name=www"),
        RULES.replace("443", "444"),
        RULES.splitlines()[0],
        "",
    ],
)
def test_order_lists_names_and_fields_do(text: str) -> None:
    """What is first matches first, and goes where its list says."""
    assert digest(text) != digest(RULES)


def listen(world: World, name: str) -> list[Record]:
    """Return what a gateway records of rules from now on."""
    records: list[Record] = []
    perform = world.perform

    def note(node: Node, effect: Effect) -> None:
        if isinstance(effect, Record) and effect.kind == "rules" and node.name == name:
            records.append(effect)
        perform(node, effect)

    world.perform = note  # type: ignore[method-assign]
    return records


def found(world: World, name: str) -> list[str]:
    """Return a gateway's findings on rules."""
    node = world.nodes[name]
    assert node.agent is not None
    _health, findings = assess({**node.agent.status(node.clock), "health": "", "drained": []})
    return [finding for finding in findings if "rules" in finding]


def edit(world: World, name: str, rules: bytes) -> None:
    """Have a gateway tell the digest of other rules, as after its rule file was edited."""
    node = world.nodes[name]
    assert node.agent is not None
    node.agent._gateway.concord.digest = rules
    for membership in node.agent.memberships.values():
        membership.generation += 1  # so that there is a new word to tell
    node.agent._gateway.touch()
    world.run(300)


def test_a_difference_is_told_at_both_ends_and_at_none_other() -> None:
    """Within a query's time, once, and again when it is mended; a successor goes on from what was told."""
    world = healthy(Shape(), 1)
    records = {name: listen(world, name) for name in ("b1", "f1", "b2", "f2")}
    edit(world, "f1", OTHER)
    assert {name: [record.text for record in told] for name, told in records.items() if told} == {
        "b1": [f"f1 has other rules ({OTHER.hex()}) than this gateway ({digest_of(world)})"],
        "f1": [f"b1 has other rules ({digest_of(world)}) than this gateway ({OTHER.hex()})"],
    }
    assert sentence({"kind": "rules", "subject": "l1", "text": records["b1"][0].text}).startswith(
        "l1: f1 has other rules"
    )
    (finding,) = found(world, "b1")
    assert finding == "link l1: f1 has other rules: give both one file and `linkbalancer apply` it"
    assert found(world, "b2") == []
    world.begin(Succeed("b1"))
    world.run(1000)
    assert (len(records["b1"]), len(found(world, "b1"))) == (1, 1)
    world.begin(Succeed("f1"))  # it has read the right file again
    world.run(1000)
    assert [told[-1].text for told in (records["b1"], records["f1"])] == [
        "f1 has the same rules as this gateway again",
        "b1 has the same rules as this gateway again",
    ]
    assert (len(records["b1"]), len(records["f1"]), found(world, "b1"), found(world, "f1")) == (2, 2, [], [])


def digest_of(world: World) -> str:
    """Return what is shown of everybody's digest."""
    agent = world.nodes["b2"].agent
    assert agent is not None
    return agent.rules.digest.hex()[:8]


def test_what_a_closed_link_has_told_is_no_news() -> None:
    """Nor is a peer that tells none; the finding of before stands until the link is open again."""
    world = healthy(Shape(), 1)
    node = world.nodes["b1"]
    assert node.agent is not None
    one = node.agent.links["l1"]
    concord = Concord(b"mine")
    one.peer.digest = b""
    assert concord.compare("l1", one) == []
    one.peer.digest, one.peer.node = b"theirs", None
    (record,) = concord.compare("l1", one)
    assert record.text.startswith("the peer has other rules")
    assert concord.compare("l1", one) == []
    one.peer.digest = b"mine"
    one._detection.close(node.clock, "cut", flap=True)
    assert (concord.compare("l1", one), concord.differing) == ([], {"l1"})


@pytest.mark.parametrize("left", [None, 7, ["l1", 7]])
def test_what_a_predecessor_told_is_gone_on_from(left: object) -> None:
    """As far as it makes sense."""
    concord = Concord(b"mine")
    concord.recall(left)
    assert concord.differing == ({"l1"} if isinstance(left, list) else set())


def test_a_peer_without_a_name_is_called_by_its_address() -> None:
    """In the finding."""
    _health, findings = assess(status(links={"l1": link(rules_differ=True, peer_node=None)}))
    assert findings[0].startswith("link l1: 10.0.1.2 has other rules")
