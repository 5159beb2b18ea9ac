"""What the watching thread tells the app."""

from collections.abc import Sequence

from textual.message import Message

from fs2keras.rundir.watch import Snapshot


class Updated(Message):
    """New snapshots of all watched runs, the main one first. Only the newest matters, so waiting ones are merged."""

    def __init__(self, snapshots: Sequence[Snapshot]):
        super().__init__()
        self.snapshots = tuple(snapshots)

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Updated)
