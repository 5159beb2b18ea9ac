"""The command line. Each verb imports its room only when called; the backend is chosen before keras is imported."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fs2keras import __version__
from fs2keras.cli import evaluation, keeping, speaking, training
from fs2keras.errors import UserError

EXAMPLES = """\
examples:
  fs2keras fit demo                                   a small voice from nothing, in minutes, on a CPU
  fs2keras say runs/demo "Any sentence." -o say.wav   let it speak
  fs2keras fit ljspeech --set corpus.path=LJSpeech-1.1      a corpus to a voice: prepare, align, train
  fs2keras status runs/ljspeech                       how far it is
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb and returns its exit code: 0 done, 1 failed, 2 wrong call or recipe, 3 no such run, 4 NaN,
    130 interrupted after a clean save."""
    options = _parser().parse_args(arguments)
    try:
        with _sigterm_interrupts():
            return options.verb(options) or 0
    except UserError as error:
        if options.debug:
            raise
        print(f"fs2keras: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        goes_on = "; the same command again goes on from the last saved state" if options.resumes else ""
        print(f"\nfs2keras: interrupted{goes_on}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read what is printed has seen enough, as `head` has. Python would try once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # the machine's: a disk that fails, a folder that vanished meanwhile
        if options.debug:
            raise
        print(f"fs2keras: {_about(error)}\nIs the disk well, and still there? --debug shows where.", file=sys.stderr)
        return 1
    except Exception as error:
        if options.debug:
            raise
        kind = type(error).__name__
        print(f"fs2keras: {kind}: {error}\nThis should not happen; --debug shows where.", file=sys.stderr)
        return 1


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """SIGTERM ends a verb as Ctrl-C does: what it opened is put in order, and it says so. A training takes both over
    for as long as it lasts. Python lets only the main thread do this: in others, SIGTERM stays what it is."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)  # None: it was not set by Python


def _about(error: OSError) -> str:
    return str(error) if error.filename is None else f"{error.filename}: {error.strerror}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fs2keras",
        description="Train a voice (FastSpeech 2 in Keras 3) and let it speak.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fs2keras {__version__}")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")
    for module in (training, speaking, evaluation, keeping):
        module.add_verbs(verbs)
    return parser
