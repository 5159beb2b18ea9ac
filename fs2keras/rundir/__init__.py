"""The run directory: its layout, its writers, and what can be read from it. Standard library only."""
