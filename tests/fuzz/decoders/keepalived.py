"""A keepalived.conf, as `linkbalancer import keepalived` takes it."""

from pathlib import Path

from linkbalancer.config.findings import ConfigErrors
from linkbalancer.config.keepalived.conversion import Conversion, convert

SEEDS = [
    path.read_bytes() for path in sorted((Path(__file__).parents[2] / "config/keepalived/samples").rglob("*.conf"))
]


def take(data: bytes) -> None:
    """Convert it; what becomes of it has files, or errors with a place."""
    text = data.decode(errors="replace")

    def read(name: str) -> str:
        if name == "keepalived.conf":
            return text
        raise FileNotFoundError(2, "No such file or directory", name)

    def match(_pattern: str, _folder: str) -> list[str]:
        return []

    try:
        conversion = convert("keepalived.conf", read, match, config_id="b1", node="b1")
    except ConfigErrors as errors:
        conversion = Conversion((), (), tuple(errors.findings))
    assert conversion.files or conversion.errors
    for remark in conversion.remarks:
        assert str(remark)
