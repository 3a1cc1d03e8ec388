"""Configuration files of other programs, as they are found on hosts."""

from pathlib import Path

from linkbalancer.engine.preflight.observed import Instance
from linkbalancer.host.preflight import files
from tests.host.preflight.test_switches import write

KEEPALIVED = """\
! Configuration File for keepalived
global_defs {
   router_id x
}
include conf.d/*.conf
vrrp_instance VI_1 {
    state MASTER
    interface eth0     # LAN
    virtual_router_id 51
    virtual_ipaddress {
        192.0.2.10/24
    }
    priority 100
}
vrrp_instance V2 { interface eth1
 virtual_router_id many }
"""


def test_networkd(tmp_path: Path) -> None:
    """The main file, then drop-ins by name, of the section Network alone; the last word counts."""
    assert files.networkd(tmp_path) == {}
    texts = {
        "etc/systemd/networkd.conf": "[Network]\n#ManageForeignRoutes=yes\nManageForeignRoutes=yes\n[DHCP]\nDUID=x\n",
        "usr/lib/systemd/networkd.conf": "[Network]\nSpeedMeter=yes\n",
        "usr/lib/systemd/networkd.conf.d/10-x.conf": "[Network]\nManageForeignRoutingPolicyRules = yes\n",
        "etc/systemd/networkd.conf.d/linkbalancer.conf": "[Network]\nManageForeignRoutes=no\n",
        "run/systemd/networkd.conf.d/10-x.conf": "[Network]\nManageForeignRoutingPolicyRules=no\n",
    }
    write(tmp_path, texts)
    assert files.networkd(tmp_path) == {
        "ManageForeignRoutes": ("no", "/etc/systemd/networkd.conf.d/linkbalancer.conf"),
        "ManageForeignRoutingPolicyRules": ("no", "/run/systemd/networkd.conf.d/10-x.conf"),
    }


def test_whether_networkd_has_read_its_files(tmp_path: Path) -> None:
    """It has not, where one is younger than the process."""
    assert not files.networkd_changed(0, tmp_path)
    write(tmp_path, {"etc/systemd/networkd.conf.d/x.conf": "[Network]\n"})
    changed = (tmp_path / "etc/systemd/networkd.conf.d/x.conf").stat().st_ctime
    assert files.networkd_changed(changed - 1, tmp_path)
    assert not files.networkd_changed(changed + 1, tmp_path)


def test_keepalived(tmp_path: Path) -> None:
    """Instances with device and VRID, also those of files that are included, and of files that include each other."""
    assert files.keepalived(tmp_path) == ()
    write(
        tmp_path,
        {
            "etc/keepalived/keepalived.conf": KEEPALIVED,
            "etc/keepalived/conf.d/a.conf": "vrrp_instance A {\n virtual_router_id 7\n}\n"
            "include /etc/keepalived/keepalived.conf\n",
        },
    )
    assert files.keepalived(tmp_path) == (
        Instance("VI_1", "eth0", 51),
        Instance("V2", "eth1", None),
        Instance("A", None, 7),
    )


def test_dhcpcd(tmp_path: Path) -> None:
    """Which devices it must not touch, and which alone it may."""
    assert files.dhcpcd(tmp_path) == (frozenset(), None)
    write(tmp_path, {"etc/dhcpcd.conf": "hostname\ndenyinterfaces eth0 eth1\n\nallowinterfaces wlan0\n"})
    assert files.dhcpcd(tmp_path) == (frozenset({"eth0", "eth1"}), frozenset({"wlan0"}))


def test_ufw(tmp_path: Path) -> None:
    """Whether it is on, and what it does with what is forwarded."""
    write(
        tmp_path,
        {"etc/ufw/ufw.conf": "# x=y\nENABLED=yes\n", "etc/default/ufw": 'DEFAULT_FORWARD_POLICY="DROP"\nnonsense\n'},
    )
    assert files.ufw(tmp_path) == {"ENABLED": "yes", "DEFAULT_FORWARD_POLICY": "DROP"}


def test_nftables(tmp_path: Path) -> None:
    """Named only where the service is enabled, and flushes everything."""
    write(tmp_path, {"etc/nftables.conf": "#!/usr/sbin/nft -f\n\nflush ruleset\n"})
    assert files.nftables(tmp_path) is None
    write(tmp_path, {"etc/systemd/system/sysinit.target.wants/nftables.service": ""})
    assert files.nftables(tmp_path) == "/etc/nftables.conf"
    write(tmp_path, {"etc/nftables.conf": "# flush ruleset\ntable inet x {}\n"})
    assert files.nftables(tmp_path) is None
