"""What is measured: each metric by the one name that stands in every table, CSV and report."""

from dataclasses import dataclass

TEACHER_FORCED, FREE_RUNNING = "teacher-forced", "free-running"
VERSION = 1  # raise it when the meaning of a metric changes: what was measured before is then measured anew


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: fixes the definition (fs2keras.evaluation.metrics).
        label: for people.
        unit: "" for none.
        mode: "teacher-forced": the model is given the durations, pitch and energy of the recording; "free-running": it
            is given the text alone.
        better: "lower", "higher", or "" where the recording's value is the one to be near to.
        digits: after the point, in tables.
        is_optional: measured only where it is asked for.
        is_root: a root of a mean over the elements of the split, not a mean of roots.
    """

    name: str
    label: str
    unit: str
    mode: str
    better: str = "lower"
    digits: int = 3
    is_root: bool = False
    is_optional: bool = False


METRICS = (
    Metric("loss", "sum of the five losses", "", TEACHER_FORCED),
    Metric("mel", "mel, L1 of log magnitudes", "", TEACHER_FORCED),
    Metric("mel_postnet", "mel after postnet, L1 of log magnitudes", "", TEACHER_FORCED),
    Metric("pitch", "pitch, squared error, normalised", "", TEACHER_FORCED),
    Metric("energy", "energy, squared error, normalised", "", TEACHER_FORCED),
    Metric("log_duration_mse", "duration, squared error of log(frames + 1)", "", TEACHER_FORCED),
    Metric("duration_mae", "duration, absolute error", "frames", TEACHER_FORCED, digits=2),
    Metric("duration_mae_ms", "duration, absolute error", "ms", TEACHER_FORCED, digits=1),
    Metric("pitch_rmse", "pitch of phonemes, root mean squared error", "Hz", TEACHER_FORCED, digits=1, is_root=True),
    Metric("pitch_mae", "pitch of phonemes, absolute error, normalised", "", TEACHER_FORCED),
    Metric("energy_mae", "energy of phonemes, absolute error, normalised", "", TEACHER_FORCED),
    Metric("mcd_espnet", "mel-cepstral distortion as ESPnet's", "dB", FREE_RUNNING, digits=2),
    Metric("mcd_fairseq", "MFCC distortion as fairseq's", "", FREE_RUNNING, digits=2),
    Metric("log_f0_rmse", "log F0, root mean squared error", "", FREE_RUNNING),
    Metric("f0_rmse", "F0, root mean squared error", "Hz", FREE_RUNNING, digits=1),
    Metric("vuv_error", "frames voiced in one and not in the other", "", FREE_RUNNING),
    Metric("speaking_rate", "phonemes a second, without pauses", "1/s", FREE_RUNNING, better="", digits=2),
    Metric("pause_share", "share of the time in pauses", "", FREE_RUNNING, better=""),
    Metric("cer", "character error rate of a recogniser", "", FREE_RUNNING, is_optional=True),
    Metric("wer", "word error rate of a recogniser", "", FREE_RUNNING, is_optional=True),
    Metric(
        "dnsmos",
        "quality from 1 to 5, guessed by DNSMOS",
        "",
        FREE_RUNNING,
        better="higher",
        digits=2,
        is_optional=True,
    ),
)
BY_NAME = {metric.name: metric for metric in METRICS}
