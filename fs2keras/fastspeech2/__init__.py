"""FastSpeech 2 (Ren et al. 2021, arXiv 2006.04558): phonemes to a mel-spectrogram, all frames at once."""
