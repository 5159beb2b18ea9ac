"""Speed, pitch, energy: each changes what it should, in the right direction, by the right amount, and nothing else."""

import fastspeech2_cases as cases
import numpy as np
import pytest

NAMES = ("speed", "pitch", "energy")
ROW, PHONEME = 0, 1  # what the tests of single phonemes change; the reach of a predictor is 2 to each side


@pytest.fixture(scope="module", params=["phoneme", "frame, speakers"])
def model(request):
    return cases.shared(request.param)


def speak(model, **controls) -> dict[str, np.ndarray]:
    """Free running, with each control one value for each phoneme, as the voice gives them."""
    shape = (len(cases.PHONEMES), cases.P)
    each = {name: np.broadcast_to(np.float32(controls.get(name, 1.0)), shape).copy() for name in NAMES}
    return cases.run(model, cases.free(cases.pad(cases.utterances(model))), max_frames=cases.T, **each)


def single(value: float) -> np.ndarray:
    control = np.ones((len(cases.PHONEMES), cases.P), "float32")
    control[ROW, PHONEME] = value
    return control


def in_unit(outputs: dict, name: str) -> np.ndarray:
    mean, std, *_ = {"pitch": cases.PITCH, "energy": cases.ENERGY}[name]
    return outputs[name].astype("float64") * std + mean


def valid(model, outputs: dict, name: str) -> np.ndarray:
    return outputs["valid_phonemes" if model.levels[name] == "phoneme" else "valid_frames"]


def owners(model, outputs: dict, name: str) -> np.ndarray:
    """Number of the phoneme that each value of the contour belongs to, -1 in the padding."""
    at_phonemes = np.where(outputs["valid_phonemes"], np.arange(cases.P), -1)
    if model.levels[name] == "phoneme":
        return at_phonemes
    owner = np.full(outputs["valid_frames"].shape, -1)
    for row, durations in enumerate(outputs["durations"]):
        spread = np.repeat(np.arange(cases.P), durations)
        owner[row, : len(spread)] = spread
    return owner


def unchanged(one: dict, other: dict, *names: str) -> None:
    for name in names:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_a_control_of_one_changes_no_bit(model):
    plain = cases.run(model, cases.free(cases.pad(cases.utterances(model))), max_frames=cases.T)
    unchanged(plain, speak(model), *plain)


@pytest.mark.parametrize("speed", [0.5, 1.3, 2.0, "one phoneme"])
def test_speed_divides_durations(model, speed):
    plain = speak(model)
    control = single(2.0) if speed == "one phoneme" else np.full((len(cases.PHONEMES), cases.P), speed, "float32")
    other = speak(model, speed=control)
    wanted = np.round((np.exp(plain["log_durations"].astype("float64")) - 1) / control) * plain["valid_phonemes"]
    np.testing.assert_array_equal(other["durations"], np.maximum(wanted, 0))
    np.testing.assert_array_equal(other["frames"], other["durations"].sum(axis=1))
    unchanged(plain, other, "log_durations", *(n for n in ("pitch", "energy") if model.levels[n] == "phoneme"))
    if speed == "one phoneme":
        assert other["frames"][ROW] < plain["frames"][ROW]
        for name in ("mel_postnet", "durations"):
            np.testing.assert_array_equal(plain[name][1:], other[name][1:], err_msg=f"{name} of other utterances")
    else:
        assert ((other["frames"] > plain["frames"]) == (speed < 1)).all()


@pytest.mark.parametrize("name", ["pitch", "energy"])
@pytest.mark.parametrize("factor", [0.7, 1.5])
def test_pitch_and_energy_are_multiplied_in_their_unit(model, name, factor):
    plain, other = speak(model), speak(model, **{name: factor})
    where = valid(model, plain, name)
    np.testing.assert_allclose(in_unit(other, name)[where], factor * in_unit(plain, name)[where], rtol=1e-4, atol=1e-4)
    assert not other[name][~where].any()
    unchanged(plain, other, "log_durations", "durations", "frames", "valid_frames", "is_short")
    if name == "energy":
        unchanged(plain, other, "pitch")  # energy comes after pitch, which does not hear of it
    assert np.abs(plain["mel_postnet"] - other["mel_postnet"]).max() > 0.01


@pytest.mark.parametrize("name", ["pitch", "energy"])
def test_pitch_and_energy_of_one_phoneme(model, name):
    plain, other = speak(model), speak(model, **{name: single(1.5)})
    owner = owners(model, plain, name)
    here = np.zeros(owner.shape, bool)
    here[ROW] = owner[ROW] == PHONEME
    assert here.any()
    np.testing.assert_allclose(in_unit(other, name)[here], 1.5 * in_unit(plain, name)[here], rtol=1e-4)
    np.testing.assert_array_equal(other[name][~here], plain[name][~here])
    unchanged(plain, other, "log_durations", "durations")
    for key in ("mel", "mel_postnet", "pitch", "energy"):
        np.testing.assert_array_equal(other[key][1:], plain[key][1:], err_msg=f"{key} of other utterances")
    if name == "energy":
        unchanged(plain, other, "pitch")
    else:
        # Energy is predicted from what pitch was added to, through two convolutions of kernel 3: 2 steps to each side.
        near = np.convolve(here[ROW], np.ones(5), "same") > 0
        np.testing.assert_array_equal(other["energy"][ROW][~near], plain["energy"][ROW][~near])


def test_targets_are_embedded_whatever_the_control():
    model = cases.shared("frame, speakers")
    batch = cases.pad(cases.utterances(model))
    plain = cases.run(model, batch)
    other = cases.run(model, batch, speed=2.0, pitch=1.5, energy=1.5)
    unchanged(plain, other, "durations", "mel", "mel_postnet")


def test_too_few_frames_are_told():
    model = cases.shared()
    inputs = cases.free(cases.pad(cases.utterances(model)))
    needed = speak(model)["frames"]
    frames = int(np.sort(needed)[1])  # enough for two of three
    outputs = cases.run(model, inputs, max_frames=frames)
    np.testing.assert_array_equal(outputs["frames"], needed)
    np.testing.assert_array_equal(outputs["is_short"], needed > frames)
    assert outputs["is_short"].sum() == 1
    assert outputs["mel"].shape[1] == frames
    np.testing.assert_array_equal(outputs["valid_frames"].sum(axis=1), np.minimum(needed, frames))


def test_a_length_is_needed_where_there_is_no_mel():
    model = cases.shared()
    with pytest.raises(ValueError, match="max_frames"):
        model(cases.free(cases.pad(cases.utterances(model))))
