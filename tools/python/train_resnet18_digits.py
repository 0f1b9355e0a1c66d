"""Train a ResNet-18 (11.2 million parameters) on handwritten digits and write its package, to quantize and to measure.

    pip install ./tools/python -r tools/python/requirements.txt
    python tools/python/train_resnet18_digits.py OUT

OUT/resnet18/1 is the package, which takes pictures of 224 x 224; OUT/calibration and OUT/held-out are folders of PNG
pictures, from the training and the test split of scikit-learn's `load_digits`. One thread, minutes: most of the
training sees small pictures, which the net, being convolutional with global pooling, carries over to large ones.
"""

import argparse
import platform
import time
from pathlib import Path

import numpy as np
import sklearn
import torch
import torch.nn.functional as F
from make_resnet18 import resnet18
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sluice_export import export
from sluice_export.image.spec import IMAGENET

SEED, BATCH, CALIBRATION = 1, 32, 200
# Side of the pictures in pixels, epochs, highest learning rate.
STAGES = ((64, 10, 2e-3), (128, 1, 7e-4), (224, 2, 4e-4))
IMAGE = {**IMAGENET, "resize": {"shorterSide": 224}}
MEAN, STD = (torch.tensor(IMAGE[key]).view(1, 3, 1, 1) for key in ("mean", "std"))


def load_data():
    digits = load_digits()
    x = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
    y = torch.tensor(digits.target)
    train, test = train_test_split(np.arange(len(y)), test_size=0.2, random_state=0, stratify=y)
    return x[train], y[train], x[test], y[test]


def draw(x, side, g):
    """8x8 digits to RGB pictures in [0, 1], [n, 3, side, side]: of varied size, place, angle, ink and paper."""
    n = len(x)

    def uniform(low, high, *shape):
        return low + (high - low) * torch.rand(n, *shape, generator=g)

    smooth = F.interpolate(F.pad(x, (2, 2, 2, 2)), size=96, mode="bicubic", align_corners=False).clamp(0, 1)
    zoom, angle = uniform(0.8, 1.25, 1, 1), uniform(-0.25, 0.25, 1, 1)
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    place = uniform(-0.15, 0.15, 2, 1)
    matrix = torch.cat([torch.cat([cos, -sin], 2), torch.cat([sin, cos], 2)], 1)
    grid = F.affine_grid(torch.cat([matrix, place], 2), [n, 1, side, side], align_corners=False)
    ink = F.grid_sample(smooth, grid, align_corners=False)
    paper, colour = uniform(0, 0.35, 3, 1, 1), uniform(0.65, 1, 3, 1, 1)
    return (paper + (colour - paper) * ink + 0.03 * torch.randn(n, 3, side, side, generator=g)).clamp(0, 1)


def train(model, x, y, *, log):
    g = torch.Generator().manual_seed(SEED)
    for side, epochs, rate in STAGES:
        optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.02)
        steps = len(x) // BATCH
        plan = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * steps, pct_start=0.2)
        for epoch in range(1, epochs + 1):
            start, total = time.process_time(), 0.0
            model.train()
            for pick in torch.randperm(len(x), generator=g)[: steps * BATCH].view(steps, BATCH):
                pictures = ((draw(x[pick], side, g) - MEAN) / STD).to(memory_format=torch.channels_last)
                # Half the arithmetic in half the time where the CPU has bfloat16; weights stay float32.
                with torch.autocast("cpu", torch.bfloat16):
                    scores = model(pictures)
                loss = F.cross_entropy(scores.float(), y[pick], label_smoothing=0.05)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                plan.step()
                total += loss.item()
            log(f"{side:4}  {epoch:5}  {total / steps:13.4f}  {time.process_time() - start:7.0f}")


def write_pictures(folder, pictures, labels):
    """NUMBER_DIGIT.png"""
    folder.mkdir(parents=True, exist_ok=True)
    for index, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        pixels = (picture * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(folder / f"{index:04}_{label}.png")


@torch.no_grad()
def predictions(model, folder):
    """(digits, predicted), of the files as they were written."""
    model.eval()
    digits, predicted = [], []
    for path in sorted(folder.glob("*_[0-9].png")):
        pixels = torch.tensor(np.asarray(Image.open(path))).permute(2, 0, 1)[None] / 255
        digits.append(int(path.stem[-1]))
        predicted.append(int(model((pixels - MEAN) / STD).argmax()))
    return np.array(digits), np.array(predicted)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    lines = []

    def log(line=""):
        print(line, flush=True)
        lines.append(line)

    x, y, test_x, test_y = load_data()
    model = resnet18(classes=10)
    parameters = sum(p.numel() for p in model.parameters())
    log(
        f"versions    Python {platform.python_version()}, torch {torch.__version__}, scikit-learn {sklearn.__version__}"
    )
    log(f"data        load_digits, stratified split: {len(x)} training, {len(test_x)} test")
    log(f"model       ResNet-18, 10 classes, {parameters} parameters; seed {SEED}, one thread\n")
    log("side  epoch  training loss  CPU s")
    start = time.process_time()
    train(model.to(memory_format=torch.channels_last), x, y, log=log)
    log(f"trained in {time.process_time() - start:.0f} s of one CPU\n")

    model = model.to(memory_format=torch.contiguous_format)
    g = torch.Generator().manual_seed(99)
    pick = torch.randperm(len(x), generator=g)[:CALIBRATION]
    write_pictures(out / "calibration", draw(x[pick], 224, g), y[pick].tolist())
    write_pictures(out / "held-out", draw(test_x, 224, g), test_y.tolist())
    digits, predicted = predictions(model, out / "held-out")
    log(f"held-out    {(digits == predicted).mean():.4f} of {len(digits)} pictures of 224 x 224 are right")
    log(f"predicted   {' '.join(f'{digit}:{(predicted == digit).sum()}' for digit in range(10))}")
    exported = export(
        model.eval(),
        torch.zeros(2, 3, 224, 224),
        output=out / "resnet18" / "1",
        task="image-classification",
        image=IMAGE,
        labels=[str(digit) for digit in range(10)],
        max_batch_size=32,
        force=True,
    )
    log(f"parity      largest difference to PyTorch {exported.parity['maxAbsDiff']:.2g}: {exported.parity['verdict']}")
    log(f"model.onnx  {(exported.folder / 'model.onnx').stat().st_size} bytes")
    (out / "training.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
