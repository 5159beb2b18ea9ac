"""The 200k run: how another training of this model went, as a guide to what a mel loss means."""

from bisect import bisect_right

# The mel loss after the postnet (L1, log magnitude) of the FastSpeech 2 training that this project continues: 200,000
# steps on LJSpeech, effective batch 32. As it was reported, to two digits, without the definition of its loss.
REFERENCE = (
    (0, 6.0),
    (25_000, 1.6),
    (50_000, 1.2),
    (75_000, 0.95),
    (100_000, 0.80),
    (125_000, 0.72),
    (150_000, 0.68),
    (175_000, 0.65),
    (200_000, 0.63),
)
COLUMNS = ("mel", "mel_postnet")  # where it may be compared
LABEL = "200k reference"
ALIKE = 0.05  # a smaller difference than this share says nothing
LAST_STEP = REFERENCE[-1][0]


def reference(step: float) -> float | None:
    """What its mel loss was near at this step; None after its end. Between the known steps, the same share of the loss
    is taken to be lost with each step: a straight line on a log axis."""
    if not 0 <= step <= LAST_STEP:
        return None
    (start, before), (end, then) = _known_around(step)
    return before * (then / before) ** ((step - start) / (end - start))


def compared(step: float, value: float) -> str:
    """Where a mel loss stands beside the reference, in a sentence that names the known values it rests on."""
    there = reference(step)
    if there is None:
        return f"the {LABEL} ended at step {LAST_STEP:,} with {REFERENCE[-1][1]:.2f}, this run has {value:.2f}"
    known = ", ".join(f"{loss:.2f} at {at:,}" for at, loss in _known_around(step))
    near = f"at step {step:,.0f} the {LABEL} was near {there:.2f} ({known})"
    return f"{near}, this run has {value:.2f}: {_verdict(value / there)}"


def _known_around(step: float) -> tuple[tuple[int, float], tuple[int, float]]:
    after = min(bisect_right(REFERENCE, (step, float("inf"))), len(REFERENCE) - 1)
    return REFERENCE[after - 1], REFERENCE[after]


def _verdict(ratio: float) -> str:
    if ratio < 1 - ALIKE:
        return "better"
    return "worse" if ratio > 1 + ALIKE else "about the same"
