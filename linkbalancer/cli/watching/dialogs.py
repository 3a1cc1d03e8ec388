"""What stands above the live view for a moment: the keys, and the question before something is drained or resumed."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

HELP = """\
Tab, Shift-Tab    the next table, the one before
arrows, PgUp/Dn   move in a table
d                 drain the selected link or VID (asks first)
r                 resume it (asks first)
/                 only applications with a text in their name or VID; Esc: all
?                 these keys
q                 end

● as wished   ▲ second best, drained, full or with loss   ✖ broken

RTT, loss and rate: the newest, and how they went (the newest on the right). in
and out are bits per second of the link's device, used is the share of its
capacity that the busier direction takes. far end is what the other end of the
VID's link last said.
"""


class Box(ModalScreen[bool]):
    """A box in the middle that a key closes."""

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical() as box:
            box.border_title = self._title
            yield Static(self._text, markup=False)


class Help(Box):
    """The keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,enter,space", "close", "close")]

    def __init__(self) -> None:
        super().__init__("linkbalancer watch", HELP)

    def action_close(self) -> None:
        """Go back."""
        self.dismiss(result=False)


class Asking(Box):
    """A question that only `y` says yes to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "yes"),
        Binding("n,escape,q,enter", "no", "no"),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__(title, f"{text}\n\n y  yes      n  no")

    def action_yes(self) -> None:
        """Do it."""
        self.dismiss(result=True)

    def action_no(self) -> None:
        """Leave it."""
        self.dismiss(result=False)
