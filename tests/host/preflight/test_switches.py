"""Switches, and the files that set them."""

from pathlib import Path

import pytest

from linkbalancer.engine.preflight.observed import SwitchLine
from linkbalancer.host.preflight import switches


def write(root: Path, files: dict[str, str]) -> None:
    """Write files below a root."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("net.ipv4.ip_forward = 1", ("net/ipv4/ip_forward", "1")),
        ("  -net/ipv4/conf/eth0.10/rp_filter=2 ", ("net/ipv4/conf/eth0.10/rp_filter", "2")),
        ("net.ipv4.conf.eth0/10.rp_filter=2", ("net/ipv4/conf/eth0.10/rp_filter", "2")),
        ("-net.ipv4.conf.all.rp_filter", ("net/ipv4/conf/all/rp_filter", None)),
        ("# net.ipv4.ip_forward=1", None),
        ("; net.ipv4.ip_forward=1", None),
        ("nonsense", None),
        ("x=", ("x", "")),
    ],
)
def test_lines(text: str, line: tuple[str, str | None] | None) -> None:
    """Keys become paths, whichever way they are written."""
    found = [(one.key, one.value) for one in switches.parse(text, "f")]

    assert found == ([] if line is None else [line])


def test_the_order_of_files(tmp_path: Path) -> None:
    """By name; of two of one name the administrator's; /etc/sysctl.conf last, once; ufw's own only where ufw is on."""
    files = {
        "usr/lib/sysctl.d/50-default.conf": "a=vendor",
        "usr/lib/sysctl.d/60-x.conf": "b=vendor",
        "etc/sysctl.d/50-default.conf": "a=mine",
        "run/sysctl.d/70-y.conf": "c=run",
        "etc/sysctl.conf": "d=last",
        "etc/ufw/sysctl.conf": "e=ufw",
        "etc/ufw/ufw.conf": "ENABLED=no\n",
    }
    write(tmp_path, files)
    assert [f"{one.file} {one.value}" for one in switches.lines(tmp_path)] == [
        "/etc/sysctl.d/50-default.conf mine",
        "/usr/lib/sysctl.d/60-x.conf vendor",
        "/run/sysctl.d/70-y.conf run",
        "/etc/sysctl.conf last",
    ]
    write(tmp_path, {"etc/ufw/ufw.conf": "ENABLED=yes\n"})
    (tmp_path / "etc/sysctl.d/99-sysctl.conf").symlink_to("../sysctl.conf")
    assert [one.value for one in switches.lines(tmp_path)] == ["mine", "vendor", "run", "last", "ufw"]
    (tmp_path / "etc/sysctl.conf").unlink()
    assert switches.lines(tmp_path)[-1] == SwitchLine("/etc/ufw/sysctl.conf", "e", "ufw")


def test_values() -> None:
    """As the kernel has them; None for what there is not."""
    found = switches.read(["ipv4/ip_forward", "ipv4/conf/no-such-device/rp_filter"])
    assert found["ipv4/ip_forward"] in {"0", "1"}
    assert found["ipv4/conf/no-such-device/rp_filter"] is None
