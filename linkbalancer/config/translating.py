"""The keys `nat`, `mss_clamp` and `mtu` of a link or a static group: what becomes of what leaves by it.

What several of them must be together, and what contradicts the rest of the configuration, is in `translationchecks`.
"""

from collections.abc import Callable, Mapping
from ipaddress import IPv6Network
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from linkbalancer.config.fields import Address, Integer, Switch, reading
from linkbalancer.config.findings import FieldError, as_text, shown
from linkbalancer.config.section import Section
from linkbalancer.config.weightfields import Short
from linkbalancer.routing import translation
from linkbalancer.routing.translation import Clamp, Translation

KEYS: Final = ("nat", "mss_clamp", "mtu")

_LEAST_SEGMENT, _LARGEST_SEGMENT = 88, 65495
_WORDS: Final = {"none": {}, "masquerade": {"masquerade": True}}
_LONGEST_PREFIX: Final = 112


def parse_prefix(raw: object) -> IPv6Network:
    """Read a prefix of IPv6: `2001:db8:1::/48`.

    Raises:
        FieldError: It is none that can be translated.
    """
    if isinstance(raw, IPv6Network):
        return raw
    remedy = "write such as 2001:db8:1::/48"
    word = as_text(raw, "IPv6 prefix", remedy)
    address, slash, _length = word.partition("/")
    try:
        prefix = IPv6Network(word, strict=False)
    except ValueError:
        raise FieldError(f"{shown(word)} is no IPv6 prefix", remedy) from None
    if not slash or not 1 <= prefix.prefixlen <= _LONGEST_PREFIX:
        raise FieldError(f"{shown(word)} has no prefix length from 1 to {_LONGEST_PREFIX}", remedy)
    if IPv6Network(address) != IPv6Network(prefix.network_address):
        raise FieldError(f"{word} names a host within its prefix", f"write {prefix}")
    if prefix.is_multicast or prefix.is_link_local or prefix.is_loopback:
        raise FieldError(
            f"{prefix} is never routed", "write the prefix of hosts: a ULA, or one that a provider gave you"
        )
    return prefix


def parse_clamp(raw: object) -> Clamp:
    """Read how large TCP segments may be: `auto` (or yes), a number of bytes, or no.

    Raises:
        FieldError: It is none of them.
    """
    if raw is None or raw is False:
        return None
    if raw is True or raw == "auto":
        return "auto"
    if not isinstance(raw, int) or not _LEAST_SEGMENT <= raw <= _LARGEST_SEGMENT:
        what = f"{shown(raw)} is no size of TCP segments"
        raise FieldError(what, f"write auto, no, or {_LEAST_SEGMENT} to {_LARGEST_SEGMENT}, such as 1360")
    return raw


def _nat(raw: object) -> object:
    """Return the mapping that a word stands for."""
    if raw is None:
        return {}
    if not isinstance(raw, str):
        return raw
    if raw not in _WORDS:
        remedy = "write none, masquerade, {snat: ADDRESS} or {nptv6: {inside: PREFIX, outside: PREFIX}}"
        raise FieldError(f"{shown(raw)} is no translation", remedy)
    return _WORDS[raw]


Prefix: TypeAlias = Annotated[
    IPv6Network,
    BeforeValidator(reading(parse_prefix)),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^[0-9A-Fa-f:.]+/[0-9]+$"}),
]


class PrefixPair(Section):
    """What hosts have as their prefix, and what the Internet knows it by."""

    inside: Prefix
    outside: Prefix


class Nat(Section):
    """How the sources of what leaves are translated; nothing said: not at all."""

    masquerade: Switch = False
    snat: Address | None = None
    nptv6: PrefixPair | None = None

    @property
    def translation(self) -> Translation:
        """The same for those that do it."""
        pair = self.nptv6
        prefixes = None if pair is None else translation.Prefixes(pair.inside, pair.outside)
        return Translation(masquerade=self.masquerade, snat=self.snat, nptv6=prefixes)


NatField = Annotated[Nat, BeforeValidator(reading(_nat)), Short()]
ClampField: TypeAlias = Annotated[
    Clamp,
    BeforeValidator(reading(parse_clamp)),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "boolean"},
                {"type": "string", "enum": ["auto"]},
                {"type": "integer", "minimum": _LEAST_SEGMENT, "maximum": _LARGEST_SEGMENT},
                {"type": "null"},
            ]
        }
    ),
]
Mtu: TypeAlias = Annotated[Integer, Field(ge=576, le=65535)]

UNTRANSLATED: Final = Nat()

TRANSLATED: Final = {
    "nat": "it is for connections that begin; those that exist keep their addresses",
    "mss_clamp": "it is for connections that begin",
    "mtu": "what is larger is answered from now on",
}
"""What a change of each key comes to."""

WORDS: Final[Mapping[str, Callable[[Any], str]]] = {
    "nat": lambda nat: str(nat.translation),
    "mss_clamp": lambda clamp: str(clamp or "no"),
    "mtu": lambda mtu: str(mtu or "the device's"),
}
"""How the value of each key is told."""
