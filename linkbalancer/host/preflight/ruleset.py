"""The firewall's rule set as nft shows it, without our own table."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from linkbalancer.engine.preflight.observed import Chain, MarkWrite, Ruleset
from linkbalancer.host.preflight import filters, iptables
from linkbalancer.host.preflight.program import Json, ask_json

OURS: Final = ("inet", "linkbalancer")
LEGACY: Final = Path("/proc/net/ip_tables_names")

_ALL: Final = 0xFFFFFFFF
_MARKS: Final = ({"meta": {"key": "mark"}}, {"ct": {"key": "mark"}})


def read() -> Ruleset:
    """Return the rule set. Raises UnseenError.

    Tables are listed one by one: ours may have thousands of rules, and need not be judged.
    """
    listed = ask_json("nft", "-j", "list", "tables")
    tables = [(one["table"]["family"], one["table"]["name"]) for one in listed["nftables"] if "table" in one]
    items: list[dict[str, Any]] = []
    for family, name in tables:
        if (family, name) != OURS:
            items += ask_json("nft", "-j", "-t", "list", "table", family, name)["nftables"]
    return parse(items, ours=OURS in tables, saved=iptables.read())


def saved() -> Ruleset:
    """Return what matters of iptables alone, for a host without nft. Raises UnseenError."""
    return parse([], ours=False, saved=iptables.asked())


def legacy() -> tuple[str, ...]:
    """Return the tables of the old iptables that are in use."""
    try:
        return tuple(LEGACY.read_text().split())
    except OSError:
        return ()


def parse(items: list[dict[str, Any]], *, ours: bool, saved: str = "") -> Ruleset:
    """Return what matters of `nft -j list ruleset`; `saved` is what iptables-save says: nft shows less of it."""
    writes = list(iptables.writes(saved))
    reverse, untracked = list(iptables.reverse(saved)), list(iptables.untracked(saved))
    last: dict[tuple[str, str, str], list[Any]] = {}
    saved_ports = frozenset(iptables.ports(saved))
    ports: dict[tuple[str, str], set[int]] = {}
    for rule in (item["rule"] for item in items if "rule" in item):
        ports.setdefault((rule["family"], rule["table"]), set()).update(_ports(rule.get("expr", [])))
        writes += _writes(rule)
        expressions = rule.get("expr", [])
        last[rule["family"], rule["table"], rule["chain"]] = expressions
        place = f"{rule['family']} {rule['table']} {rule['chain']}"
        reverse += [(place, text) for text in filters.reverse(rule["family"], expressions)]
        untracked += [(place, "notrack") for one in expressions if one == "notrack" or "notrack" in one]
    chains = [item["chain"] for item in items if "hook" in item.get("chain", ())]
    flowtables = [item["flowtable"] for item in items if "flowtable" in item]
    return Ruleset(
        ours=ours,
        writes=tuple(writes),
        chains=tuple(
            _chain(
                chain,
                saved_ports | ports.get((chain["family"], chain["table"]), set()),
                last.get((chain["family"], chain["table"], chain["name"]), []),
            )
            for chain in chains
        ),
        flowtables=tuple((_place(one), _devices(one.get("dev", []))) for one in flowtables),
        reverse=tuple(dict.fromkeys(reverse)),
        untracked=tuple(dict.fromkeys(untracked)),
    )


def _chain(chain: dict[str, Any], ports: frozenset[int], last: list[Any]) -> Chain:
    """Return a base chain; one whose last rule refuses everything drops as one whose policy does."""
    policy = chain.get("policy") == "drop"
    by_rule = not policy and filters.refuses_all(last)
    by = "its last rule refuses the rest" if by_rule else "policy drop"
    return Chain(_place(chain), chain["hook"], policy or by_rule, ports, by)


def _place(item: dict[str, Any]) -> str:
    return f"{item['family']} {item['table']} {item['name']}"


def _devices(named: str | list[str]) -> tuple[str, ...]:
    return (named,) if isinstance(named, str) else tuple(named)


def _writes(rule: dict[str, Any]) -> Iterator[MarkWrite]:
    place = f"{rule['family']} {rule['table']} {rule['chain']}"
    for statement in rule.get("expr", []):
        mangle = statement.get("mangle") if isinstance(statement, dict) else None
        if mangle is not None and mangle["key"] in _MARKS:
            key = mangle["key"]
            which = "ct mark" if "ct" in key else "meta mark"
            text = f"{which} set {_in_words(mangle['value'])}"
            yield MarkWrite(place, text, touched(mangle["value"], key), connection="ct" in key)


def touched(value: Json, key: dict[str, Any]) -> int:
    """Return the bits that may differ after a mark was set to an expression of itself."""
    if value == key:
        return 0
    if isinstance(value, dict) and len(value) == 1:
        operator, operands = next(iter(value.items()))
        if operator in {"|", "&", "^"} and isinstance(operands, list) and len(operands) == 2:
            left, right = operands
            if isinstance(right, int):
                return touched(left, key) | (~right & _ALL if operator == "&" else right)
    return _ALL


def _in_words(value: Json) -> str:
    """Write an expression of marks as nft does; what is more than that, shortly."""
    if isinstance(value, int):
        return f"{value:#x}"
    if value in _MARKS:
        return "ct mark" if "ct" in value else "meta mark"
    if isinstance(value, dict):
        for operator in ("|", "&", "^"):
            if operator in value:
                return f" {operator} ".join(_in_words(one) for one in value[operator])
    return "an expression"


def _ports(expressions: list[Any]) -> Iterator[int]:
    """Yield the UDP and transport destination ports that conditions compare with."""
    for statement in expressions:
        match = statement.get("match") if isinstance(statement, dict) else None
        if match is not None and isinstance(match.get("left"), dict):
            payload = match["left"].get("payload", {})
            if payload.get("field") == "dport" and payload.get("protocol") in {"udp", "th"}:
                yield from _numbers(match.get("right"))


def _numbers(right: Json) -> Iterator[int]:
    if isinstance(right, int):
        yield right
    elif isinstance(right, dict) and "range" in right:
        first, last = right["range"]
        yield from range(first, min(last, 65535) + 1)
    elif isinstance(right, dict) and isinstance(right.get("set"), list):
        for one in right["set"]:
            yield from _numbers(one)
