"""The files of a configuration, as text that a person goes on editing."""

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import indent
from typing import Any, Final

import yaml

from linkbalancer.config.findings import printable

_WIDTH: Final = 110
_PLAIN_SECTIONS: Final = ("sync_groups", "trackers", "notifications")


@dataclass(frozen=True, slots=True)
class File:
    """A file of the configuration; a secret one is for its owner alone."""

    name: str
    text: str
    secret: bool = False


def gateway(document: Mapping[str, Any], path: str, origins: Mapping[int | str, tuple[str, str]]) -> File:
    """Return linkbalancer.yaml; `origins` has the instance of each group, and its place."""
    lines = [f"# Made from {printable(path)} by `linkbalancer import keepalived`; yours to edit from now on."]
    for key, value in document.items():
        if key == "groups":
            lines += ["", "groups:"]
            for group, keys in value.items():
                name, place = origins[group]
                lines += [
                    f"  # vrrp_instance {printable(name)}, {printable(place)}",
                    indent(_yaml({group: keys}), "  "),
                ]
        elif key in _PLAIN_SECTIONS:
            lines += ["", f"{key}:"]
            lines += [indent(_yaml({name: keys}), "  ") for name, keys in value.items()]
        else:
            # By itself a pair of plain values would be written in braces.
            lines += [*([""] if key == "applications" else []), _yaml({key: value})[1:-1]]
    return File("linkbalancer.yaml", "\n".join(lines) + "\n")


def rules(path: str) -> File:
    """Return the rule file: no rule, so every packet goes where the host's own routes send it, as with Keepalived."""
    return File(
        "apps.conf",
        f"# Made from {printable(path)}: no rule, so every packet is the default application's, which follows the\n"
        "# host's own routes. Add a line for what is to take another way (docs/rules.md), such as:\n"
        "# App=*  *  *  *  443  tcp  [1 2]  name=web\n",
    )


class _Dumper(yaml.SafeDumper):
    """Writes what occurs twice twice: a configuration has no anchors."""

    def ignore_aliases(self, _: object) -> bool:
        """Never refer to what was written before."""
        return True


def _yaml(value: object) -> str:
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=_WIDTH, allow_unicode=True
    )
    return text.rstrip("\n")
