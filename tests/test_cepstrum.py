"""Mel-cepstrum, MFCCs and F0 against pysptk, torchaudio and pyworld (golden/make_metrics.py), and by what they mean."""

import json

import librosa
import numpy as np
import pytest
from golden.make_metrics import EVERY, NUMBERS, RATE, breath, sounds, vowel
from hypothesis import given, settings
from hypothesis import strategies as st

from fs2keras.evaluation import cepstrum

GOLDEN = json.loads(NUMBERS.read_text())


@pytest.fixture(scope="module")
def pair():
    return sounds()


def spectrum(coefficients, alpha, bins=513):
    """Log amplitude of a mel-cepstrum, by the all-pass filter itself."""
    z = np.exp(-1j * np.linspace(0, np.pi, bins))
    warped = (z - alpha) / (1 - alpha * z)
    return sum(c * (warped**k).real for k, c in enumerate(coefficients))


class TestMelCepstrum:
    @pytest.mark.parametrize("name", ["first", "second"])
    def test_is_sptks(self, pair, name):
        ours = cepstrum.mel_cepstrum(pair[name], RATE)
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours[::EVERY], GOLDEN["mel_cepstrum"][name], atol=2e-5)

    @pytest.mark.parametrize("rate", GOLDEN["mel_cepstrum_by_rate"])
    def test_has_espnets_settings_at_each_rate(self, rate):
        ours = cepstrum.mel_cepstrum(sounds(int(rate))["second"], int(rate))[:: 6 * EVERY]
        np.testing.assert_allclose(ours, GOLDEN["mel_cepstrum_by_rate"][rate], atol=2e-5)

    def test_another_rate_takes_the_settings_of_the_nearest(self):
        noise = breath(0.1, 0)
        np.testing.assert_array_equal(cepstrum.mel_cepstrum(noise, 22000), cepstrum.mel_cepstrum(noise, RATE))

    def test_is_the_unbiased_log_spectrum(self):
        """What the power spectrum has more than the model averages to 1 over frequency, against every cosine to 0."""
        noise = breath(0.05, 1)[:1024]
        window = np.hamming(1024)
        power = np.abs(np.fft.fft(32768 * noise * window)) ** 2 / np.sum(window**2)
        log_amplitude = spectrum(cepstrum.mel_cepstrum(noise, RATE)[0], 0.45)
        left = power[:513] / np.exp(2 * log_amplitude)
        left = np.concatenate([left, left[-2:0:-1]])
        assert left.mean() == pytest.approx(1, abs=2e-3)
        for k in range(1, 20):
            cosine = np.concatenate([c := spectrum(np.eye(20)[k], 0.45), c[-2:0:-1]])
            assert (left * cosine).mean() == pytest.approx((-0.45) ** k, abs=5e-3)

    @given(gain=st.floats(0.3, 1))
    @settings(max_examples=10, deadline=None)
    def test_level_is_in_the_lowest_coefficient_alone(self, gain):
        loud = vowel(0.2, (120, 140), (600, 1500), 0)
        apart = cepstrum.mel_cepstrum(gain * loud, RATE) - cepstrum.mel_cepstrum(loud, RATE)
        np.testing.assert_allclose(apart[:, 0], np.log(gain), atol=0.01)  # the rounding to 16 bits is not scaled
        np.testing.assert_allclose(apart[:, 1:], 0, atol=0.05)

    def test_digital_silence_is_flat(self):
        flat = cepstrum.mel_cepstrum(np.zeros(2048, "float32"), RATE)
        np.testing.assert_allclose(flat[:, 0], np.log(1e-6) / 2, rtol=1e-5)
        np.testing.assert_allclose(flat[:, 1:], 0, atol=1e-6)

    @pytest.mark.parametrize(("samples", "frames"), [(0, 0), (1023, 0), (1024, 1), (1279, 1), (1280, 2)])
    def test_frames_lie_within_the_sound(self, samples, frames):
        sound = breath(0.1, 3)[:samples]
        assert cepstrum.mel_cepstrum(sound, RATE).shape == (frames, 35)
        assert cepstrum.f0(sound, RATE).shape == (frames,)

    def test_loud_samples_are_clipped_as_in_a_file(self):
        noise = breath(0.1, 3)
        noise[500] = 3
        clipped = np.clip(noise, -1, 32767 / 32768)
        np.testing.assert_array_equal(cepstrum.mel_cepstrum(noise, RATE), cepstrum.mel_cepstrum(clipped, RATE))


class TestF0:
    @pytest.mark.parametrize("name", ["first", "second"])
    def test_is_harvests_at_the_middles_of_the_frames(self, pair, name):
        np.testing.assert_allclose(cepstrum.f0(pair[name], RATE), GOLDEN["f0"][name], atol=0.01)

    def test_follows_a_glide_at_the_time_of_each_frame(self):
        glide = np.linspace(110, 220, RATE)
        found = cepstrum.f0(vowel(1, (110, 220), (700, 1300), 0), RATE)
        middles = glide[256 * np.arange(found.size) + 512]
        np.testing.assert_allclose(found[4:-4], middles[4:-4], rtol=0.005)

    def test_silence_is_unvoiced(self):
        assert not cepstrum.f0(np.zeros(RATE, "float32"), RATE).any()


class TestMfcc:
    @pytest.mark.parametrize("name", ["first", "second"])
    def test_is_torchaudios(self, pair, name):
        np.testing.assert_allclose(cepstrum.mfcc(pair[name], RATE)[::EVERY], GOLDEN["mfcc"][name], atol=2e-3)

    def test_is_librosas(self, pair):
        power = np.abs(librosa.stft(pair["first"], n_fft=1102, hop_length=275, pad_mode="reflect")) ** 2
        bands = librosa.filters.mel(sr=RATE, n_fft=1102, n_mels=80, fmin=20, htk=True, norm=None)
        theirs = librosa.feature.mfcc(S=np.log(bands @ power + 1e-6), n_mfcc=13)
        np.testing.assert_allclose(cepstrum.mfcc(pair["first"], RATE), theirs.T, atol=2e-3)

    @pytest.mark.parametrize(("samples", "frames"), [(0, 0), (1101, 0), (1102, 5), (2200, 9)])
    def test_a_sound_shorter_than_a_window_has_none(self, samples, frames):
        assert cepstrum.mfcc(breath(0.1, 3)[:samples], RATE).shape == (frames, 13)
