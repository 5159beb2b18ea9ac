"""From text to sound, with a model that was never trained but whose phonemes last five frames."""

import keras
import numpy as np
import pytest

from fs2keras.errors import CallError, UserError
from fs2keras.fastspeech2.model import FastSpeech2
from fs2keras.text.espeak import EspeakFrontend
from fs2keras.text.symbols import SymbolTable
from fs2keras.voice import Voice

TEXT = "A small voice says so."
AUDIO = {"sample_rate": 22050, "fft": 1024, "window": 1024, "hop": 256, "mels": 20, "fmin": 0.0, "fmax": 8000.0}
LASTS = 5  # frames
SIZES = {"encoder_blocks": 1, "decoder_blocks": 1, "width": 8, "conv_filters": 16, "predictor_filters": 8, "bins": 16}


@pytest.fixture(scope="module")
def voice() -> Voice:
    heard = "A small voice says so. It is here, too? Mind the gap!"
    symbols = SymbolTable.of(symbol for word in EspeakFrontend().words(heard) for symbol in word.symbols).to_list()
    assets = {
        "symbols": symbols,
        "frontend": "espeak",
        "language": "en-us",
        "lexicon": {},
        "audio": AUDIO | {"peak": 1.0},
        "speakers": [""],
    }
    keras.utils.set_random_seed(1)
    statistics = {"pitch_statistics": (200.0, 40.0, -2.0, 3.0), "energy_statistics": (40.0, 20.0, -2.0, 3.0)}
    sizes = SIZES | {"postnet_blocks": 2, "postnet_filters": 8, "mels": AUDIO["mels"]}
    model = FastSpeech2(len(symbols), assets=assets, **statistics, **sizes)
    kernel, bias = model.duration.output_layer.weights
    kernel.assign(np.zeros(kernel.shape))
    bias.assign([np.log(LASTS + 1.0)])
    model.to_mel.bias.assign(model.to_mel.bias - 5.0)  # not louder than a voice
    return Voice(model)


def lasting(voice: Voice, **controls) -> np.ndarray:
    return voice.speak(TEXT, **controls).durations


def test_a_sentence_becomes_sound(voice):
    speech = voice.speak(TEXT)
    assert speech.symbols == tuple(voice.symbols(TEXT)[0])
    assert (speech.durations == LASTS).all()
    assert speech.mel.shape == (LASTS * len(speech.symbols), AUDIO["mels"])
    assert speech.samples.dtype == np.float32
    assert abs(len(speech.samples) - len(speech.mel) * AUDIO["hop"]) <= AUDIO["hop"]
    assert np.isfinite(speech.samples).all()
    assert np.abs(speech.samples).max() <= 1
    assert speech.seconds == len(speech.samples) / 22050


def test_samples_never_exceed_one(voice):
    quiet = voice.model.to_mel.bias.numpy()
    voice.model.to_mel.bias.assign(quiet + 10.0)
    loud = voice.speak(TEXT).samples
    voice.model.to_mel.bias.assign(quiet)
    assert np.abs(loud).max() == 1.0


def test_the_same_text_gives_the_same_sound(voice):
    one, other = voice.speak(TEXT), voice.speak(TEXT)
    np.testing.assert_array_equal(one.samples, other.samples)


def test_speed_divides_the_durations(voice):
    assert (lasting(voice, speed=2.0) == 2).all()  # 2.5, half to even
    assert (lasting(voice, speed=0.5) == 10).all()
    assert len(voice.speak(TEXT, speed=0.5).samples) > 1.9 * len(voice.speak(TEXT).samples)


@pytest.mark.parametrize("control", ["pitch", "energy"])
def test_pitch_and_energy_change_the_sound_and_not_its_length(voice, control):
    plain = voice.speak(TEXT)
    for value in (0.5, 1.5):
        changed = voice.speak(TEXT, **{control: value})
        np.testing.assert_array_equal(changed.durations, plain.durations)
        assert np.abs(changed.mel - plain.mel).max() > 1e-3


@pytest.mark.parametrize("control", ["pitch", "energy"])
@pytest.mark.parametrize(("factor", "direction"), [(0.8, -1), (1.25, 1)])
def test_pitch_and_energy_multiply_the_value_in_its_unit(voice, control, factor, direction):
    mean, std = {"pitch": (200.0, 40.0), "energy": (40.0, 20.0)}[control]
    ids = voice.symbol_table.encode(voice.symbols(TEXT)[0])
    inputs = {"symbols": np.array([ids], "int32")}
    # Energy is predicted from what pitch was added to: each control is looked at alone.
    plain, changed = (
        np.asarray(voice.model.predict_phonemes(inputs, **{control: value})[control])[0] * std + mean
        for value in (1.0, factor)
    )
    np.testing.assert_allclose(changed, plain * factor, rtol=1e-4)
    assert np.sign((changed - plain).mean()) == direction


def test_controls_for_each_phoneme(voice):
    plain, count = voice.speak(TEXT), len(voice.symbols(TEXT)[0])
    speed = np.ones(count)
    speed[3] = 0.5
    durations = lasting(voice, speed=speed)
    assert durations[3] == 2 * LASTS
    assert (np.delete(durations, 3) == LASTS).all()
    ones = {name: np.ones(count) for name in ("speed", "pitch", "energy")}
    np.testing.assert_array_equal(voice.speak(TEXT, **ones).samples, plain.samples)


@pytest.mark.parametrize("control", ["speed", "pitch", "energy"])
@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), [1.0, 2.0], [[1.0]], []])
def test_bad_controls_are_refused_by_name(voice, control, value):
    with pytest.raises(CallError, match=control):
        voice.speak(TEXT, **{control: value})


def test_one_bad_value_among_many_is_refused(voice):
    values = np.ones(len(voice.symbols(TEXT)[0]))
    values[2] = -1
    with pytest.raises(CallError, match="positive"):
        voice.speak(TEXT, pitch=values)


@pytest.mark.parametrize("text", ["", "   \n", "🙂🙂", "... !", "—"])
def test_text_with_nothing_to_speak(voice, text):
    with pytest.raises(UserError, match="nothing to speak"):
        voice.speak(text)


def test_marks_alone_between_sentences_do_no_harm(voice):
    assert voice.symbols("It is here. ... Mind the gap!")


def test_an_unknown_symbol_names_itself_and_its_word(voice):
    with pytest.raises(UserError, match="of the word 'juggler'") as error:
        voice.speak("A juggler says so.")
    assert "dʒ" in str(error.value)


def test_a_long_text_is_spoken_sentence_by_sentence(voice):
    first, second = voice.speak("It is here, too?"), voice.speak("Mind the gap!")
    both = voice.speak("It is here, too? Mind the gap!")
    pause = np.zeros(round(0.2 * 22050), "float32")
    np.testing.assert_array_equal(both.samples, np.concatenate([first.samples, pause, second.samples]))
    assert both.symbols == first.symbols + second.symbols
    assert len(voice.symbols("It is here, too? Mind the gap!")) == 2


def test_controls_of_a_long_text_are_cut_with_it(voice):
    text = "It is here, too? Mind the gap!"
    speed = np.ones(sum(map(len, voice.symbols(text))))
    speed[-1] = 0.5
    assert voice.speak(text, speed=speed).durations[-1] == 2 * LASTS


def test_nothing_is_ever_cut(voice):
    slow = voice.speak(TEXT, speed=0.02)  # 250 frames for each phoneme, many times the first guess
    assert slow.durations.sum() == len(slow.mel)
    assert (slow.durations == 250).all()


def test_an_absurd_length_is_an_error_that_says_so(voice):
    with pytest.raises(UserError, match="speed is too low"):
        voice.speak(TEXT, speed=1e-3)
    with pytest.raises(UserError, match="has not learned durations"):
        voice.speak(TEXT, speed=100.0)


def test_saved_and_loaded_it_says_the_same(voice, tmp_path):
    path = tmp_path / "voice.keras"
    voice.model.save(path)
    np.testing.assert_array_equal(Voice.load(path).speak(TEXT).samples, voice.speak(TEXT).samples)


@pytest.mark.parametrize("damage", ["missing", "truncated", "empty", "flipped", "no zip", "folder"])
def test_a_damaged_checkpoint_is_one_sentence(voice, tmp_path, damage):
    path = tmp_path / "voice.keras"
    voice.model.save(path)
    data = bytearray(path.read_bytes())
    path.unlink()
    if damage == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "empty":
        path.touch()
    elif damage == "flipped":
        data[len(data) // 3] ^= 255
        path.write_bytes(data)
    elif damage == "no zip":
        path.write_text("not a zip")
    elif damage == "folder":
        path.mkdir()
    with pytest.raises(UserError, match=r"voice\.keras"):
        Voice.load(path)


def test_a_model_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "other.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path)
    with pytest.raises(UserError, match=r"other\.keras|no voice assets"):
        Voice.load(path)


def test_a_model_without_assets_is_refused(voice):
    model = FastSpeech2.from_config(voice.model.get_config())
    with pytest.raises(UserError, match="voice assets"):
        Voice(model)


def test_saving_writes_a_wav_and_a_picture(voice, tmp_path):
    import soundfile

    speech = voice.speak(TEXT)
    speech.save(tmp_path / "new/say.wav")
    speech.save_picture(tmp_path / "say.png", "a title")
    info = soundfile.info(tmp_path / "new/say.wav")
    assert (info.samplerate, info.channels, info.subtype) == (22050, 1, "PCM_16")
    assert info.frames == len(speech.samples)
    assert (tmp_path / "say.png").read_bytes().startswith(b"\x89PNG")
