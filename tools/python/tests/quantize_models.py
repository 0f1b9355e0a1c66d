"""Small models and rows for the tests of quantization, and one call of the command."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import nn

import sluice_export
from sluice_export.cli import main

DIGITS = Path(__file__).parents[3] / "models" / "digits" / "1"


def write_digits(folder: Path, count: int) -> Path:
    """Pictures of the digits 0 to 9 in turn, white on black, at varied size and place: what models/digits/1 reads."""
    folder.mkdir(parents=True)
    source = np.random.default_rng(3)
    for index in range(count):
        picture = Image.new("L", (48, 48))
        font = ImageFont.load_default(size=int(source.integers(34, 46)))
        place = tuple(int(shift) for shift in source.integers(20, 28, 2))
        ImageDraw.Draw(picture).text(
            place, str(index % 10), fill=int(source.integers(180, 256)), font=font, anchor="mm"
        )
        picture.save(folder / f"{index:03}.png")
    return folder


def write_rows(file: Path, shape: tuple[int, ...], *, high: int | None = None) -> Path:
    """A .npy of random rows, normal or whole numbers below `high`; returns its folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    source = np.random.default_rng(4)
    rows = source.standard_normal(shape).astype(np.float32) if high is None else source.integers(0, high, shape)
    np.save(file, rows)
    return file.parent


def export(model: nn.Module, example: torch.Tensor, folder: Path) -> Path:
    torch.manual_seed(0)
    return sluice_export.export(model.eval(), example, output=folder).folder


def quantize(package: Path, target: Path, *flags: str | Path) -> dict[str, Any]:
    """The report of a run of the command that succeeded, in which figures of speed are not to be relied on."""
    assert main(["quantize", str(package), "-o", str(target), "--seconds", "0", *map(str, flags)]) == 0
    return json.loads((target / "quantization.json").read_text())


class Spoiled(nn.Module):
    """Linear layers, of which two share a tensor whose first value drowns the others when it is rounded to 8 bits."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.first, self.loud, self.listening, self.last = (nn.Linear(16, 16) for _ in range(4))
        with torch.no_grad():
            self.loud.weight[0] *= 1e5
            self.listening.weight[:, 0] *= 1e-9

    def forward(self, x):
        x = torch.relu(self.first(x))
        return self.last(torch.relu(self.listening(self.loud(x))))


class TextLstm(nn.Module):
    """Whole numbers to two scores, by way of an embedding and an LSTM."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.embedding = nn.Embedding(100, 32)
        self.lstm = nn.LSTM(32, 64, batch_first=True)
        self.head = nn.Linear(64, 2)

    def forward(self, ids):
        return self.head(self.lstm(self.embedding(ids))[0][:, -1])


class Attending(nn.Module):
    """A layer of a transformer over rows of vectors."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
        self.head = nn.Linear(32, 3)

    def forward(self, x):
        return self.head(self.layer(x).mean(1))


class Convolutions(nn.Sequential):
    def __init__(self) -> None:
        torch.manual_seed(4)
        super().__init__(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
