"""What the voice has spoken: its list, its spectrograms in the terminal, and playing it."""
