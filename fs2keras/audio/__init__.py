"""Sound: wav files, mel spectrograms, pitch, energy, Griffin-Lim. Knows no corpus and no model."""
