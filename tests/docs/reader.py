"""Somebody who does what a page says, on the gateways of a lab."""

import re
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from linkbalancer.clock import SECOND
from linkbalancer.lab.commands import ip, nft
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.settle import await_answers, await_settled
from linkbalancer.lab.status import Damage
from tests.daemon.providers import connect_providers
from tests.docs.page import Command, Deed, Written, missing
from tests.docs.stage import Stage
from tests.namespaces import Namespace

_PATIENCE_S: Final = 30
_LIMIT: Final = 60 * SECOND


class Reader:
    """A reader before a running lab, with hands.

    Args:
        lab: the lab, started and settled.
        scratch: a directory of the reader's own.
    """

    def __init__(self, lab: Lab, scratch: Path) -> None:
        """Sit down."""
        self.lab = lab
        self.stage = Stage(lab, scratch)
        self.damage: set[str] = set()
        self.ids: dict[str, str] = {}
        self.providers: dict[str, Namespace] = {}
        self.stack = ExitStack()

    def do(self, step: Command | Deed | Written) -> None:
        """Do one thing; fail when its answer is another than the page's."""
        match step:
            case Command():
                self._type(step)
            case Deed():
                self._hands(step)
            case Written():
                (self.stage.config(step.node) / step.name).write_text(step.text)

    def _hands(self, deed: Deed) -> None:
        match deed.words:
            case ("cut" | "mend" as how, link):
                self._carrier(link, up=how == "mend")
            case ("part" | "join" as how, one, other):
                self._part(one, other, parted=how == "part")
            case ("run", node, *words):
                self._type(Command(deed.line, node, " ".join(words), (), 0))
            case ("fill", node):
                self.stage.fill(node)
            case ("empty",):
                self._empty()
            case ("bare",):
                self._empty()
                self._bare()
            case ("providers", node, first, second):
                self._providers(node, (first, second))
            case ("silence" | "revive" as how, device):
                self.providers[device](f"sysctl -qw net.ipv4.ip_forward={int(how == 'revive')}")
            case ("settle",):
                self.settle()
            case words:
                raise AssertionError(f"line {deed.line}: nobody knows how to {' '.join(words)}")

    def _carrier(self, link: str, *, up: bool) -> None:
        segment = next(segment for segment in self.lab.topology.segments if segment.name == link)
        self.lab.network.carrier(segment, [port.node for port in segment.ports], up=up)
        (self.damage.discard if up else self.damage.add)(link)
        self.settle()

    def _type(self, step: Command) -> None:
        step = replace(step, text=_ID.sub(lambda found: f"{found[1]}{self.ids.get(found[2], found[2])}", step.text))
        # What a gateway says follows what happened to it, a moment later; a refusal is refused at once.
        end = time.monotonic() + (_PATIENCE_S if step.text.startswith(PATIENT) else 0)
        while True:
            status, said = self.stage.run(step)
            lacks = missing(step.answer, said)
            if (lacks is None and status == step.status) or time.monotonic() > end:
                break
            time.sleep(0.3)
        assert status == step.status, f"line {step.line}: {step.text} ended with {status}\n{said}"
        assert lacks is None, f"line {step.line}: {step.text}\nlacks: {lacks}\nsaid:\n{said}"
        self.ids |= dict(zip(_LISTED.findall("\n".join(step.answer)), _LISTED.findall(said), strict=False))
        for verb in self.stage.asked(step.node):
            self._systemd(step.node, verb)

    def _systemd(self, node: str, verb: str) -> None:
        service = self.lab.services[node]
        if verb == "restart":
            service.restart()
        if verb == "stop":
            service.stop()
        if verb == "start":
            service.start()

    def _empty(self) -> None:
        """Leave every gateway without a configuration, as after the installation."""
        for node, service in self.lab.services.items():
            service.stop()
            self.stage.empty(node)

    def _bare(self) -> None:
        """Take every gateway's addresses as well."""
        for node in self.lab.services:
            devices = [port.device for _, port in self.lab.topology.ports(node)]
            ip([f"addr flush dev {device}" for device in devices], self.lab.run.namespace(node))

    def _providers(self, node: str, devices: tuple[str, str]) -> None:
        """Give a gateway two providers, and the Internet beyond both."""
        names = ("provider1", "provider2", "internet")
        first, second, internet = (self.stack.enter_context(Namespace(name)) for name in names)
        gw = Namespace.known(self.lab.run.namespace(node))
        connect_providers(gw, devices, (first, second), internet)
        self.providers = dict(zip(devices, (first, second), strict=True))

    def _part(self, one: str, other: str, *, parted: bool) -> None:
        # Two gateways of a LAN lose sight of each other, and of nobody else.
        nodes = {one, other}
        segments = (found for found in self.lab.topology.segments if not found.is_link)
        lan = next(segment for segment in segments if nodes <= {port.node for port in segment.ports})
        rules = "add chain bridge lab parted { type filter hook forward priority 1; }\nflush chain bridge lab parted\n"
        for near, far in ((one, other), (other, one)) if parted else ():
            rules += f"add rule bridge lab parted iifname {near} oifname {far} drop\n"
        nft(rules, self.lab.network.segment_namespace(lan))

    def settle(self) -> None:
        """Wait until everything has found its place."""
        await_answers(self.lab, _LIMIT)
        settling = await_settled(self.lab, Damage(frozenset(self.damage)), time.monotonic_ns(), _LIMIT)
        assert settling.after is not None, settling.problem


_ID: Final = re.compile(r"(history show )(\d+)")
_LISTED: Final = re.compile(r"^\d\d:\d\d:\d\d\.\d{3} +(\d+)  ", re.MULTILINE)
"""An id of the page's history, for which the reader types that of his own: in the same place of the last list."""

PATIENT: Final = ("linkbalancer status", "linkbalancer history")
"""The commands that only look: asked again for a while, as a person would."""
