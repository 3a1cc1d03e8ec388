"""Draining in a drill: an operator takes a link, a VID or a gateway out of service, at either end of a link."""

import json
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linkbalancer.lab.errors import LabError
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.status import Damage
from linkbalancer.lab.topology import Topology
from linkbalancer.links import Family, NodeName

PATIENCE_S = 10.0
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Drain:
    """One of them: what is drained at which gateway, and what may not be used meanwhile."""

    node: NodeName
    kind: str
    name: str
    damage: Damage

    def begin(self, lab: Lab) -> None:
        """Drain it; forced: a VID that lives on this link alone has nowhere to go, and its applications leave it."""
        _command(lab, self.node, verb="drain", what=f"{self.kind} {self.name}", force=True, reason="a drill")

    def end(self, lab: Lab) -> None:
        """Resume it."""
        _command(lab, self.node, verb="resume", what=f"{self.kind} {self.name}")


def drains(topology: Topology, near: NodeName, far: NodeName) -> Iterator[Drain]:
    """Yield the draining of one gateway's link, of one of its VIDs, and of itself, for the two ends of a link."""
    for node in (near, far):
        config = topology.gateways[node]
        members = {
            group.vid: one.link
            for group, one in sorted(config.groups.items())
            if one.link is not None and group.family is Family.IPV4
        }
        # One that another link can carry, so that the drill sees it move.
        vid = max(members, key=lambda vid: len(topology.links_of(vid)))
        link = next(iter(config.links))
        yield Drain(node, "link", link, Damage(frozenset({link})))
        yield Drain(node, "vid", str(vid), Damage(drained=frozenset({(vid, str(members[vid]))})))
        yield Drain(node, "node", node, Damage(frozenset(config.links)))


def _command(lab: Lab, node: NodeName, **request: object) -> None:
    reply = ordered(lab.services[node].run_dir / "control.sock", request)
    if not reply.get("ok"):
        raise LabError(f"{node} refuses to {request['verb']} {request['what']}: {reply.get('error')}")


def _connect(connection: socket.socket, path: Path) -> None:
    """Connect; who takes orders of a service that has only just been started may begin after its agent."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            connection.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def ordered(path: Path, request: Mapping[str, object]) -> dict[str, Any]:
    """Give an order at a gateway's control socket, and return what is answered; LabError where nobody does."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE_S)
            _connect(connection, path)
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as file:
                reply = json.loads(file.readline())
    except (OSError, ValueError) as error:
        raise LabError(f"no answer from {path}: {error}") from error
    return reply if isinstance(reply, dict) else {}
