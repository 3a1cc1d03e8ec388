"""The kernel's routing rules, everybody's."""

from typing import Any, Final

from linkbalancer.engine.preflight.observed import Rule
from linkbalancer.host.preflight.program import Json, ask_json
from linkbalancer.links import Family

_EVERYTHING: Final = 0xFFFFFFFF

FAMILIES: Final = {Family.IPV4: "-4", Family.IPV6: "-6"}
"""How `ip` is told the family."""

KINDS: Final = {
    "2": "local",
    "3": "broadcast",
    "4": "anycast",
    "5": "multicast",
    "6": "blackhole",
    "7": "unreachable",
    "8": "prohibit",
    "9": "throw",
}
"""The words for what `ip -N` writes as numbers, of routes and of rules."""


def read(family: Family = Family.IPV4) -> tuple[Rule, ...]:
    """Return a family's rules in the kernel's order. Raises UnseenError."""
    return parse(ask_json("ip", "-j", "-N", FAMILIES[family], "rule", "show"))


def parse(listed: Json) -> tuple[Rule, ...]:
    """Return the rules of `ip -j -N rule show`."""
    return tuple(_rule(one) for one in listed)


def _rule(one: dict[str, Any]) -> Rule:
    mark = int(str(one.get("fwmark", "0")), 0)
    mask = int(str(one.get("fwmask", _EVERYTHING if "fwmark" in one else 0)), 0)
    return Rule(
        priority=int(one.get("priority", 0)),
        text=" ".join(_words(one)),
        table=_number(one.get("table")),
        protocol=_number(one.get("protocol")),
        mark=mark,
        mask=mask,
    )


def _words(one: dict[str, Any]) -> list[str]:
    """Write a rule as `ip rule` does."""
    words = ["not"] if "not" in one else []
    words += ["from", _prefix(one, "src")]
    if "dst" in one:
        words += ["to", _prefix(one, "dst")]
    if "fwmark" in one:
        words += ["fwmark", f"{one['fwmark']}/{one['fwmask']}" if "fwmask" in one else str(one["fwmark"])]
    for key in ("tos", "iif", "oif", "ipproto", "sport", "dport", "uid_start", "uid_end", "goto"):
        if key in one:
            words += [key, str(one[key])]
    if "table" in one:
        words += ["lookup", str(one["table"])]
    elif "action" in one:
        words.append(KINDS.get(str(one["action"]), str(one["action"])))
    if "suppress_prefixlen" in one:
        words += ["suppress_prefixlength", str(one["suppress_prefixlen"])]
    return words


def _prefix(one: dict[str, Any], key: str) -> str:
    length = one.get(f"{key}len")
    return str(one.get(key, "all")) + ("" if length is None else f"/{length}")


def _number(word: object) -> int:
    """Return a number that `ip` wrote; a name that it knows better than we is no number of ours."""
    text = str(word)
    return int(text) if text.isdigit() else 0
