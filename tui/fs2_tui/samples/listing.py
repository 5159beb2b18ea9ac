"""Which samples there are, what they say, and which to show beside each other."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from fs2_tui import recipe
from fs2_tui.schedule import is_running, next_step, time_of_step
from fs2_tui.words import clock_time
from fs2keras.rundir.statistics import duration
from fs2keras.rundir.watch import Snapshot

# What to compare a step with: the one before it, the first one, nothing, or that very step.
Against = Literal["previous", "first", "nothing"] | int


def spoken(samples: Mapping[int, Sequence[Path]]) -> dict[int, dict[str, Path]]:
    """Step -> name -> wav, without the steps whose folder is still empty, in the order of the steps."""
    return {step: {wav.stem: wav for wav in samples[step]} for step in sorted(samples) if samples[step]}


def sentence(name: str, recipe_text: str) -> str:
    """What the sample of that name (01, 02 ...) says, as far as the recipe knows; "" when it does not."""
    sentences = recipe.section(recipe_text, "samples").get("sentences")
    if not isinstance(sentences, list) or not name.isdecimal() or not 1 <= int(name) <= len(sentences):
        return ""
    return str(sentences[int(name) - 1])


def compared(steps: Sequence[int], chosen: int, against: Against) -> int | None:
    """The step to show beside the chosen one, None for nothing."""
    if isinstance(against, int):
        return against if against in steps and against != chosen else None
    earlier = [step for step in steps if step < chosen]
    if against == "nothing" or not earlier:
        return None
    return earlier[-1] if against == "previous" else earlier[0]


def window(widths: Sequence[int], chosen: int, room: int) -> tuple[int, int]:
    """The first and the one after the last of the items that fit into `room` cells, the chosen one in the middle as
    far as that goes. The chosen one is always among them."""
    first, end = chosen, chosen + 1
    used = widths[chosen]
    while True:
        before = widths[first - 1] if first > 0 else None
        after = widths[end] if end < len(widths) else None
        fits_before = before is not None and used + before <= room
        fits_after = after is not None and used + after <= room
        if fits_before and (not fits_after or chosen - first <= end - 1 - chosen):
            first, used = first - 1, used + before
        elif fits_after:
            end, used = end + 1, used + after
        else:
            return first, end


def nothing_yet(snapshot: Snapshot) -> str:
    """Why there are no samples, when the first ones come, and what they will say."""
    if not snapshot.summary:
        return snapshot.problem or "There is nothing to read yet."
    sentences = recipe.section(snapshot.recipe, "samples").get("sentences")
    if snapshot.recipe and not sentences:
        return (
            "No samples: the recipe has no sentences to speak. Give it some, it is safe for a run that goes on: "
            f"fs2keras fit {snapshot.rundir.name} --set 'samples.sentences=[\"How are you?\"]'"
        )
    spoken = [f"{number:02}  {words}" for number, words in enumerate(sentences or (), 1)]
    return "\n".join([_first(snapshot), "", *spoken]).rstrip()


def _first(snapshot: Snapshot) -> str:
    every = recipe.count(snapshot.recipe, "train", "sample_every")
    if not is_running(snapshot):
        step = snapshot.summary.get("step") or 0
        return f"No samples: the run stopped at step {step:,}" + (f", they come every {every:,}." if every else ".")
    coming = next_step(snapshot, every)
    if coming is None:
        return "No samples yet."
    when = time_of_step(snapshot, coming)
    at = f", about {clock_time(when, snapshot.time)}, in {duration(when - snapshot.time)}" if when else ""
    return f"No samples yet. The first come at step {coming:,}{at} (train.sample_every = {every:,})."
