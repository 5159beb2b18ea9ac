"""Playing a wav file with whatever this machine has for it, in a process of its own that can be stopped.

`python -m fs2_tui.samples.player FILE` is that process when the `sounddevice` package is installed: PortAudio writes to
the terminal and may hang with a broken driver, which would spoil the monitor's screen.
"""

import importlib.util
import shutil
import subprocess
import sys
import time
import wave
from collections.abc import Sequence
from pathlib import Path

_SYSTEM = (
    ("aplay", "-q"),  # ALSA
    ("paplay",),  # PulseAudio
    ("pw-play",),  # PipeWire
    ("afplay",),  # macOS
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("play", "-q"),  # SoX
)
_OURS = (sys.executable, "-m", "fs2_tui.samples.player")


def find_players() -> list[tuple[str, ...]]:
    """The commands that could play a file on this machine, the best first; the file's path comes after each."""
    ours = [_OURS] if importlib.util.find_spec("sounddevice") else []
    return ours + [command for command in _SYSTEM if shutil.which(command[0])]


class Player:
    """Plays one file at a time. Call `poll` a few times a second while it plays.

    `problem` says in a sentence why nothing can be heard, "" while all is well. Where a player fails (no sound device,
    say) the next one is tried.
    """

    def __init__(self, commands: Sequence[Sequence[str]] | None = None):
        self._commands = list(find_players() if commands is None else commands)
        self._untried = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self.playing: Path | None = None
        self.problem = "" if self._commands else _no_player()

    @property
    def name(self) -> str:
        """What plays, "" when nothing can."""
        if not self._commands:
            return ""
        return "sounddevice" if tuple(self._commands[0]) == _OURS else Path(self._commands[0][0]).name

    @property
    def position(self) -> float:
        """Seconds since the file that plays was started."""
        return time.monotonic() - self._began if self.playing else 0.0

    def play(self, path: Path) -> None:
        """Start this file, and stop what was playing."""
        self.stop()
        if not path.is_file():
            self.problem = f"{path.name} is gone."
        elif self._commands:
            self.problem, self._untried = "", len(self._commands)
            self._start(path)

    def stop(self) -> None:
        """Silence, at once. Does nothing when nothing plays."""
        if self._process:
            self._process.kill()
            self._process.communicate()
        self._process, self.playing = None, None

    def poll(self) -> bool:
        """Whether it still plays; where a player has failed, the next one plays from the beginning."""
        if self._process is None or self._process.poll() is None:
            return self.playing is not None
        process, path = self._process, self.playing
        said = process.communicate()[1].decode("utf-8", "replace").strip()
        self._process, self.playing = None, None
        if process.returncode == 0:
            self.problem = ""
        elif path is not None:
            self._give_up(said.splitlines()[-1] if said else f"exit code {process.returncode}")
            self._start(path)
        return self.playing is not None

    def _start(self, path: Path) -> None:
        while self._untried and not self.playing:
            self._untried -= 1
            try:
                self._process = subprocess.Popen(
                    [*self._commands[0], str(path)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                )
                self.playing, self._began = path, time.monotonic()
            except OSError as error:
                self._give_up(error.strerror or str(error))

    def _give_up(self, reason: str) -> None:
        self.problem = f"This machine cannot play it. {self.name} says: {reason}"
        self._commands.append(self._commands.pop(0))


def _no_player() -> str:
    names = ", ".join(command[0] for command in _SYSTEM)
    return f"This machine has no player for sound. Install one of {names}, or: pip install sounddevice"


def main(path: str) -> int:
    """Play a wav file with sounddevice, and wait for its end."""
    import sounddevice

    widths = {1: "uint8", 2: "int16", 3: "int24", 4: "int32"}
    with wave.open(path, "rb") as file:
        stream = sounddevice.RawOutputStream(
            samplerate=file.getframerate(), channels=file.getnchannels(), dtype=widths[file.getsampwidth()]
        )
        with stream:
            while data := file.readframes(4096):
                stream.write(data)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except Exception as error:  # whatever it is, the monitor shows this one line instead of a traceback
        sys.exit(str(error) or type(error).__name__)
