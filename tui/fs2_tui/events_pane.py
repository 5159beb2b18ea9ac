"""What happened, what was asked for, and what was printed: the events, the recipe and the tail of the log."""

from collections.abc import Sequence
from math import isfinite

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.reactive import reactive
from textual.style import Style
from textual.widgets import Input, Static

from fs2_tui.lines import Line, Lines
from fs2_tui.pane import Pane
from fs2_tui.texts import log_lines, recipe_lines
from fs2_tui.timeline import Scores, head, timeline
from fs2keras.rundir.table import Table
from fs2keras.rundir.watch import Snapshot

VIEWS = ("timeline", "recipe", "log")


class EventsPane(Pane):
    """One of three views of the main run, filtered by a text."""

    DEFAULT_CSS = """
    EventsPane #views { height: 1; }
    EventsPane #columns { height: 1; margin-top: 1; }
    EventsPane Lines { margin-top: 1; }
    EventsPane.timeline Lines { margin-top: 0; }
    EventsPane Input { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    EventsPane Input:focus { border: none; }
    EventsPane.filtering Input { display: block; }
    """
    BINDINGS = [
        Binding("v", "next_view", "view"),
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("o", "flip", "order"),
        Binding("z", "fold", "fold"),
        Binding("escape", "clear_filter", "all lines"),
    ]

    view: reactive[str] = reactive("timeline", bindings=True)
    newest_first: reactive[bool] = reactive(True)
    folded: reactive[bool] = reactive(False)
    wanted: reactive[str] = reactive("", bindings=True)

    def __init__(self, **options):
        super().__init__(**options)
        self._snapshot: Snapshot | None = None
        self._shown: tuple | None = None  # what the lines on the screen were made from
        self._counts = (0, 0)  # lines that have the wanted text, and all

    def compose(self) -> ComposeResult:
        yield Static(id="views")
        yield Static(id="columns")
        yield Lines()
        yield Input(placeholder="only lines with this text (enter keeps it, esc shows all)", id="filter")

    def show(self, snapshots: Sequence[Snapshot]) -> None:
        self._snapshot = snapshots[0]
        self._draw()

    def _draw(self) -> None:
        snapshot = self._snapshot
        if snapshot is None or not self.children:  # no children: it comes up, or goes
            return
        source = {"timeline": snapshot.events, "recipe": snapshot.recipe, "log": snapshot.log}[self.view]
        measured = len(snapshot.validation), snapshot.validation.last("loss")
        state = (snapshot.rundir.path, self.view, self.newest_first, self.folded, self.wanted, measured, source)
        if state == self._shown:
            return
        same_view = self._shown is not None and state[:3] == self._shown[:3] and self.wanted == self._shown[4]
        self._shown = state
        lines = self._lines(snapshot)
        self._counts = len(lines), len(source.splitlines() if isinstance(source, str) else source)
        shown = self.query_one(Lines)
        if not same_view:
            shown.show(())  # what comes begins at its edge
        shown.show(lines or [Line(Content.styled(self._nothing(), "dim"))], end=self._ends_with_newest)
        self._draw_heads(snapshot)

    @property
    def _ends_with_newest(self) -> bool:
        return self.view == "log" or (self.view == "timeline" and not self.newest_first)

    def _lines(self, snapshot: Snapshot) -> list[Line]:
        wanted = self.wanted.casefold()
        if self.view == "timeline":
            folded = self.folded and not wanted
            lines = timeline(
                snapshot.events,
                scores(snapshot.validation),
                self.app.look,
                newest_first=self.newest_first,
                folded=folded,
            )
        else:
            lines = recipe_lines(snapshot.recipe) if self.view == "recipe" else log_lines(snapshot.log)
        return [line for line in lines if wanted in line.content.plain.casefold()] if wanted else lines

    def _nothing(self) -> str:
        if self.wanted:
            return f"Nothing here has {self.wanted!r} in it."
        return {
            "timeline": "No events yet: events.csv is written when training starts.",
            "recipe": "There is no recipe.toml yet.",
            "log": "There is no log.txt yet.",
        }[self.view]

    def _draw_heads(self, snapshot: Snapshot) -> None:
        parts: list[Content | tuple[str, str | Style] | str] = []
        for view in VIEWS:
            label = Content.styled(f" {view} ", "reverse bold" if view == self.view else "dim")
            parts += [label.stylize(Style.from_meta({"view": view})), " "]
        if facts := self._facts(snapshot):
            parts.append((f"  {self.app.look.separator.join(facts)}", "dim"))
        self.query_one("#views", Static).update(Content.assemble(*parts))
        self.query_one("#columns", Static).update(head(snapshot.events))
        self.query_one("#columns").display = self.view == "timeline" and bool(snapshot.events)
        self.set_class(self.view == "timeline", "timeline")

    def _facts(self, snapshot: Snapshot) -> list[str]:
        found, there = self._counts
        facts = []
        if self.view == "timeline" and there:
            order = "newest" if self.newest_first else "oldest"
            facts.append(f"{there} event{'s' if there > 1 else ''}, {order} first")
            facts += ["folded"] if self.folded else []
        if self.view == "log" and there:
            facts.append(f"the last {there} lines" if there > 1 else "one line")
        if self.wanted:
            facts.append(f"{found} with {self.wanted!r}")
        return facts

    # ---- keys ----

    def watch_view(self) -> None:
        self._draw()

    watch_newest_first = watch_folded = watch_wanted = watch_view

    def action_next_view(self) -> None:
        self.view = VIEWS[(VIEWS.index(self.view) + 1) % len(VIEWS)]

    def on_click(self, event: events.Click) -> None:
        self.view = event.style.meta.get("view", self.view)

    def action_flip(self) -> None:
        self.newest_first = not self.newest_first

    def action_fold(self) -> None:
        self.folded = not self.folded

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Order and folding belong to the timeline; only a filter can be taken away."""
        if action == "clear_filter":
            return bool(self.wanted) or self.has_class("filtering")
        return self.view == "timeline" if action in ("flip", "fold") else True

    def action_filter(self) -> None:
        self.add_class("filtering")
        self.query_one(Input).focus()

    def action_clear_filter(self) -> None:
        self.query_one(Input).value = self.wanted = ""
        self.remove_class("filtering")
        self.query_one(Lines).focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self.wanted = event.value.strip()

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.remove_class("filtering")  # the head says what is filtered by
        self.query_one(Lines).focus()


def scores(validation: Table) -> Scores:
    """Validation losses by step, and the step of the lowest."""
    if "loss" not in validation:
        return Scores({}, None)
    pairs = zip(validation["step"], validation["loss"], strict=False)
    losses = {int(step): loss for step, loss in pairs if isfinite(loss)}
    return Scores(losses, min(losses, key=losses.get, default=None))
