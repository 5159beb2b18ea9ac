"""Choosing runs: one to watch, or several to compare."""

from collections.abc import Sequence

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from fs2_tui.look import STATE_COLOURS, Look
from fs2_tui.scrollbars import use_plain_scrollbars
from fs2_tui.words import age, number
from fs2keras.errors import UserError
from fs2keras.rundir.layout import RunDir
from fs2keras.rundir.runs import list_runs
from fs2keras.rundir.summary import summarise


class Picker(ModalScreen[list[RunDir] | None]):
    """The runs of a folder, the one that last changed first. Returns the chosen ones, None when it was left."""

    DEFAULT_CSS = """
    Picker { align: center middle; }
    Picker > Vertical { width: 90%; max-width: 110; height: auto; max-height: 90%; border: round $primary;
                        background: $surface; padding: 0 1; }
    Picker OptionList { height: auto; max-height: 20; border: none; background: $surface; text-wrap: nowrap;
                        text-overflow: ellipsis; }
    Picker OptionList:focus { border: none; }
    Picker #pick-help { color: $text-muted; margin-top: 1; }
    """
    BINDINGS = [
        Binding("enter", "open", "open", priority=True),
        Binding("space", "mark", "mark to compare"),
        Binding("escape", "leave", "leave"),
        Binding("q", "leave", "leave", show=False),
    ]

    def __init__(self, runs_dir: str, shown: Sequence[RunDir], look: Look):
        super().__init__()
        self.look, self.runs_dir = look, runs_dir
        self._runs = list_runs(runs_dir)
        self._about: dict[int, Text] = {}
        chosen = {rundir.path.resolve() for rundir in shown}
        self._marked = {i for i, rundir in enumerate(self._runs) if rundir.path.resolve() in chosen}
        if len(self._marked) < 2:
            self._marked = set()

    def compose(self) -> ComposeResult:
        box = Vertical()
        box.border_title = f"Runs in {self.runs_dir}/"
        with box:
            if self._runs:
                yield OptionList(*(Option(self._line(i), id=str(i)) for i in range(len(self._runs))))
                yield Static("enter opens one; space marks several, then enter compares them.", id="pick-help")
            else:
                yield Static(f"{self.runs_dir}/ holds no run. Start one: fs2keras fit demo")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        if self._runs:
            self.query_one(OptionList).focus()
            if not self.look.unicode:
                use_plain_scrollbars(self.query_one(OptionList))
            self._read_states()

    @work(thread=True, exclusive=True)
    def _read_states(self) -> None:
        for index, rundir in enumerate(self._runs):
            try:
                about = self._describe(summarise(rundir))
            except (UserError, OSError) as error:
                about = Text(str(error), style="dim")
            self.app.call_from_thread(self._tell, index, about)

    def _tell(self, index: int, about: Text) -> None:
        self._about[index] = about
        if self.is_attached:
            self.query_one(OptionList).replace_option_prompt(str(index), self._line(index))

    def _describe(self, summary: dict) -> Text:
        colour = self.app.theme_variables.get(STATE_COLOURS.get(summary["state"], "$error")[1:], "")
        text = Text()
        text.append(f"{self.look.dot} {summary['state']:<12}", style=colour)
        total = f" of {summary['total_steps']:,}" if summary["total_steps"] else ""
        text.append(f"step {summary['step']:,}{total}".ljust(27))
        if summary["best"]:
            text.append(f"  best {number(summary['best']['loss'])}")
        beat = summary["process"]
        text.append(f"  {age(beat['time'])}" if beat else "", style="dim")
        return text

    def _line(self, index: int) -> Text:
        mark = "[x] " if index in self._marked else "    " if not self._marked else "[ ] "
        text = Text(f"{mark}{self._runs[index].name:<24} ", no_wrap=True, overflow="ellipsis")
        text.append_text(self._about.get(index, Text(self.look.ellipsis, style="dim")))
        return text

    def action_mark(self) -> None:
        if not self._runs:
            return
        self._marked ^= {self.query_one(OptionList).highlighted}
        for index in range(len(self._runs)):
            self.query_one(OptionList).replace_option_prompt(str(index), self._line(index))

    def on_option_list_option_selected(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        if not self._runs:
            self.dismiss(None)
            return
        at = self.query_one(OptionList).highlighted or 0
        chosen = sorted(self._marked, key=lambda index: (index != at, index)) or [at]
        self.dismiss([self._runs[index] for index in chosen])

    def action_leave(self) -> None:
        self.dismiss(None)
