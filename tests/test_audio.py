"""Wav files, features and Griffin-Lim, against SciPy, librosa, pyworld and soundfile called directly."""

import warnings
from inspect import signature

import librosa
import numpy as np
import pytest
import pyworld
import scipy.signal
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.random import RandomState
from PIL import Image

from fs2keras.audio import wav
from fs2keras.audio.energy import energy
from fs2keras.audio.griffin_lim import griffin_lim, mel_to_magnitude
from fs2keras.audio.mel import frame_count, log_mel, mel_basis, stft_magnitude
from fs2keras.audio.phases import sound_of
from fs2keras.audio.picture import save_spectrogram
from fs2keras.audio.pitch import f0, interpolate_unvoiced
from fs2keras.audio.wav import AudioError
from fs2keras.errors import UserError

RATE, FFT, HOP = 22050, 1024, 256
MEL = {"sample_rate": RATE, "fft": FFT, "mels": 80, "fmin": 0.0, "fmax": 8000.0}
SPEECH = {"sample_rate": RATE, "fft": FFT, "hop": HOP, "window": FFT, "fmin": 0.0, "fmax": 8000.0}


def tone(seconds=1.0, hertz=150.0, seed=0):
    """A vowel-like sound: twenty harmonics of `hertz` and a little noise, peak below .5."""
    time = np.arange(int(seconds * RATE)) / RATE
    harmonics = sum(np.sin(2 * np.pi * hertz * k * time + k) / k for k in range(1, 21))
    noise = np.random.default_rng(seed).standard_normal(time.size)
    return (0.1 * harmonics + 0.001 * noise).astype(np.float32)


def scipy_magnitude(samples, fft=FFT, hop=HOP, window=FFT):
    padded = np.pad(samples.astype(np.float64), fft // 2, mode="reflect")
    shape = np.zeros(fft)
    start = (fft - window) // 2
    shape[start : start + window] = scipy.signal.get_window("hann", window, fftbins=True)
    frames = [padded[at : at + fft] * shape for at in range(0, padded.size - fft + 1, hop)]
    return np.abs(np.fft.rfft(frames, axis=1))


def slaney_mel(hertz):
    hertz = np.asarray(hertz, float)
    return np.where(hertz < 1000, hertz * 3 / 200, 15 + 27 * np.log(np.maximum(hertz, 1000) / 1000) / np.log(6.4))


def slaney_filters(rate, fft, mels, fmin, fmax):
    """Triangles of unit area between points equally spaced in Slaney's mel, each written out."""
    marks = np.linspace(slaney_mel(fmin), slaney_mel(fmax), mels + 2)
    marks = np.where(marks < 15, marks * 200 / 3, 1000 * np.exp((marks - 15) * np.log(6.4) / 27))
    bins = np.arange(fft // 2 + 1) * rate / fft
    rows = [np.interp(bins, marks[m : m + 3], [0, 2 / (marks[m + 2] - marks[m]), 0]) for m in range(mels)]
    return np.array(rows)


class TestRead:
    def test_gives_the_samples(self, tmp_path):
        soundfile.write(tmp_path / "a.wav", np.array([0, 16384, -32768], np.int16), RATE)
        samples = wav.read(tmp_path / "a.wav", RATE)
        assert samples.dtype == np.float32
        np.testing.assert_array_equal(samples, [0, 0.5, -1])

    def test_names_a_missing_file(self, tmp_path):
        with pytest.raises(AudioError, match=r"gone\.wav: no such file"):
            wav.read(tmp_path / "gone.wav", RATE)

    @pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all" * 20, bytes(range(256)) * 4])
    def test_refuses_what_is_no_sound(self, tmp_path, content):
        (tmp_path / "a.wav").write_bytes(content)
        with pytest.raises(AudioError, match=r"a\.wav: (not a readable|empty)"):
            wav.read(tmp_path / "a.wav", RATE)

    @pytest.mark.parametrize(
        ("samples", "rate", "message"),
        [
            (np.zeros((0,)), RATE, "empty"),
            (np.zeros(1000), RATE, "silent"),
            (np.full(1000, 0.25), RATE, "silent"),
            (np.full((1000, 2), 0.5), RATE, "2 channels, expected mono"),
            (np.sin(np.arange(1000)), 16000, "16000 Hz, but the recipe says audio.sample_rate = 22050"),
            (np.where(np.arange(1000) == 5, np.nan, np.sin(np.arange(1000))), RATE, "1 samples are NaN"),
            (np.where(np.arange(1000) < 2, np.inf, 0.5), RATE, "2 samples are NaN or infinite"),
        ],
    )
    def test_refuses_bad_clips(self, tmp_path, samples, rate, message):
        soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
        with pytest.raises(AudioError, match=message):
            wav.read(tmp_path / "a.wav", RATE)

    def test_is_a_user_error(self):
        assert issubclass(AudioError, UserError)


class TestScalePeak:
    def test_scales_to_the_peak(self):
        scaled = wav.scale_peak(np.array([0.1, -0.2], np.float32), 1.0)
        assert scaled.dtype == np.float32
        np.testing.assert_allclose(scaled, [0.5, -1.0])

    def test_of_zero_leaves_the_level_alone(self):
        samples = np.array([0.1, -0.2], np.float32)
        assert wav.scale_peak(samples, 0.0) is samples

    def test_refuses_zeros(self):
        with pytest.raises(AudioError, match="zero"):
            wav.scale_peak(np.zeros(3, np.float32), 1.0)


class TestWrite:
    @given(arrays(np.float32, st.integers(1, 200), elements=st.floats(-1, 1, width=32)))
    @settings(max_examples=30, deadline=None)
    def test_round_trip(self, tmp_path_factory, samples):
        path = tmp_path_factory.mktemp("wav") / "a.wav"
        wav.write(path, samples, RATE)
        back, rate = soundfile.read(path, dtype="int16")
        assert rate == RATE
        np.testing.assert_array_equal(back, np.round(samples.astype(np.float64) * 32767))

    def test_scales_down_what_would_clip(self, tmp_path):
        wav.write(tmp_path / "a.wav", np.array([2.0, -1.0, 0.5]), RATE)
        back, _ = soundfile.read(tmp_path / "a.wav", dtype="int16")
        np.testing.assert_array_equal(back, [32767, -16384, 8192])

    @pytest.mark.parametrize("bad", [[], [[0.0, 0.1]], [0.0, np.nan]])
    def test_refuses_bad_samples_and_leaves_the_old_file(self, tmp_path, bad):
        wav.write(tmp_path / "a.wav", np.array([0.5]), RATE)
        before = (tmp_path / "a.wav").read_bytes()
        with pytest.raises(AudioError, match=r"a\.wav"):
            wav.write(tmp_path / "a.wav", np.array(bad), RATE)
        assert (tmp_path / "a.wav").read_bytes() == before
        assert [file.name for file in tmp_path.iterdir()] == ["a.wav"]

    def test_refuses_another_format(self, tmp_path):
        with pytest.raises(AudioError, match=r"name it a\.wav"):
            wav.write(tmp_path / "a.mp3", np.array([0.5]), RATE)


class TestSpectra:
    @pytest.mark.parametrize(
        ("fft", "hop", "window", "samples"), [(1024, 256, 1024, 5000), (1024, 256, 800, 5120), (512, 200, 512, 512)]
    )
    def test_stft_against_numpy_frames(self, fft, hop, window, samples):
        clip = tone()[:samples]
        magnitude = stft_magnitude(clip, fft, hop, window)
        assert magnitude.shape == (frame_count(samples, hop), fft // 2 + 1)
        np.testing.assert_allclose(magnitude, scipy_magnitude(clip, fft, hop, window), atol=1e-3, rtol=1e-4)

    def test_stft_refuses_a_clip_shorter_than_an_fft(self):
        with pytest.raises(AudioError, match="1023 samples, fewer than one FFT of 1024"):
            stft_magnitude(tone()[:1023], FFT, HOP, FFT)

    def test_mel_filters_against_the_definition(self):
        np.testing.assert_allclose(mel_basis(**MEL), slaney_filters(RATE, FFT, 80, 0.0, 8000.0), atol=1e-7)

    def test_mel_filters_cannot_be_changed(self):
        with pytest.raises(ValueError, match="read-only"):
            mel_basis(**MEL)[0, 0] = 1

    def test_log_mel_against_the_definition(self):
        magnitude = scipy_magnitude(tone())
        expected = np.log(np.maximum(magnitude @ slaney_filters(RATE, FFT, 80, 0.0, 8000.0).T, 1e-5))
        mel = log_mel(stft_magnitude(tone(), FFT, HOP, FFT), **MEL)
        assert (mel.dtype, mel.shape) == (np.float32, (1 + RATE // HOP, 80))
        np.testing.assert_allclose(mel, expected, atol=1e-3)

    def test_log_mel_has_a_floor(self):
        np.testing.assert_allclose(log_mel(np.zeros((2, 513)), **MEL), np.log(1e-5), rtol=1e-6)

    def test_energy_against_the_definition(self):
        expected = np.sqrt((scipy_magnitude(tone()) ** 2).sum(1))
        np.testing.assert_allclose(energy(stft_magnitude(tone(), FFT, HOP, FFT)), expected, rtol=1e-4)

    @given(samples=st.integers(1024, 6000))
    @settings(max_examples=25, deadline=None)
    def test_every_feature_has_as_many_frames(self, samples):
        clip = tone(0.3)[:samples]
        magnitude = stft_magnitude(clip, FFT, HOP, FFT)
        frames = 1 + clip.size // HOP
        assert magnitude.shape[0] == log_mel(magnitude, **MEL).shape[0] == energy(magnitude).shape[0] == frames
        assert f0(clip, RATE, HOP).shape == (frames,)


class TestPitch:
    def test_against_pyworld(self):
        clip = tone(1.0, 180).astype(np.float64)
        rough, times = pyworld.dio(clip, RATE, frame_period=HOP / RATE * 1000)
        expected = pyworld.stonemask(clip, rough, times, RATE)
        np.testing.assert_array_equal(f0(tone(1.0, 180), RATE, HOP), expected.astype(np.float32))

    @pytest.mark.parametrize("hertz", [90, 150, 320])
    def test_hears_the_tone(self, hertz):
        heard = f0(tone(1.0, hertz), RATE, HOP)
        assert np.median(heard) == pytest.approx(hertz, rel=0.005)

    def test_noise_is_mostly_unvoiced(self):
        noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
        assert np.mean(f0(noise, RATE, HOP) > 0) < 0.1

    def test_interpolates_between_voiced_frames(self):
        filled = interpolate_unvoiced(np.array([0, 100, 0, 0, 160, 0], np.float32))
        np.testing.assert_allclose(filled, [100, 100, 120, 140, 160, 160])

    def test_leaves_its_argument_alone(self):
        track = np.array([0, 100, 0], np.float32)
        interpolate_unvoiced(track)
        np.testing.assert_array_equal(track, [0, 100, 0])

    def test_refuses_an_unvoiced_clip(self):
        with pytest.raises(AudioError, match="no voiced frame among 4"):
            interpolate_unvoiced(np.zeros(4, np.float32))

    @given(arrays(np.float32, st.integers(1, 50), elements=st.sampled_from([0.0, 80.0, 120.0, 300.0])))
    def test_keeps_voiced_frames_and_the_range(self, track):
        if not track.any():
            return
        filled = interpolate_unvoiced(track)
        voiced = track > 0
        np.testing.assert_array_equal(filled[voiced], track[voiced])
        assert filled.min() >= track[voiced].min()
        assert filled.max() <= track[voiced].max()


class TestGriffinLim:
    def test_sounds_like_its_spectrogram(self):
        mel = log_mel(stft_magnitude(tone(), FFT, HOP, FFT), **MEL)
        samples = griffin_lim(mel, **SPEECH)
        assert (samples.dtype, samples.shape) == (np.float32, ((mel.shape[0] - 1) * HOP,))
        again = log_mel(stft_magnitude(samples, FFT, HOP, FFT), **MEL)
        assert np.abs(again - mel)[4:-4].mean() < 0.25
        assert np.median(f0(samples, RATE, HOP)) == pytest.approx(150, rel=0.02)

    @pytest.mark.parametrize(("fft", "hop", "window"), [(1024, 256, 1024), (1024, 200, 800), (512, 150, 400)])
    def test_is_librosas(self, fft, hop, window):
        magnitude = stft_magnitude(tone(0.5), fft, hop, window)
        begin = {"rng" if "rng" in signature(librosa.griffinlim).parameters else "random_state": RandomState(7)}
        expected = librosa.griffinlim(
            magnitude.T, n_iter=8, hop_length=hop, win_length=window, n_fft=fft, momentum=0.99, **begin
        )
        shape = librosa.util.pad_center(scipy.signal.get_window("hann", window), size=fft).astype(np.float32)
        samples = sound_of(magnitude, shape, hop, 8, 0.99, RandomState(7))
        assert (samples.dtype, samples.shape) == (np.float32, expected.shape)
        np.testing.assert_allclose(samples, expected, atol=2e-5 * np.abs(expected).max())

    def test_is_deterministic(self):
        mel = log_mel(stft_magnitude(tone(0.3), FFT, HOP, FFT), **MEL)
        first = griffin_lim(mel, **SPEECH, iterations=5, seed=3)
        np.testing.assert_array_equal(first, griffin_lim(mel, **SPEECH, iterations=5, seed=3))
        assert not np.array_equal(first, griffin_lim(mel, **SPEECH, iterations=5, seed=4))

    @pytest.mark.parametrize("frames", [2, 3, 5])
    def test_speaks_few_frames(self, frames):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert griffin_lim(np.full((frames, 80), -2.0, np.float32), **SPEECH).shape == ((frames - 1) * HOP,)

    def test_silence_stays_silent(self):
        silence = griffin_lim(np.full((20, 80), np.log(1e-5), np.float32), **SPEECH)
        assert np.abs(silence).max() < 1e-4

    def test_refuses_one_frame_and_nan(self):
        with pytest.raises(AudioError, match="at least 2"):
            griffin_lim(np.zeros((1, 80), np.float32), **SPEECH)
        with pytest.raises(AudioError, match="NaN"):
            griffin_lim(np.full((5, 80), np.nan, np.float32), **SPEECH)

    @given(arrays(np.float32, (3, 80), elements=st.floats(-11, 3, width=32)))
    @settings(max_examples=30, deadline=None)
    def test_magnitude_is_finite_and_not_negative(self, mel):
        magnitude = mel_to_magnitude(mel, mel_basis(**MEL))
        assert magnitude.shape == (3, 513)
        assert np.isfinite(magnitude).all()
        assert magnitude.min() >= 0

    def test_magnitude_has_the_mel_spectrum_it_was_made_from(self):
        mel = log_mel(stft_magnitude(tone(), FFT, HOP, FFT), **MEL)
        again = log_mel(mel_to_magnitude(mel, mel_basis(**MEL)), **MEL)
        assert np.abs(again - mel).mean() < 0.01

    def test_magnitude_survives_bands_without_bins(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # librosa warns of the empty bands made on purpose
            basis = mel_basis(RATE, 256, 80, 0.0, 8000.0)
        assert (basis.sum(1) == 0).any()
        assert np.isfinite(mel_to_magnitude(np.zeros((2, 80), np.float32), basis)).all()


class TestPicture:
    def test_writes_a_png(self, tmp_path):
        mel = log_mel(stft_magnitude(tone(), FFT, HOP, FFT), **MEL)
        title = "It costs $5 or $6_{x}: a long sentence, " * 4
        one, two = tmp_path / "one.png", tmp_path / "two.png"
        save_spectrogram(one, mel, hop=HOP, sample_rate=RATE, title=title)
        save_spectrogram(two, mel, hop=HOP, sample_rate=RATE, title=title, reference=mel[:50])
        assert one.read_bytes()[:8] == two.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        assert sorted(file.name for file in tmp_path.iterdir()) == ["one.png", "two.png"]

    @pytest.mark.parametrize(("title", "frames"), [("short", 0), ("a title that is wrapped, " * 9, 40), ("short", 150)])
    def test_says_where_the_spectrogram_stands(self, tmp_path, title, frames):
        mel = np.tile(np.linspace(-8, 0, 80, dtype=np.float32), (100, 1))  # nothing but the colour map, from below
        reference = np.tile(mel[:1], (frames, 1)) if frames else None
        save_spectrogram(tmp_path / "one.png", mel, hop=HOP, sample_rate=RATE, title=title, reference=reference)
        with Image.open(tmp_path / "one.png") as picture:
            assert set(picture.text) == {"Software", "spectrogram", "seconds"}  # no date: the same file each time
            assert float(picture.text["seconds"]) == pytest.approx(100 * HOP / RATE, rel=1e-4)
            box = tuple(int(edge) for edge in picture.text["spectrogram"].split())
            inside = np.asarray(picture.convert("RGB").crop(box)).astype(int)
        assert inside.shape[1] > 0.75 * picture.width * 100 / max(100, frames)
        rows = inside[:, 0]
        assert (inside == rows[:, None]).all()  # no frame and no margin at the sides
        assert (np.abs(np.diff(rows, axis=0)).sum(axis=1) < 40).all()  # nor above and below
        assert rows[0].sum() > rows[-1].sum()  # yellow above, violet below


class TestRealSpeech:
    def test_features_are_those_of_speech(self, ljspeech):
        samples = wav.scale_peak(wav.read(ljspeech / "wavs" / "LJ001-0001.wav", RATE), 1.0)
        magnitude = stft_magnitude(samples, FFT, HOP, FFT)
        assert magnitude.shape[0] == 832  # as lengths.tsv says
        np.testing.assert_allclose(magnitude, scipy_magnitude(samples), atol=2e-3, rtol=1e-3)
        pitch = f0(samples, RATE, HOP)
        assert 0.4 < np.mean(pitch > 0) < 0.9
        assert 170 < pitch[pitch > 0].mean() < 250  # corpus: 207.6
        assert 20 < energy(magnitude).mean() < 60  # corpus: 37.3

    def test_griffin_lim_is_closer_than_least_squares_was(self, ljspeech):
        samples = wav.scale_peak(wav.read(ljspeech / "wavs" / "LJ001-0002.wav", RATE), 1.0)
        mel = log_mel(stft_magnitude(samples, FFT, HOP, FFT), **MEL)
        again = log_mel(stft_magnitude(griffin_lim(mel, **SPEECH), FFT, HOP, FFT), **MEL)
        distance = 20 / np.log(10) * np.sqrt(((again - mel) ** 2).mean(axis=1)).mean()
        assert distance < 1.5  # dB
