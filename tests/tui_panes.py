"""One pane of the monitor in an app of its own, with snapshots made by hand."""

import struct
import wave
import zlib
from pathlib import Path

from rich.color import ColorSystem
from textual.app import App

from fs2_tui.look import Look
from fs2keras.rundir.checkpoints import Checkpoint
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.table import Table
from fs2keras.rundir.tail import Rows
from fs2keras.rundir.watch import Snapshot

NOW = 1_795_000_000.0  # Unix seconds of every snapshot here
MB = 1_000_000


class PaneApp(App):
    """Shows one pane, with the focus where the monitor puts it, on a terminal of so many colours."""

    def __init__(self, pane, *snapshots: Snapshot, unicode: bool = True, colours: ColorSystem = ColorSystem.TRUECOLOR):
        super().__init__()
        self.console._color_system = colours  # which is otherwise that of the terminal around the tests
        self.look = Look(unicode=unicode)
        self.pane, self.snapshots, self.dismissed = pane, snapshots, set()

    def compose(self):
        yield self.pane

    def on_mount(self):
        self.pane.show(self.snapshots)
        focusable = [widget for widget in self.pane.walk_children() if widget.focusable]
        (focusable[0] if focusable else self.pane).focus()


def snapshot(path: Path = Path("runs/mine"), **facts) -> Snapshot:
    """A run in training at step 1,200 of 4,000, a checkpoint every 500; `summary` and `record` are added to."""
    record = {
        "kind": "fastspeech2",
        "status": "training",
        "pid": 4711,
        "host": "here",
        "backend": "jax",
        "versions": {"keras": "3.15.1", "jax": "0.10.2"},
        "devices": ["cpu:0"],
        "total_steps": 4000,
        "checkpoint_every": 500,
        "parameters": 8_347_747,
    } | facts.pop("record", {})
    summary = {"state": "training", "reason": "", "step": 1200, "total_steps": 4000, "elapsed_s": 600.0}
    summary |= facts.pop("summary", {})
    return Snapshot(RunDir(path), **({"time": NOW, "record": record, "summary": summary, "here": True} | facts))


def recipe(**train) -> str:
    """A recipe with these values in [train]."""
    return "[train]\n" + "".join(f"{key} = {value}\n" for key, value in train.items())


def checkpoint(step: int, loss: float | None = None, best: bool = False, size: int = 30 * MB) -> Checkpoint:
    return Checkpoint(step, Path(f"runs/mine/checkpoints/step-{step:07d}.keras"), size, NOW - 4000 + step, loss, best)


def rows(columns: str, *lines: tuple) -> Rows:
    names = tuple(columns.split())
    return Rows([dict(zip(names, line, strict=True)) for line in lines], names)


def table(columns: str, *lines: tuple) -> Table:
    return Table.from_rows(rows(columns, *lines))


def write_png(path: Path, pixels: list[list[tuple[int, int, int]]], text: dict[str, str] | None = None) -> Path:
    """A png of these rows of (red, green, blue), with text entries."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", len(pixels[0]), len(pixels), 8, 2, 0, 0, 0)
    entries = [chunk(b"tEXt", f"{key}\0{value}".encode("latin-1")) for key, value in (text or {}).items()]
    data = b"".join(b"\0" + bytes(value for pixel in row for value in pixel) for row in pixels)
    body = [chunk(b"IHDR", head), *entries, chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(body))
    return path


def write_wav(path: Path, seconds: float, rate: int = 8000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\0\0" * round(seconds * rate))
    return path
