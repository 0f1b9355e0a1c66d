"""One small net twice: as it is, and behind a loop that only scripting keeps."""

import torch
from torch import nn


class Plain(nn.Module):
    """Takes float32 [N, 4]; gives [N, 3]. The same operations for every input: a trace records all there is."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


class Halving(Plain):
    """Halves each row until its numbers are within -1 to 1, then does the same. How many turns that takes hangs on the
    values, and a trace records those of its example."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        turns = 0
        is_large = x.abs().amax(1, keepdim=True) > 1
        while turns < 64 and bool(is_large.any()):
            x = torch.where(is_large, x / 2, x)
            is_large = x.abs().amax(1, keepdim=True) > 1
            turns += 1
        return self.layers(x)
