"""The recipe's [model] section for kind = "fastspeech2": the constructor's keywords, with the paper's defaults."""

from dataclasses import dataclass, field


def _key(default, doc: str, **limits):
    return field(default=default, metadata={"doc": doc, **limits})


@dataclass(frozen=True)
class Model:
    encoder_blocks: int = _key(4, "feed-forward Transformer blocks over the phonemes", minimum=1)
    decoder_blocks: int = _key(6, "feed-forward Transformer blocks over the frames", minimum=1)
    width: int = _key(256, "width D of encoder and decoder", minimum=2)
    heads: int = _key(2, "attention heads; must divide the width", minimum=1)
    conv_filters: int = _key(1024, "channels inside a block's convolutions", minimum=1)
    conv_kernel: int = _key(9, "kernel of a block's first convolution (the second has 1)", minimum=1)
    dropout: float = _key(0.2, "dropout in the blocks", minimum=0.0, below=1.0)
    predictor_filters: int = _key(256, "channels of the duration, pitch and energy predictors", minimum=1)
    predictor_kernel: int = _key(3, "kernel of the predictors", minimum=1)
    predictor_dropout: float = _key(0.5, "dropout in the predictors", minimum=0.0, below=1.0)
    bins: int = _key(256, "bins of the pitch and energy embeddings", minimum=2)
    pitch_level: str = _key("phoneme", "where pitch is predicted", choices=("phoneme", "frame"))
    energy_level: str = _key("phoneme", "where energy is predicted", choices=("phoneme", "frame"))
    postnet_blocks: int = _key(5, "convolutions of the postnet", minimum=2)
    postnet_filters: int = _key(512, "channels of the postnet", minimum=1)
    postnet_kernel: int = _key(5, "kernel of the postnet", minimum=1)
    postnet_dropout: float = _key(0.5, "dropout in the postnet", minimum=0.0, below=1.0)

    def check(self) -> str | None:
        """What is wrong with the values taken together, as a sentence, or None."""
        if self.width % self.heads:
            return f"model.heads = {self.heads} does not divide model.width = {self.width}"
        return None
