"""Playing sound with what a machine has, in a process that can be stopped."""

import sys
import time

import pytest

from fs2_tui.samples import player as module
from fs2_tui.samples.player import Player, find_players

QUIT = [sys.executable, "-c", "pass"]
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
FAIL = [sys.executable, "-c", "import sys; sys.exit('the card is\\nbusy')"]


@pytest.fixture
def wav(tmp_path):
    path = tmp_path / "01.wav"
    path.write_bytes(b"RIFF")
    return path


def until_silent(player, most=20.0):
    end = time.monotonic() + most
    while player.poll():
        assert time.monotonic() < end, "it plays on"
        time.sleep(0.01)


@pytest.fixture
def machine(monkeypatch):
    """A machine that has these programs, and sounddevice or not."""

    def have(*programs, sounddevice=False):
        monkeypatch.setattr(module.shutil, "which", lambda name: f"/usr/bin/{name}" if name in programs else None)
        monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: object() if sounddevice else None)

    return have


def test_finds_what_the_machine_has_in_order_of_preference(machine):
    machine("play", "aplay", sounddevice=True)
    assert [command[0] for command in find_players()] == [sys.executable, "aplay", "play"]
    assert Player().name == "sounddevice"
    machine("ffplay")
    assert find_players() == [("ffplay", "-nodisp", "-autoexit", "-loglevel", "error")]
    assert Player().name == "ffplay"
    assert Player().problem == ""


def test_a_machine_without_players_says_so_and_what_to_install(machine, wav):
    machine()
    player = Player()
    assert "no player" in player.problem
    assert "aplay" in player.problem
    assert "pip install sounddevice" in player.problem
    player.play(wav)
    assert player.playing is None
    assert player.name == ""


def test_plays_to_the_end(wav):
    player = Player([QUIT])
    player.play(wav)
    assert player.playing == wav
    until_silent(player)
    assert player.playing is None
    assert player.problem == ""
    assert player.position == 0.0


def test_the_path_is_the_last_argument(wav, tmp_path):
    said = tmp_path / "said"
    player = Player([[sys.executable, "-c", f"import sys; open({str(said)!r}, 'w').write(sys.argv[1])"]])
    player.play(wav)
    until_silent(player)
    assert said.read_text() == str(wav)


def test_stops_at_once_and_plays_one_at_a_time(wav):
    player = Player([SLEEP])
    player.play(wav)
    first = player._process
    assert player.poll()
    assert player.position >= 0
    player.play(wav)
    assert first.returncode is not None
    second = player._process
    player.stop()
    assert second.returncode is not None
    assert player.playing is None
    assert not player.poll()
    assert player.problem == ""


def test_where_one_fails_the_next_plays(wav):
    player = Player([FAIL, ["/nowhere/player"], QUIT])
    player.play(wav)
    until_silent(player)
    assert player.problem == ""
    player.play(wav)  # and it is the first from now on
    assert player._process.args[:-1] == QUIT
    until_silent(player)


def test_when_all_fail_the_last_one_is_quoted_and_asked_again_next_time(wav):
    player = Player([["/nowhere/player"], FAIL])
    for _ in range(2):
        player.play(wav)
        until_silent(player)
        assert player.problem.startswith("This machine cannot play it. ")
    assert "says: busy" in player.problem or "says: No such file" in player.problem


def test_a_file_that_is_gone_is_no_fault_of_the_player(tmp_path):
    player = Player([QUIT])
    player.play(tmp_path / "02.wav")
    assert player.playing is None
    assert player.problem == "02.wav is gone."
    assert player.name
