"""The curves of the runs: the pane, the chart, and what they are drawn with."""
