"""Write a ResNet-18-sized model package, for benchmarks. Weights are random (fixed seed): its answers mean nothing.

pip install ./tools/python
python tools/python/make_resnet18.py OUT_DIR      # -> OUT_DIR/resnet18/1
"""

import argparse
from pathlib import Path

import torch
from torch import nn

from sluice_export import export


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


def resnet18(classes=1000):
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for outputs, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Block(inputs, outputs, stride), Block(outputs, outputs, 1)]
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out_dir", type=Path)
    folder = parser.parse_args().out_dir / "resnet18" / "1"
    torch.manual_seed(0)
    model = resnet18()
    export(
        model,
        torch.zeros(2, 3, 224, 224),
        output=folder,
        task="image-classification",
        image="imagenet",
        max_batch_size=16,
        input_names=["input"],
        output_names=["logits"],
        force=True,
    )
    size = (folder / "model.onnx").stat().st_size
    print(f"{folder}: {sum(p.numel() for p in model.parameters())} parameters, {size} bytes")


if __name__ == "__main__":
    main()
