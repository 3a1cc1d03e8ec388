"""A gateway at one end of a link, of either maker: ours with LVrrp, Keepalived with what its users make of it.

Keepalived knows nothing of the other end. Its users have a script ask the peer's link address every second, at both
ends, and let the instance fail with it; some have it watch the link's device as well.
"""

import secrets
import sys
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import yaml

from linkbalancer.links import NodeName
from tests.interop.makers import Gateway, Keepalived, Ours, Part
from tests.namespaces import Namespace

FALL, RISE = 2, 2
"""How many answers in a row Keepalived's script has to miss, or to get."""
_ASKED = Path(__file__).with_name("ask.py")


@dataclass(frozen=True, slots=True)
class End:
    """One end of a link: who is there, its part in the LAN's group, the addresses of both ends, what lies `beyond`."""

    node: NodeName
    link: str
    _: KW_ONLY
    near: bool
    part: Part
    local: str
    peer: str
    beyond: str


Maker = Callable[[Namespace, Path, End], Gateway]


class LinkedOurs(Ours):
    """This project's daemon, with a link and one application that prefers VID 1."""

    def __init__(self, namespace: Namespace, directory: Path, end: End) -> None:
        super().__init__(namespace, directory)
        key = directory.parent / f"{end.link}.key"
        if not key.exists():
            key.write_text(f"1 {secrets.token_hex(32)}\n")
            key.chmod(0o600)
        (directory / "apps.conf").write_text("App= * * * * * * [1] name=all\n")
        link = {"device": "eth1", "local": end.local, "peer": end.peer, "key_file": str(key)}
        document: dict[str, Any] = {
            "node": end.node,
            "role": "controller" if end.near else "controlled",
            "lans": {"eth0": {"members": [end.part.peer]}},
            "links": {end.link: link},
            "groups": {end.part.vid: self._group(end.part) | {"link": end.link}},
            "applications": "apps.conf",
        }
        (directory / "linkbalancer.yaml").write_text(yaml.safe_dump(document, sort_keys=False))


class LinkedKeepalived(Keepalived):
    """Debian's Keepalived with a script that asks the peer; `watches` whether it watches the link's device too."""

    watches = False

    def __init__(self, namespace: Namespace, directory: Path, end: End) -> None:
        super().__init__(namespace, directory)
        namespace(f"ip route add {end.beyond} via {end.peer}")
        self.configure([end.part])
        file = directory / "keepalived.conf"
        words = f"{sys.executable} -I -S {_ASKED} {end.local} {end.peer}"
        script = (
            f'vrrp_script peer {{\n    script "{words}"\n    interval 1\n    timeout 2\n'
            f"    fall {FALL}\n    rise {RISE}\n    user root\n}}\n"
        )
        tracks = "    track_script {\n        peer\n    }\n"
        if self.watches:
            tracks += "    track_interface {\n        eth1\n    }\n"
        text = file.read_text()
        at = text.index("vrrp_instance")
        instance = text[at:].rstrip().removesuffix("}") + tracks + "}\n"
        file.write_text(text[:at] + script + instance)


class WatchingKeepalived(LinkedKeepalived):
    """One that watches the link's device too."""

    watches = True
