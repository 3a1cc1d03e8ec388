"""What the table's maps and sets hold, as nft text: for a table that is made anew, with everything in it at once."""

from collections.abc import Iterable, Mapping
from typing import Final

from linkbalancer.drivers.nftables.pools import chain_of
from linkbalancer.drivers.nftables.render import MAP, MEMBERS, TABLE
from linkbalancer.drivers.nftables.ways import KEEPS, RESETS, STANDING, STAY, WORKING
from linkbalancer.links import DeviceName, Mac, Vid
from linkbalancer.routing.balance import Aim
from linkbalancer.routing.handover import Form
from linkbalancer.routing.marks import Marks

FORMS: Final = {Form.MOVE: (), Form.KEEP: (KEEPS,), Form.RESET: (RESETS,), Form.HOLD: (KEEPS, RESETS)}
"""In which sets applications are that are pointed in a form."""


def steered(elements: Mapping[int, Aim | None], marks: Marks) -> str:
    """Return the text that fills the map and the sets of forms; None: to the main table."""
    lines = []
    for app_id, aim in elements.items():
        key, verdict = f"{marks.connection_mark(app_id):#010x}", "return" if aim is None else f"goto {chain_of(aim.to)}"
        lines.append(f"add element inet {TABLE} {MAP} {{ {key} : {verdict} }}")
        form = Form.MOVE if aim is None else aim.form
        lines += [f"add element inet {TABLE} {one} {{ {key} }}" for one in FORMS[form]]
    return "\n".join([*lines, ""])


def stood(vids: Iterable[Vid], marks: Marks) -> str:
    """Return the text that says which VIDs work."""
    every = [(vid, f"{marks.flow_mark(vid):#010x}") for vid in sorted(vids)]
    keys = {STANDING: [f"{mark} : goto {STAY}{vid}" for vid, mark in every], WORKING: [mark for _vid, mark in every]}
    return "".join(f"add element inet {TABLE} {name} {{ {', '.join(of)} }}\n" for name, of in keys.items() if of)


def known(members: Mapping[DeviceName, frozenset[Mac]]) -> str:
    """Return the text that fills the set of the other gateways' MAC addresses."""
    keys = [f'"{device}" . {mac.hex(":")}' for device, macs in members.items() for mac in sorted(macs)]
    return f"add element inet {TABLE} {MEMBERS} {{ {', '.join(keys)} }}\n" if keys else ""
