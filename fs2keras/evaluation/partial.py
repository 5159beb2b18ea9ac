"""What an evaluation has measured so far, a line for each utterance: an interruption costs a few of them."""

import fcntl
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from fs2keras.errors import UserError
from fs2keras.evaluation.results import Evaluation
from fs2keras.rundir.atomic import write_problem


class Partial:
    """The lines of an earlier process join `evaluation` where they are of the same checkpoint and corpus; inside a
    `with` block new ones are appended, and no other process may do so.

    Entering raises UserError where the file cannot be written or is another process's.
    """

    def __init__(self, path: Path, evaluation: Evaluation):
        self._path, self._evaluation = path, evaluation
        self._first = {key: evaluation.head.get(key) for key in ("key", "recogniser")}
        self._whole = 0  # bytes that are whole lines of this evaluation
        with suppress(OSError):
            self._read(path.read_bytes())

    def _read(self, lines: bytes) -> None:
        for n, line in enumerate(lines.splitlines(keepends=True)):
            try:
                entry = json.loads(line) if line.endswith(b"\n") else None
                if n == 0 and entry != self._first:
                    return
                if n > 0:
                    self._evaluation.add(entry.pop("id"), **entry)
            except (ValueError, KeyError, TypeError, AttributeError):
                return  # cut short where it was killed, or damaged: the rest is measured again
            self._whole += len(line)

    def __enter__(self) -> "Partial":
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._file.truncate(self._whole)
        except BlockingIOError as error:
            raise UserError(f"{self._path}: another process is evaluating this. Wait for it, or name -o.") from error
        except OSError as error:
            if not write_problem(error, self._path):
                raise
            sentence = f"{self._path.parent}: cannot be written ({error.strerror}). Name a folder with -o."
            raise UserError(sentence) from error
        if not self._whole:
            self._line(self._first)
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()

    def add(self, id: str, **parts: Any) -> None:
        self._evaluation.add(id, **parts)
        self._line({"id": id, **parts})

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)

    def _line(self, value: Any) -> None:
        self._file.write(json.dumps(value, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
