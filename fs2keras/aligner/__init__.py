"""The learned aligner: where the phonemes of a recording lie, from wav and text alone."""
