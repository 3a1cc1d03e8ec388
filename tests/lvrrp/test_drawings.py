"""The diagrams and tables of docs/protocol.md that the code draws itself: what it does is what is written.

With LINKBALANCER_UPDATE_DRAWINGS=1 in the environment they are drawn anew; review is then of the difference.
"""

import os

import pytest

from tests.lvrrp.drawn.blocks import BLOCK, DOCUMENT, DRAWINGS, drawing, redrawn


def test_every_drawing_has_its_place() -> None:
    """Each stands in the document once, and none that nobody can draw."""
    names = [name for name, _ in BLOCK.findall(DOCUMENT.read_text())]

    assert sorted(names) == sorted(DRAWINGS)


@pytest.mark.parametrize("name", DRAWINGS)
def test_the_document_shows_what_the_code_does(name: str) -> None:
    """Every transition, cell and number of it is tried out, and is what the document says."""
    if os.environ.get("LINKBALANCER_UPDATE_DRAWINGS"):
        DOCUMENT.write_text(redrawn(DOCUMENT.read_text()))
    shown = dict(BLOCK.findall(DOCUMENT.read_text()))

    assert shown[name] == drawing(name)


def test_a_drawing_that_differs_is_seen() -> None:
    """A line more in the document, and redrawing takes it out again."""
    text = f"<!-- drawn: waits -->\n{drawing('waits')}\n| 6 | 1 ms |\n<!-- end -->"

    assert redrawn(text) == f"<!-- drawn: waits -->\n{drawing('waits')}\n<!-- end -->"
