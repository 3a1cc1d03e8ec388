"""Tests of the table of services."""

from collections import Counter
from pathlib import Path

import pytest

from linkbalancer.routing.services import SERVICES

ETC = Path("/etc/services")


def test_service_names_can_be_written() -> None:
    """A rule's word finds them: lower case, no range of numbers, and ports that there are."""
    assert all(name == name.lower() and 0 < port <= 65535 for name, port in SERVICES.items())
    assert not any(part.isdecimal() for name in SERVICES for part in name.split("-")[:1])
    assert (SERVICES["https"], SERVICES["domain"], SERVICES["sip-tls"]) == (443, 53, 5061)


@pytest.mark.skipif(not ETC.exists(), reason="this host has no list of services")
def test_the_table_says_what_every_gateway_says() -> None:
    """A name that /etc/services has too means the same port there, by whatever protocol."""
    lines = (line.partition("#")[0].split() for line in ETC.read_text().splitlines())
    known: Counter[tuple[str, int]] = Counter()
    for name, port, *others in (line for line in lines if line):
        if not port.endswith("/ddp"):  # AppleTalk's have numbers of their own
            known.update((one, int(port.partition("/")[0])) for one in (name, *others))
    theirs = {name for name, _port in known}

    assert {name for name, port in SERVICES.items() if name in theirs and (name, port) not in known} == set()
    assert len(theirs & set(SERVICES)) > 100
