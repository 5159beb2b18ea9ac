"""Scroll bars without the block characters that Textual rounds their ends with."""

from textual.scrollbar import ScrollBarRender
from textual.widget import Widget


class PlainScrollBar(ScrollBarRender):
    """Bars that end at whole cells: colours only, for terminals that have nothing but ASCII."""

    VERTICAL_BARS = [" "] * 8
    HORIZONTAL_BARS = [" "] * 8


def use_plain_scrollbars(widget: Widget) -> None:
    """Draw the scroll bars of this widget in ASCII."""
    widget.vertical_scrollbar.renderer = PlainScrollBar
    widget.horizontal_scrollbar.renderer = PlainScrollBar
