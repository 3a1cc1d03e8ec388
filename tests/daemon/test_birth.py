"""Tests of how a zygote reads what it forks: key files by the rule that `check` has."""

from pathlib import Path

import pytest

from linkbalancer.daemon.birth import Directories, birth
from linkbalancer.daemon.zygote import RefusedError

CONFIG = """\
node: b1
role: controller
links:
  l1: {device: eth1, local: 10.1.0.1, peer: 10.1.0.2, key_file: l1.key}
groups:
  1: {device: eth0, link: l1, virtual_ips: [192.168.1.251/24]}
applications: apps.conf
"""
KEY = b"1 00112233445566778899aabbccddeeff\n"


def born(folder: Path, key: bytes, mode: int, kept: bytes | None = None) -> bytes:
    """Return the texts that a zygote of this key hands on."""
    (folder / "linkbalancer.yaml").write_text(CONFIG)
    (folder / "apps.conf").write_text("App=* * * * * * [1] name=all\n")
    (folder / "l1.key").write_bytes(key)
    (folder / "l1.key").chmod(mode)
    return birth(str(folder / "linkbalancer.yaml"), Directories(folder, folder), kept).texts


def test_a_key_of_its_owner_alone_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a word."""
    born(tmp_path, KEY, 0o600)

    assert capsys.readouterr().err == ""


def test_a_key_that_the_group_may_read_is_taken_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said once: not again by a zygote that is born of the same texts."""
    kept = born(tmp_path, KEY, 0o640)

    assert capsys.readouterr().err == (
        f"{tmp_path}/l1.key: can be read or written by its group; chgrp linkbalancer it, "
        "or chmod g= it, unless that is meant\n"
    )
    born(tmp_path, KEY, 0o666, kept)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("key", "mode", "error"),
    [
        (KEY, 0o604, "can be read or written by everybody; chmod o= it"),
        (KEY, 0o602, "can be read or written by everybody; chmod o= it"),
        (b"1 secretsecret\n", 0o600, "holds no key: line 1: the secret is not hexadecimal; put `1 HEX` in it"),
        (b"1 \xff\n", 0o600, "holds other characters than a key's; put `1 HEX` in it"),
    ],
)
def test_what_is_no_secret_is_refused(tmp_path: Path, key: bytes, mode: int, error: str) -> None:
    """In the words of `check`, and without the secret."""
    with pytest.raises(RefusedError) as refused:
        born(tmp_path, key, mode)

    assert refused.value.args[0].startswith(f"{tmp_path}/l1.key: {error}")
    assert "secretsecret" not in str(refused.value)


def test_a_file_that_the_service_cannot_read_says_how_it_could(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service is not root: the refusal names its user, and what to do."""

    def refuse(_self: Path, **_options: object) -> str:
        raise PermissionError(13, "Permission denied", str(tmp_path / "linkbalancer.yaml"))

    monkeypatch.setattr(Path, "read_text", refuse)
    monkeypatch.setattr("os.geteuid", lambda: 65534)
    with pytest.raises(RefusedError) as refused:
        born(tmp_path, KEY, 0o600)

    assert "Permission denied for nobody (chgrp linkbalancer it, and chmod g+r it)" in str(refused.value)
