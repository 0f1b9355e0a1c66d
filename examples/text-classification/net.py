"""The net: the sum of what each run of bytes has learned to say, and one linear layer."""

import torch
from torch import nn

from text import LANGUAGES, NUMBERS


class LanguageNet(nn.Module):
    """Takes int64 [N, LENGTH], 0 where there is nothing; gives the logits of LANGUAGES, [N, 6]."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(NUMBERS, 24, padding_idx=0)
        self.dropout = nn.Dropout(0.3)
        self.classes = nn.Linear(24, len(LANGUAGES))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        count = (tokens > 0).sum(1, keepdim=True).clamp(min=1)
        return self.classes(self.dropout(self.embedding(tokens).sum(1) / count.sqrt()))
