"""The recipe's [model] section for kind = "aligner": the constructor's keywords."""

from dataclasses import dataclass, field

CEPSTRA = 24  # of a frame
SIZE = 3 * CEPSTRA  # with their slopes, and the slopes of those


def _key(default, doc: str, **limits):
    return field(default=default, metadata={"doc": doc, **limits})


@dataclass(frozen=True)
class Model:
    width: int = _key(64, "width of the text encoder", minimum=1)
    filters: int = _key(192, "channels of the mel encoder", minimum=1)
    dropout: float = _key(0.2, "dropout in the mel encoder", minimum=0.0, below=1.0)
    pauses: int = _key(4, "Gaussians of silence: stillness, breath, a closing door", minimum=1)
    scale: float = _key(0.3, "weight of the Gaussian log-likelihood", above=0.0)
