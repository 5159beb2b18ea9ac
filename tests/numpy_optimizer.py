"""The learning-rate schedule and Adam in plain NumPy, from the papers and PyTorch's documentation."""

import numpy as np


def noam(update: int, width: int, warmup: int, scale: float = 1.0, anneal_steps=(), anneal_rate: float = 0.3) -> float:
    """The rate of update 1, 2, ...: a linear rise, the inverse square root, and a cut after each of `anneal_steps`."""
    rate = scale / np.sqrt(width) * (update / warmup**1.5 if update < warmup else 1 / np.sqrt(update))
    return rate * anneal_rate ** sum(update > step for step in anneal_steps)


class Adam:
    """torch.optim.Adam after torch.nn.utils.clip_grad_norm_ (one norm over all gradients)."""

    def __init__(self, values: list[np.ndarray], clip: float, beta_1=0.9, beta_2=0.98, epsilon=1e-9):
        self.values = [np.array(value, "float64") for value in values]
        self.clip, self.betas, self.epsilon = clip, (beta_1, beta_2), epsilon
        self.first, self.second = ([np.zeros_like(v) for v in self.values] for _ in range(2))
        self.updates = 0

    def apply(self, gradients: list[np.ndarray], rate: float) -> float:
        """One update; returns the norm of the gradients before clipping."""
        norm = np.sqrt(sum((g.astype("float64") ** 2).sum() for g in gradients))
        self.updates += 1
        one, two = self.betas
        for i, gradient in enumerate(gradients):
            gradient = gradient * min(1.0, self.clip / (norm + 1e-6))
            self.first[i] = one * self.first[i] + (1 - one) * gradient
            self.second[i] = two * self.second[i] + (1 - two) * gradient**2
            mean = self.first[i] / (1 - one**self.updates)
            variance = self.second[i] / (1 - two**self.updates)
            self.values[i] = self.values[i] - rate * mean / (np.sqrt(variance) + self.epsilon)
        return norm
