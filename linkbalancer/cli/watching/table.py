"""A table of the live view: only cells that changed are drawn again, and the selection stays with its row."""

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import DataTable

from linkbalancer.cli.watching.rows import MARKS, STYLES, Row


class LiveTable(DataTable[Text]):
    """Shows rows that come whole, again and again."""

    def __init__(self, name: str, header: Sequence[str]) -> None:
        """Have a header and no rows yet."""
        super().__init__(id=name, cursor_type="row", cell_padding=0, zebra_stripes=False)
        self._header = tuple(header)
        self._shown: dict[str, Row] = {}
        self.show_cursor = False

    def on_mount(self) -> None:
        """Make the columns."""
        for index, label in enumerate(self._header):
            self.add_column(Text(f"{label} ", style="bold"), key=str(index))

    def on_focus(self) -> None:
        """Show the selection only where the keys go."""
        self.show_cursor = True

    def on_blur(self) -> None:
        """See `on_focus`."""
        self.show_cursor = False

    @property
    def selected(self) -> str | None:
        """The key of the selected row."""
        keys = list(self._shown)
        return keys[self.cursor_row] if 0 <= self.cursor_row < len(keys) else None

    def show(self, rows: Sequence[Row]) -> None:
        """Show these rows now."""
        if [row.key for row in rows] != list(self._shown):
            self._refill(rows)
            return
        for row in rows:
            old = self._shown[row.key]
            for index, cell in enumerate(row.cells):
                if cell != old.cells[index] or row.badness != old.badness:
                    self.update_cell(row.key, str(index), _text(cell, row, index), update_width=True)
            self._shown[row.key] = row

    def _refill(self, rows: Sequence[Row]) -> None:
        selected, scrolled = self.selected, self.scroll_y
        self.clear()
        self._shown = {row.key: row for row in rows}
        for row in rows:
            self.add_row(*(_text(cell, row, index) for index, cell in enumerate(row.cells)), key=row.key)
        if selected in self._shown:
            self.move_cursor(row=list(self._shown).index(selected), scroll=False)
            self.scroll_to(y=scrolled, animate=False)


def _text(cell: str, row: Row, index: int) -> Text:
    """Write a cell with one blank behind it; the mark of a row that is as wished is green."""
    good = index == 0 and cell == MARKS[0]
    return Text(f"{cell} ", style="green" if good else STYLES[row.badness], no_wrap=True)
