"""A configuration directory: a folder for each gateway, as an operator would put it there, and `topology.yaml`."""

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from linkbalancer.config.findings import ConfigErrors
from linkbalancer.config.load import load, load_as
from linkbalancer.config.model import Config
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.topology import Topology, TopologyDocument, derive
from linkbalancer.links import LinkName, NodeName
from linkbalancer.routing.rule import RuleSet

CONFIG = "linkbalancer.yaml"
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Directory:
    """What a configuration directory says; `path` is where it is."""

    path: Path
    topology: Topology
    rules: RuleSet

    def config_path(self, node: NodeName) -> Path:
        """Return the configuration file of a gateway."""
        return self.path / node / CONFIG

    def copy_to(self, target: Path) -> "Directory":
        """Copy the directory for a lab of its own, with a fresh key for each link; the original's keys stay away."""
        shutil.copytree(self.path, target, ignore=shutil.ignore_patterns("keys"))
        copied = Directory(target, self.topology, self.rules)
        keys: dict[LinkName, str] = {}
        for node, config in self.topology.gateways.items():
            for name, link in config.links.items():
                if link.key_file is not None:
                    file = copied.config_path(node).parent / link.key_file
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.touch(mode=0o600)
                    file.write_text(keys.setdefault(name, f"1 {secrets.token_hex(_KEY_BYTES)}\n"))
        return copied


def read_directory(path: Path) -> Directory:
    """Read a configuration directory; LabError says what is wrong with it."""
    document = _read_topology(path / "topology.yaml")
    gateways: dict[NodeName, Config] = {}
    rules: dict[NodeName, RuleSet] = {}
    for file in _config_files(path):
        try:
            loaded = load(str(file), lambda name: Path(name).read_text())
        except ConfigErrors as error:
            raise LabError("\n".join(map(str, error.findings))) from error
        except OSError as error:
            raise LabError(f"cannot read {file}: {error.strerror}") from error
        if loaded.config.node != file.parent.name:
            raise LabError(f"{file}: it is gateway {loaded.config.node}'s, so its folder must have that name")
        gateways[loaded.config.node] = loaded.config
        rules[loaded.config.node] = loaded.rules
    if not gateways:
        raise LabError(f"{path} holds no gateway: there is no */{CONFIG} in it")
    first, *others = rules.values()
    if any(other != first for other in others):
        raise LabError("the gateways' rule files differ; all gateways must have the same (mission A1)")
    return Directory(path, derive(path.resolve().name, gateways, document), first)


def _config_files(path: Path) -> Iterator[Path]:
    yield from sorted(path.glob(f"*/{CONFIG}"))


def _read_topology(file: Path) -> TopologyDocument:
    try:
        return load_as(TopologyDocument, str(file), lambda name: Path(name).read_text())
    except OSError as error:
        raise LabError(f"cannot read {file}: {error.strerror}; docs/drill.md says what it holds") from error
    except ConfigErrors as error:
        raise LabError("\n".join(map(str, error.findings))) from error
