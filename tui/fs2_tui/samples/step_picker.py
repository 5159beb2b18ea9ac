"""Choosing the step to compare samples with."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from fs2_tui.samples.listing import Against, compared
from fs2_tui.scrollbars import use_plain_scrollbars


class StepPicker(ModalScreen[Against | None]):
    """Returns what to compare the chosen step with; None when the user would rather leave it as it is."""

    DEFAULT_CSS = """
    StepPicker { align: center middle; }
    StepPicker OptionList { width: 44; max-width: 90%; height: auto; max-height: 80%; background: $surface;
                            border: round $primary; border-title-color: $primary; }
    StepPicker.-ascii OptionList { border: ascii $primary; }
    """
    BINDINGS = [Binding("escape,q,c", "dismiss", "leave it as it is")]

    def __init__(self, steps: Sequence[int], chosen: int, against: Against, unicode: bool):
        super().__init__(classes="" if unicode else "-ascii")
        self._chosen = chosen
        others = [step for step in reversed(steps) if step != chosen]
        self._choices: list[Against] = ["previous", "first", "nothing", *others]
        self._steps, self._against, self._unicode = steps, against, unicode

    def compose(self) -> ComposeResult:
        options = OptionList(*[Option(self._label(choice)) for choice in self._choices])
        options.border_title = f"Compare step {self._chosen:,} with"
        options.border_subtitle = "enter chooses, esc closes"
        options.highlighted = self._choices.index(self._against) if self._against in self._choices else 0
        if not self._unicode:
            use_plain_scrollbars(options)
        yield options

    def _label(self, choice: Against) -> str:
        step = compared(self._steps, self._chosen, choice)
        now = f" ({step:,})" if step is not None else ""
        if isinstance(choice, int):
            return f"step {choice:,}"
        return {
            "previous": f"the samples before{now}",
            "first": f"the first samples{now}",
            "nothing": "nothing: one picture",
        }[choice]

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._choices[event.option_index])
