"""What is translated, on the screen."""

import json

import jsonschema

from linkbalancer.cli.status import SCHEMA
from linkbalancer.cli.translated import HEADER, sections
from linkbalancer.engine.translated import describe
from tests.config.test_translationchecks import static
from tests.config.texts import CONFIG, loaded
from tests.engine.statuses import status

NPTV6 = "nat: {snat: 198.51.100.9, nptv6: {inside: 'fd00:1::/48', outside: '2001:db8:1::/48'}}, mtu: 1400"


def test_every_way_has_a_line() -> None:
    """In the order of the configuration; none where nothing is translated, or an older daemon answers."""
    told = describe(loaded(static("nat: masquerade, mss_clamp: auto", "mss_clamp: 1300")).config)
    told += describe(loaded(CONFIG.replace("device: eth1,", f"device: eth1, {NPTV6},", 1)).config)
    (section,) = sections(status(translation=told))

    assert section.header == HEADER
    assert [row.cells for row in section.rows] == [
        ("203.0.113.1", "eth1", "1", "the device's address", "it is", "as fits", "-"),
        ("192.0.2.1", "eth2", "2", "it is", "it is", "1300", "-"),
        ("l1", "eth1", "1", "198.51.100.9", "2001:db8:1::/48", "-", "1400"),
    ]
    schema = json.loads(SCHEMA.read_text())
    jsonschema.validate(told, {"$defs": schema["$defs"], **schema["properties"]["translation"]})
    assert sections(status(translation=[])) == sections(status()) == ()
