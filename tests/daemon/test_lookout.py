"""How often devices are looked at without being told."""

import pytest

from linkbalancer.clock import MILLISECOND
from linkbalancer.daemon.lookout import look_every
from tests.config.texts import changed, loaded


@pytest.mark.parametrize(
    ("interval", "probe", "milliseconds"),
    [
        ("200ms", "", 50),
        ("10s", "", 150),
        ("10s", ", probe: {interval: [1s, 2s]}", 250),
        ("800ms", ", probe: {interval: [1s, 2s]}", 200),
        ("10ms", ", probe: {interval: [1s, 2s]}", 50),
    ],
)
def test_as_often_as_a_quarter_of_the_quickest_timer(interval: str, probe: str, milliseconds: int) -> None:
    """An advert interval, or the silence that closes a link: here three times 200 ms unless said."""
    config = loaded(
        changed(
            ("advert_interval: 200ms", f"advert_interval: {interval}"),
            ("key_file: keys/l1.key", f"key_file: keys/l1.key{probe}"),
            ("mode: observe,", f"mode: observe, advert_interval: {interval},"),
        )
    ).config
    assert look_every(config) == milliseconds * MILLISECOND
