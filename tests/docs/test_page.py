"""The reader of task pages."""

from pathlib import Path

import pytest

from tests.docs.page import Command, Deed, Written, missing, read_page

PAGE = """\
# A task

<!-- do: cut l1 -->

```console
b1# linkbalancer status
b1, controller: ...
...
b2# false   # exit 1
```

<!-- file: b1 apps.conf -->
```
App=* * * * * * [1]
```

```yaml
not: run
```
"""


def test_a_page_is_read_in_its_order(tmp_path: Path) -> None:
    """Deeds, commands with their answers and exit statuses, and files."""
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    assert read_page(path) == [
        Deed(3, ("cut", "l1")),
        Command(6, "b1", "linkbalancer status", ("b1, controller: ...", "..."), 0),
        Command(9, "b2", "false", (), 1),
        Written(13, "b1", "apps.conf", "App=* * * * * * [1]\n"),
    ]


@pytest.mark.parametrize(
    ("answer", "said", "lacks"),
    [
        (("a 12  b",), "a 7 b\n", None),
        (("a ... c",), "a (b.) c", None),
        (("...", "z"), "x\ny\nz", None),
        (("x", "..."), "x\ny\nz", None),
        ((), "whatever", None),
        (("for 3 min 20 s, RTT 1.5 ms",), "for 800 ms, RTT 12 us", None),
        (("for 3 min",), "for 3 mines", "for 3 min"),
        (("x",), "x\ny", "nothing more, but it said 'y'"),
        (("y",), "x\ny", "y"),
        (("x", "z"), "x\ny\nz", "z"),
        (("x.",), "xy", "x."),
    ],
)
def test_an_answer_is_compared_by_what_matters(answer: tuple[str, ...], said: str, lacks: str | None) -> None:
    """Numbers and blanks may differ, and `...` is anything; nothing else."""
    assert missing(answer, said) == lacks
