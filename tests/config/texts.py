"""A gateway's good configuration and rule file, in memory, for tests to change."""

from linkbalancer.config.findings import ConfigErrors
from linkbalancer.config.load import Loaded, load

CONFIG = """\
node: b1
role: controller
lans:
  eth0: {members: [192.168.1.2]}
links:
  l1: {device: eth1, local: 10.1.0.1, peer: 10.1.0.2, key_file: keys/l1.key}
groups:
  1: {device: eth0, link: l1, virtual_ips: [192.168.1.251/24], priority: 150, advert_interval: 200ms}
  2: {device: eth0, mode: observe, virtual_ips: [192.168.1.252/24]}
applications: apps.conf
"""

RULES = """\
App=* * * * 443 tcp [2 1] name=web
App=* * * * * * [1 2] name=rest
"""


def loaded(config: str = CONFIG, rules: str = RULES, path: str = "etc/linkbalancer.yaml") -> Loaded:
    """Load a configuration from text."""
    files = {path: config, "etc/apps.conf": rules}

    def read(name: str) -> str:
        if name not in files:
            raise FileNotFoundError(2, "No such file or directory", name)
        return files[name]

    return load(path, read)


def refusals(config: str = CONFIG, rules: str = RULES) -> list[str]:
    """Load what must be refused; return its errors as they are printed, without the folder."""
    try:
        loaded(config, rules)
    except ConfigErrors as error:
        return [str(finding).removeprefix("etc/") for finding in error.findings]
    return []


def changed(*changes: tuple[str, str]) -> str:
    """Return the good configuration with some text replaced; each must be there."""
    text = CONFIG
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text
