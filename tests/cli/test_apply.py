"""What `linkbalancer apply` says, and the times that it takes."""

import pytest

from linkbalancer.cli.apply import told
from linkbalancer.cli.changing import seconds
from linkbalancer.cli.history_config import table
from linkbalancer.cli.main import main


@pytest.mark.parametrize(("text", "number"), [("30s", 30), ("5m", 300), ("5min", 300), ("1h", 3600)])
def test_times(text: str, number: int) -> None:
    """As people write them."""
    assert seconds(text) == number


@pytest.mark.parametrize("text", ["5", "9s", "25h", "five", "-5m", "5 m", "1.5h"])
def test_wrong_times(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Are usage errors, with how to write one."""
    with pytest.raises(SystemExit) as ended:
        main(["apply", f"--confirm={text}"])
    assert ended.value.code == 2
    assert "use 10s to 24h" in (said := capsys.readouterr().err) or "write such as 30s, 5m or 1h" in said


def test_told() -> None:
    """What is in force, how long it took, and until when it must be confirmed."""
    assert told({"result": "applied", "entry": 7, "took_ms": 800, "lines": []}) == (
        "configuration 7 is in force (in 800 ms)"
    )
    assert told({"result": "unchanged", "entry": None}) == "nothing had to change: it is in force"
    lines = told(
        {"result": "applied", "entry": 7, "confirm_until_ms": 1e12, "confirm_left_ms": 300_000, "lines": ["x"]}
    )
    assert "(in 5 min 00 s) unless `linkbalancer confirm` comes before" in lines
    assert lines.endswith("\nx")


def test_the_list() -> None:
    """In columns; the one in force is marked."""
    entry = {"number": 2, "at": 0, "who": "root", "how": "apply", "state": "good", "reason": "", "summary": "x" * 200}
    other = {**entry, "number": 1, "state": "reverted", "reason": "a link", "summary": "short"}
    lines = table({"in_force": 2, "entries": [entry, other]}).splitlines()
    assert lines[1].startswith("*  2")
    assert lines[1].endswith("x...")
    assert "reverted (a link)" in lines[2]
    assert table({"in_force": None, "entries": []}) == "no configuration is kept yet"
