"""Text becomes phonemes: normalisation, the two frontends and their symbols. Importing costs nothing."""
