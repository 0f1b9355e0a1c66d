"""Small networks of the kinds that people train, with examples for each.

Weights are random but fixed by a seed; batch statistics are filled, so that a model left in train mode would show.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 4))

    def forward(self, x):
        return self.net(x)


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3), nn.GELU()
        )
        self.head = nn.Linear(8 * 6 * 6, 5)

    def forward(self, x):
        # `view` with the batch size read from the tensor is what tutorials write.
        return self.head(self.net(x).view(x.size(0), -1))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, 2, 1, bias=False)
        self.body = nn.Sequential(
            nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, 1, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 1)
        )
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.first(x)
        x = F.relu(x + self.body(x))
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Depthwise(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(3, 12, 1),
            nn.Hardswish(),
            nn.Conv2d(12, 12, 3, padding=1, groups=12),
            nn.BatchNorm2d(12),
            nn.ReLU6(),
        )
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(12, 12, 1), nn.Hardsigmoid())
        self.head = nn.Linear(12, 5)

    def forward(self, x):
        x = self.net(x)
        return self.head((x * self.gate(x)).mean((2, 3)))


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(6, 10, num_layers=2, batch_first=True, bidirectional=True, dropout=0.3)
        self.head = nn.Linear(20, 3)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


class Gru(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(6, 10, batch_first=True)
        self.head = nn.Linear(10, 3)

    def forward(self, x):
        _, last = self.rnn(x)
        return self.head(last[0])


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.position = nn.Parameter(torch.randn(1, 7, 16))
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.encoder(x + self.position).mean(1))


class Attention(nn.Module):
    """An encoder block written out, as many projects have it."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(16)
        self.qkv = nn.Linear(16, 48)
        self.out = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Dropout(0.1), nn.Linear(32, 3))

    def forward(self, x):
        rows, length, width = x.shape
        q, k, v = self.qkv(self.norm(x)).view(rows, length, 3, 2, width // 2).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(rows, length, width)
        return self.out((x + mixed).mean(1))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU())
        self.middle = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(4, 8, 3, padding=1), nn.ReLU())
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.last = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        high = self.down(x)
        low = self.middle(high)
        smooth = F.interpolate(low, scale_factor=2.0, mode="bilinear", align_corners=False)
        return self.last(torch.cat([high, self.up(low)], 1)) + smooth[:, :2]


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.image = nn.Conv2d(1, 4, 3)
        self.numbers = nn.Linear(5, 4)
        self.head = nn.Linear(8, 3)

    def forward(self, image, numbers):
        return self.head(torch.cat([self.image(image).amax((2, 3)), torch.tanh(self.numbers(numbers))], 1))


class TwoOutputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.scores = nn.Linear(16, 4)
        self.boxes = nn.Linear(16, 6)

    def forward(self, x):
        x = F.silu(self.body(x))
        return self.scores(x).softmax(1), self.boxes(x).view(-1, 3, 2)


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 12, padding_idx=0)
        self.head = nn.Linear(12, 3)

    def forward(self, ids):
        used = (ids != 0).unsqueeze(-1).to(torch.float32)
        total = (self.embedding(ids) * used).sum(1)
        return self.head(total / used.sum(1).clamp(min=1.0))


class ControlFlow(nn.Module):
    """Steps through a sequence in a Python loop, of which only a script keeps loop and branch."""

    def __init__(self):
        super().__init__()
        self.step = nn.Linear(12, 6)

    def forward(self, x):
        state = torch.zeros(x.size(0), 6, dtype=x.dtype)
        for index in range(x.size(1)):
            new = torch.tanh(self.step(torch.cat([x[:, index], state], 1)))
            if index % 2 == 1:
                new = 0.5 * (state + new)
            state = new
        return state


@dataclass(frozen=True)
class Architecture:
    """`inputs` name the rows' shapes as `--input` takes them; `example` makes a batch of that many rows."""

    make: Callable[[], nn.Module]
    inputs: tuple[str, ...]
    example: Callable[[int], tuple[torch.Tensor, ...]]
    # Ways other than the state_dict in which people keep it.
    kept_as: tuple[str, ...] = ("traced", "scripted")

    def model(self) -> nn.Module:
        """With fixed weights and filled batch statistics, in train mode as training leaves it."""
        torch.manual_seed(0)
        model = self.make()
        model.train()
        with torch.no_grad():
            for _ in range(3):
                model(*self.example(16))
        return model


def normal(*shapes: tuple[int, ...]) -> Callable[[int], tuple[torch.Tensor, ...]]:
    def example(rows: int) -> tuple[torch.Tensor, ...]:
        source = torch.Generator().manual_seed(rows)
        return tuple(torch.randn(rows, *shape, generator=source) for shape in shapes)

    return example


def tokens(rows: int) -> tuple[torch.Tensor, ...]:
    return (torch.randint(0, 50, (rows, 9), generator=torch.Generator().manual_seed(rows)),)


ARCHITECTURES = {
    "mlp": Architecture(Mlp, ("8",), normal((8,))),
    "cnn": Architecture(Cnn, ("3x16x16",), normal((3, 16, 16))),
    "residual": Architecture(Residual, ("3x16x16",), normal((3, 16, 16))),
    "depthwise": Architecture(Depthwise, ("3x12x12",), normal((3, 12, 12))),
    "lstm": Architecture(Lstm, ("7x6",), normal((7, 6))),
    "gru": Architecture(Gru, ("7x6",), normal((7, 6))),
    # What torch makes of nn.MultiheadAttention in TorchScript it cannot convert; written out, it can.
    "transformer": Architecture(Transformer, ("7x16",), normal((7, 16)), ()),
    "attention": Architecture(Attention, ("7x16",), normal((7, 16))),
    "unet": Architecture(UNet, ("1x16x16",), normal((1, 16, 16))),
    "two-inputs": Architecture(TwoInputs, ("image:float32:1x8x8", "numbers:float32:5"), normal((1, 8, 8), (5,))),
    "two-outputs": Architecture(TwoOutputs, ("8",), normal((8,))),
    "tokens": Architecture(Tokens, ("ids:int64:9:0..49",), tokens),
    "control-flow": Architecture(ControlFlow, ("7x6",), normal((7, 6))),
}
