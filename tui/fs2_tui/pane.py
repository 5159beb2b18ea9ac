"""What all panes have in common."""

from collections.abc import Sequence

from textual.containers import Vertical

from fs2_tui.scrollbars import use_plain_scrollbars
from fs2keras.rundir.watch import Snapshot


class Pane(Vertical):
    """One of the views behind the number keys."""

    DEFAULT_CSS = """
    Pane { padding: 0 1; }
    """

    def on_mount(self) -> None:
        if not self.app.look.unicode:
            use_plain_scrollbars(self)

    def show(self, snapshots: Sequence[Snapshot]) -> None:
        """Draw these runs, the first being the main one.

        Called on the main thread when the pane becomes visible and whenever new data arrive while it is; it reads no
        files.
        """
        raise NotImplementedError
