"""What a voice is worth: metrics with their uncertainty, comparisons, choices, reports."""
