"""What the voice has spoken so far: a spectrogram of each sentence at each step, to look at and to listen to."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from socket import gethostname

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import get_current_worker

from fs2_tui.pane import Pane
from fs2_tui.samples.listing import Against, compared, nothing_yet, sentence, spoken, window
from fs2_tui.samples.pictures import Drawn, Job, draw_all, picture_mode
from fs2_tui.samples.player import Player
from fs2_tui.samples.spectrogram import Spectrogram
from fs2_tui.samples.step_picker import StepPicker
from fs2_tui.words import clock_time
from fs2keras.rundir.watch import Snapshot

PLAYING_S = 0.1  # how often the mark moves
SENTENCES = 5  # rows of the list, at most


class Pictures(Horizontal, can_focus=True):
    """Two spectrograms; it has the focus, so that the pane's keys work."""


class SamplesPane(Pane):
    """Steps from left to right, sentences from top to bottom; the chosen sample, and the same sentence at another step
    on its left. The newest step is chosen until the user goes to another one."""

    DEFAULT_CSS = """
    SamplesPane #steps { height: 1; }
    SamplesPane #sentences { height: auto; margin-bottom: 1; }
    SamplesPane #pictures { height: 1fr; }
    SamplesPane #chosen { margin-left: 2; }
    SamplesPane #chosen.alone { margin-left: 0; }
    SamplesPane.stacked #pictures { layout: vertical; }
    SamplesPane.stacked #chosen { margin-left: 0; }
    SamplesPane #state { height: auto; max-height: 4; }
    SamplesPane #no-samples { display: none; color: $text-muted; height: 1fr; content-align: center middle;
                              text-align: center; padding: 0 4; }
    SamplesPane.empty #no-samples { display: block; }
    SamplesPane.empty #steps, SamplesPane.empty #sentences, SamplesPane.empty #pictures, SamplesPane.empty #state {
        display: none; }
    """
    BINDINGS = [
        Binding("left", "step(-1)", "earlier step", show=False),
        Binding("right", "step(1)", "later step", show=False),
        Binding("up", "sentence(-1)", "sentence above", show=False),
        Binding("down", "sentence(1)", "sentence below", show=False),
        Binding("home", "step(-1000000)", "first step", show=False),
        Binding("end", "step(1000000)", "newest step", show=False),
        Binding("space,p", "play", "play", key_display="space"),
        Binding("b", "play_other", "play left"),
        Binding("c", "compare", "compare"),
        Binding("s", "stack", "stack"),
        Binding("y", "copy", "copy"),
    ]

    step: reactive[int | None] = reactive(None)
    sentence: reactive[str] = reactive("")
    against: reactive[Against] = reactive("previous")

    def __init__(self, player: Player | None = None, **options):
        super().__init__(**options)
        self._player = player
        self._snapshot: Snapshot | None = None
        self._there: dict[int, dict[str, Path]] = {}
        self._follows = True  # the newest step
        self._job: Job | None = None
        self._drawn: list[Drawn] = []
        self._timer: Timer | None = None

    class Ready(Message):
        """What a thread has drawn."""

        def __init__(self, job: Job, drawn: list[Drawn]):
            super().__init__()
            self.job, self.drawn = job, drawn

    def compose(self) -> ComposeResult:
        yield Static(id="no-samples")
        yield Static(id="steps")
        yield Static(id="sentences")
        with Pictures(id="pictures"):
            yield Spectrogram(id="other")
            yield Spectrogram(id="chosen")
        yield Static(id="state")

    @property
    def player(self) -> Player:
        """Looked for when it is first needed."""
        if self._player is None:
            self._player = Player()
        return self._player

    @property
    def steps(self) -> list[int]:
        return list(self._there)

    @property
    def names(self) -> list[str]:
        """The sentences of the chosen step."""
        return list(self._there.get(self.step, ()))

    @property
    def other(self) -> int | None:
        """The step on the left."""
        return None if self.step is None else compared(self.steps, self.step, self.against)

    def wav(self, step: int | None) -> Path | None:
        """The sample of the chosen sentence at that step."""
        return self._there.get(step, {}).get(self.sentence)

    def show(self, snapshots: Sequence[Snapshot]) -> None:
        before, self._snapshot = self._snapshot, snapshots[0]
        if before is None or before.rundir.path != snapshots[0].rundir.path:
            self._follows, self.sentence = True, ""
        self._there = spoken(self._snapshot.samples)
        self.set_class(not self._there, "empty")
        if not self._there:
            self.step = None
            self.query_one("#no-samples", Static).update(Content(nothing_yet(self._snapshot)))
            return
        if self.screen.focused is None:  # the first samples have come while the pane was open
            self.query_one(Pictures).focus()
        if self._follows or self.step not in self._there:
            self.step = self.steps[-1]
        if self.sentence not in self.names:
            self.sentence = self.names[0]
        self._draw()

    # ---- drawing ----

    def watch_step(self) -> None:
        if self._there and self.names and self.sentence not in self.names:
            self.sentence = self.names[0]
        self._draw()

    def watch_sentence(self) -> None:
        self._draw()

    watch_against = watch_sentence

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        if not self.children or self._snapshot is None or self.step is None:  # no children: it comes up, or goes
            return
        self.query_one("#other").display = self.other is not None
        self.query_one("#chosen").set_class(self.other is None, "alone")
        self._draw_lists()
        self._draw_state()
        self.call_after_refresh(self._ask_for_pictures)  # when the layout is known

    def _draw_lists(self) -> None:
        self.query_one("#steps", Static).update(self._step_line())
        self.query_one("#sentences", Static).update(self._sentence_lines())

    def _step_line(self) -> Content:
        labels = [f" {step:,} " for step in self.steps]
        at = self.steps.index(self.step)
        widths = [len(label) for label in labels]
        first, end = window(widths, at, self.content_size.width - 12)
        unicode = self.app.look.unicode
        parts: list[Content | tuple[str, str]] = [("Step     ", "dim")]
        parts.append(((("‹" if unicode else "<") if first else " "), "dim"))
        for step, label in list(zip(self.steps, labels, strict=True))[first:end]:
            style = "reverse bold" if step == self.step else ("underline" if step == self.other else "dim")
            parts.append(Content.styled(label, style).stylize(Style.from_meta({"step": step})))
        parts.append(((("›" if unicode else ">") if end < len(labels) else " "), "dim"))
        line, hint = Content.assemble(*parts), "left/right step, up/down sentence"
        gap = self.content_size.width - line.cell_length - len(hint)
        return Content.assemble(line, (" " * gap + hint, "dim")) if gap > 3 else line

    def _sentence_lines(self) -> Content:
        names, look = self.names, self.app.look
        at, rows = names.index(self.sentence), SENTENCES if self.size.height >= 18 else 2
        first, end = window([1] * len(names), at, min(rows, len(names)))
        lines = []
        for name in names[first:end]:
            chosen = name == self.sentence
            mark = ("►" if look.unicode else ">") if chosen else " "
            words = sentence(name, self._snapshot.recipe)
            title = "Sentence " if not lines else " " * 9
            line = Content.assemble((title, "dim"), (f"{mark} {name}  {words}", "bold" if chosen else "dim"))
            lines.append(line.truncate(max(20, self.content_size.width), ellipsis=look.unicode))
            lines[-1] = lines[-1].stylize(Style.from_meta({"sentence": name}))
        return Content("\n").join(lines)

    def _ask_for_pictures(self) -> None:
        if self.step is None or not self.children:
            return
        shown = [step for step in (self.other, self.step) if step is not None]
        rooms = [widget.room for widget in self.query(Spectrogram) if widget.display]
        columns, rows = (min(sizes) for sizes in zip(*rooms, strict=True))  # an odd cell goes to one of the two
        job = Job(tuple(self.wav(step) for step in shown), columns, rows, picture_mode(self.app, self.app.look))
        failed = any(drawn.drawing.problem for drawn in self._drawn)  # the trainer may not have been ready
        if columns > 0 and rows > 0 and (job != self._job or failed):
            self._job = job
            self._decode(job)

    @work(thread=True, exclusive=True, group="pictures")
    def _decode(self, job: Job) -> None:
        drawn = draw_all(job)
        if not get_current_worker().is_cancelled:
            self.post_message(self.Ready(job, drawn))

    def on_samples_pane_ready(self, message: Ready) -> None:
        if message.job != self._job:
            return
        self._drawn = message.drawn
        shown = [(self.query_one("#chosen", Spectrogram), self.step, message.drawn[-1])]
        if len(message.drawn) == 2 and self.other is not None:
            shown.append((self.query_one("#other", Spectrogram), self.other, message.drawn[0]))
        for widget, step, drawn in shown:
            widget.heading = self._heading(step, drawn)
            missing = f"Step {step:,} has no sample {self.sentence}." if self.wav(step) is None else ""
            widget.drawing = replace(drawn.drawing, problem=missing) if missing else drawn.drawing

    def _heading(self, step: int, drawn: Drawn) -> Content:
        facts = [clock_time(drawn.time, self._snapshot.time)] if drawn.time else []
        facts += [f"{drawn.seconds:.1f} s"] if drawn.seconds else []
        separator = self.app.look.separator
        facts_text = separator + separator.join(facts) if facts else ""
        name = "bold" if step == self.step else ""
        return Content.assemble((f"step {step:,}", name), (facts_text, "dim"))

    def _draw_state(self) -> None:
        path = self.wav(self.step)
        player = self.player
        parts: list[tuple[str, str]] = []
        if player.playing:
            mark = "►" if self.app.look.unicode else ">"
            parts.append((f"{mark} playing {player.playing.parent.name}/{player.playing.name}", "bold $success"))
            parts.append((f" with {player.name}{self._where()}, {player.position:.1f} s\n", "dim"))
        elif player.problem:
            parts.append((f"{player.problem}\n", "$warning"))
        parts.append((str(path or ""), "dim"))
        self.query_one("#state", Static).update(Content.assemble(*parts))

    @staticmethod
    def _where() -> str:
        """Over SSH the sound comes out of a machine that the user may not sit at."""
        return f" on {gethostname()}" if "SSH_CONNECTION" in os.environ else ""

    # ---- choosing ----

    def action_step(self, by: int) -> None:
        if self.step is None:
            return
        at = self.steps.index(self.step) + by
        self.step = self.steps[max(0, min(at, len(self.steps) - 1))]
        self._follows = self.step == self.steps[-1]

    def action_sentence(self, by: int) -> None:
        if self.names:
            at = self.names.index(self.sentence) + by
            self.sentence = self.names[max(0, min(at, len(self.names) - 1))]

    def action_compare(self) -> None:
        def choose(against: Against | None) -> None:
            if against is not None:
                self.against = against

        if self.step is None or len(self.steps) < 2:
            self.notify("There is one step with samples so far: nothing to compare it with.")
            return
        self.app.push_screen(StepPicker(self.steps, self.step, self.against, self.app.look.unicode), choose)

    def action_stack(self) -> None:
        self.toggle_class("stacked")
        self.call_after_refresh(self._ask_for_pictures)

    def on_click(self, event: events.Click) -> None:
        meta = event.style.meta
        if "step" in meta:
            self.action_step(self.steps.index(meta["step"]) - self.steps.index(self.step))
        elif "sentence" in meta:
            self.sentence = meta["sentence"]

    def action_copy(self) -> None:
        if path := self.wav(self.step):
            self.app.copy_to_clipboard(str(path.absolute()))
            self.notify(str(path.absolute()), title="Copied", timeout=5, markup=False)

    # ---- playing ----

    def action_play(self) -> None:
        self._play(self.wav(self.step))

    def action_play_other(self) -> None:
        self._play(self.wav(self.other))

    def _play(self, path: Path | None) -> None:
        if path is None:
            return
        if self.player.playing == path:
            self.player.stop()
        else:
            self.player.play(path)
        if self._timer is None:
            self._timer = self.set_interval(PLAYING_S, self._follow_sound)
        self._follow_sound()

    def _follow_sound(self) -> None:
        playing = self.player.poll()
        for widget, step in ((self.query_one("#chosen"), self.step), (self.query_one("#other"), self.other)):
            here = playing and self.player.playing == self.wav(step)
            widget.position = self.player.position if here else None
        self._draw_state()
        if not playing and self._timer:
            self._timer.stop()
            self._timer = None

    def on_unmount(self) -> None:
        if self._player:
            self._player.stop()
