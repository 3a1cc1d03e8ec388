"""A configuration, and the rule file that it names."""

from linkbalancer.config.findings import ConfigErrors, Finding
from linkbalancer.config.load import load
from tests.config.texts import CONFIG, RULES

SEEDS = [
    CONFIG.encode(),
    b"node: b1\nrole: standalone\ngroups:\n  1/ipv6: {device: eth0, virtual_ips: ['fe80::1/64'], version: 3}\n",
    b"node: [b1\nrole: &a controlled\nx: *a\n? {1: 2}\n: !!python/none 0x7\n",
]


def take(data: bytes) -> None:
    """Load it; either all of it is right, or every error has its place."""
    text = data.decode(errors="replace")

    def read(name: str) -> str:
        if name == "linkbalancer.yaml":
            return text
        if name.endswith("apps.conf"):
            return RULES
        raise FileNotFoundError(2, "No such file or directory", name)

    found: list[Finding] | None = None
    try:
        load("linkbalancer.yaml", read)
    except ConfigErrors as errors:
        found = list(errors.findings)
    assert found is None or found
    assert all(finding.line >= 1 and str(finding) for finding in found or ())
