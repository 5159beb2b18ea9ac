"""Telling people who do not look at the screen: a webhook or a command for each new alert."""

import json
import os
import shlex
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence

from fs2keras.rundir.alerts import Alert
from fs2keras.rundir.watch import Snapshot

TIMEOUT_S = 20


def facts_of(snapshot: Snapshot, alert: Alert) -> dict[str, object]:
    """What a webhook or command is told, as plain JSON."""
    return {
        "run": snapshot.rundir.name,
        "path": str(snapshot.rundir.path),
        "step": snapshot.summary.get("step"),
        "state": snapshot.summary.get("state"),
        "alert": alert.kind,
        "severity": alert.severity,
        "text": alert.text,
    }


def tell(target: str, facts: Mapping[str, object]) -> str:
    """Send one alert to an http(s) address (POST, JSON) or a command; "" when it went well, else what went wrong.

    The command gets the JSON on its standard input and the sentence in the variable FS2_ALERT.
    """
    if target.startswith(("http://", "https://")):
        return _post(target, facts)
    try:
        words = shlex.split(target)
    except ValueError as error:
        return f"--on-alert {target}: {error}"
    return _run(words, facts)


def desktop_notification(text: str) -> str:
    """The OSC 9 sequence, which many terminals (and tmux, when told to pass it on) show as a desktop notification."""
    clean = "".join(character for character in text if character.isprintable())
    sequence = f"\x1b]9;{clean}\x07"
    if os.environ.get("TMUX"):
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return sequence


def _post(address: str, facts: Mapping[str, object]) -> str:
    request = urllib.request.Request(
        address, json.dumps(facts).encode(), {"Content-Type": "application/json", "User-Agent": "fs2-tui"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):
            return ""
    except (urllib.error.URLError, OSError, ValueError) as error:
        return f"--on-alert {address}: {error}"


def _run(words: Sequence[str], facts: Mapping[str, object]) -> str:
    environment = {**os.environ, "FS2_ALERT": str(facts["text"])}
    try:
        done = subprocess.run(
            words,
            input=json.dumps(facts),
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired, IndexError) as error:
        return f"--on-alert {shlex.join(words)}: {error}"
    if done.returncode:
        return f"--on-alert {shlex.join(words)}: exit code {done.returncode} {done.stderr.strip()[-200:]}".rstrip()
    return ""
