"""Our Harvest against WORLD's own."""

import numpy as np
import pytest
import pyworld
import soundfile
from golden.make_metrics import RATE, breath, sounds, vowel

from fs2keras.evaluation.harvest.f0 import harvest


def assert_is_worlds(samples, rate):
    theirs, _ = pyworld.harvest(samples, rate, f0_floor=40, f0_ceil=800, frame_period=1.0)
    ours = harvest(samples, rate, 40, 800)
    np.testing.assert_array_equal(ours > 0, theirs > 0)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("name", ["first", "second"])
def test_sounds(name):
    assert_is_worlds(sounds()[name], RATE)


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 44100])
def test_rates(rate):
    assert_is_worlds(vowel(0.4, (90, 260), (500, 1700), 0, rate), rate)


def test_noise():
    assert_is_worlds(breath(0.5, 0), RATE)


def test_silence():
    assert not harvest(np.zeros(RATE), RATE, 40, 800).any()


@pytest.mark.parametrize("samples", [1024, 1500, 3000])
def test_short_sounds(samples):
    assert_is_worlds(vowel(0.2, (150, 160), (500, 1700), 0)[:samples], RATE)


def test_speech(ljspeech):
    samples, _ = soundfile.read(ljspeech / "wavs" / "LJ001-0004.wav")
    assert_is_worlds(samples, RATE)
