"""Train the package models/digits/1: a small CNN that reads one digit from a 16x16 gray image (white on black).

Data: scikit-learn's `load_digits` (1797 8x8 pictures), split 80/20, drawn into a 16x16 canvas at varied
size, place, angle and stroke thickness. The road: train -> save -> load -> export.

    pip install -r tools/python/requirements.txt ./tools/python
    python tools/python/train_digits.py                        # writes models/digits/1
    python tools/python/train_digits.py --check DIR --more-seeds 2 3 4 5

--check DIR: a folder of NAME_<digit>.png pictures to try the trained model on; they are never trained on.
--more-seeds: train again with these seeds, only to report how far the result hangs on the seed.
"""

import argparse
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import sklearn
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from sluice_export import export

SIZE, EPOCHS, STEPS, BATCH, RATE = 16, 50, 60, 128, 4e-3
REPO = Path(__file__).resolve().parents[2]
IMAGE = {
    "resize": {"shorterSide": SIZE},
    "crop": [SIZE, SIZE],
    "color": "GRAY",
    "scale": 1 / 255,
    "mean": [0],
    "std": [1],
    "layout": "NCHW",
}


def build_model():
    def conv(inputs, outputs, stride, padding):
        return [nn.Conv2d(inputs, outputs, 3, stride, padding, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]

    return nn.Sequential(
        *conv(1, 16, 1, 1), *conv(16, 32, 2, 1), *conv(32, 48, 2, 1), *conv(48, 64, 1, 0), nn.Flatten(),
        nn.Linear(256, 10),
    )  # fmt: skip


def load_data():
    digits = load_digits()
    x = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
    y = torch.tensor(digits.target)
    train, test = train_test_split(np.arange(len(y)), test_size=0.2, random_state=0, stratify=y)
    return x[train], y[train], x[test], y[test]


def enlarge(x, side):
    return F.interpolate(x, size=(side, side), mode="bicubic", align_corners=False).clamp(0, 1)


def canonical(x):
    """The un-augmented test form: the 8x8 picture enlarged to 12x12, in the middle of the canvas."""
    return F.pad(enlarge(x, 12), (2, 2, 2, 2))


def uncross(x):
    """Sevens without their crossbar: nearly all of this data's writers cross them, which other writers do not."""
    rows, columns = torch.arange(8.0).view(8, 1), torch.arange(8.0)
    top = ((x[:, :, 1:3].amax(2, keepdim=True) > 0.5) * columns).amax(3, keepdim=True) - 0.5
    low = x[:, :, 6:]
    foot = (low * columns).sum((2, 3), keepdim=True) / low.sum((2, 3), keepdim=True).clamp(min=0.1)
    stem = top + (foot - top) * ((rows - 1.5) / 5).clamp(0, 1)
    return torch.where((rows >= 3) & (rows <= 6), x * (2 - (columns - stem).abs()).clamp(0, 1), x)


def augment(x, g):
    """Draw 8x8 pictures into the canvas: stroke thickness, size, angle, slant, place, warp, blur, noise."""
    n = len(x)

    def uniform(low, high, *shape):
        return low + (high - low) * torch.rand(n, *(shape or (1, 1, 1)), generator=g)

    big = enlarge(F.pad(x, (1, 1, 1, 1)), 40)  # the picture's 8x8 box is 0.8 of this
    cut = torch.sigmoid(uniform(6, 16) * (big - uniform(0.3, 0.8)))
    big = torch.where(uniform(0, 1) < 0.2, big, cut * (cut > 0.02))
    size, angle, slant = uniform(0.5, 1, 1), uniform(-0.26, 0.26, 1), uniform(-0.35, 0.35, 1)
    wide, tall = 0.8 / (size * uniform(0.75, 1.4, 1)), 0.8 / (size * uniform(0.9, 1.1, 1))
    cos, sin = torch.cos(angle), torch.sin(angle)
    rows = [wide * (cos + slant * sin), wide * (slant * cos - sin), tall * sin, tall * cos]
    matrix = torch.cat(rows, 1).view(n, 2, 2)
    shift = uniform(-1, 1, 2, 1) * (0.06 + 0.5 * (1 - size)).unsqueeze(2)
    grid = F.affine_grid(torch.cat([matrix, matrix @ shift], 2), [n, 1, 2 * SIZE, 2 * SIZE], align_corners=False)
    warp = F.interpolate(uniform(-1, 1, 2, 4, 4), size=2 * SIZE, mode="bicubic", align_corners=False)
    grid = grid + (warp * uniform(0, 0.16)).permute(0, 2, 3, 1)
    out = F.avg_pool2d(F.grid_sample(big, grid, align_corners=False), 2)
    out = torch.lerp(out, F.avg_pool2d(out, 3, 1, 1), uniform(0, 0.6))
    noise = torch.randn(out.shape, generator=g) * uniform(0, 0.05)
    return (out * uniform(0.7, 1.3) + noise).clamp(0, 1)


@torch.no_grad()
def accuracy(model, x, y):
    return (model.eval()(x).argmax(1) == y).float().mean().item()


def train(seed, data, log):
    """One run. Returns the state dict: a moving average, over the steps, of the weights and batch statistics."""
    torch.manual_seed(seed)
    g = torch.Generator().manual_seed(seed)
    x, y, test_x, test_y = data
    plain_seven = uncross(x[y == 7])
    x, y = torch.cat([x, plain_seven]), torch.cat([y, torch.full((len(plain_seven),), 7)])
    model = build_model()
    mean = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99), use_buffers=True
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.02)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=EPOCHS * STEPS, pct_start=0.2)
    for epoch in range(1, EPOCHS + 1):
        model.train()
        total = 0.0
        for _ in range(STEPS):
            pick = torch.randint(len(x), (BATCH,), generator=g)
            loss = F.cross_entropy(model(augment(x[pick], g)), y[pick], label_smoothing=0.02)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            plan.step()
            mean.update_parameters(model)
            total += loss.item()
        if epoch % 5 == 0 or epoch == 1:
            log(f"{epoch:5}  {total / STEPS:13.4f}  {accuracy(mean.module, canonical(test_x), test_y):13.4f}")
    return mean.module.state_dict()


def read_image(path):
    """What the service does with a picture, for this package's model.json."""
    image = Image.open(path).convert("L")
    scale = SIZE / min(image.size)
    image = image.resize([max(SIZE, round(side * scale)) for side in image.size], Image.Resampling.BILINEAR)
    left, top = ((side - SIZE) // 2 for side in image.size)
    image = image.crop((left, top, left + SIZE, top + SIZE))
    return torch.tensor(np.asarray(image, dtype=np.float32) / 255).view(1, 1, SIZE, SIZE)


@torch.no_grad()
def measure(state, data, pictures):
    """Accuracy on the test split and on augmented draws of it; right answers and lowest score on the pictures."""
    model = build_model()
    model.load_state_dict(state)
    plain = accuracy(model, canonical(data[2]), data[3])
    g = torch.Generator().manual_seed(99)
    varied = np.mean([accuracy(model, augment(data[2], g), data[3]) for _ in range(10)])
    found = "pictures not tried"
    if pictures:
        scores = [(int(p.stem[-1]), model(read_image(p)).softmax(1)[0]) for p in pictures]
        right = sum(int(s.argmax()) == digit for digit, s in scores)
        lowest = min(s[digit].item() for digit, s in scores)
        found = f"pictures {right}/{len(scores)}, lowest score of a right digit {lowest:.3f}"
    return f"test {plain:.4f}, augmented test {varied:.4f}, {found}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=REPO / "models" / "digits" / "1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--more-seeds", type=int, nargs="*", default=[])
    parser.add_argument("--check", type=Path, help="a folder of NAME_<digit>.png")
    args = parser.parse_args()
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)
    data = load_data()
    pictures = sorted(args.check.glob("*_[0-9].png")) if args.check else []
    lines = []

    def log(line=""):
        print(line, flush=True)
        lines.append(line)

    versions = f"torch {torch.__version__}, scikit-learn {sklearn.__version__}, onnx {onnx.__version__}"
    options = f" --seed {args.seed}" + " --check DIR" * bool(pictures)
    options += "".join([" --more-seeds", *(f" {seed}" for seed in args.more_seeds)]) if args.more_seeds else ""
    log("# Training log: digits/1\n\nWritten by `tools/python/train_digits.py`.\n\n```text")
    log(f"command     python tools/python/train_digits.py{options}")
    log(f"versions    Python {platform.python_version()}, {versions}")
    log(f"data        scikit-learn load_digits, stratified split: {len(data[0])} training, {len(data[2])} test")
    log(f"pictures    {' '.join(p.stem for p in pictures) or 'none'}; not trained on")
    log(f"plan        {EPOCHS} epochs of {STEPS} batches of {BATCH}, AdamW, one-cycle rate up to {RATE}\n")
    log("epoch  training loss  test accuracy")
    start = time.perf_counter()
    state = train(args.seed, data, log)
    log(f"trained in {time.perf_counter() - start:.0f} s\n")

    with tempfile.TemporaryDirectory() as folder:
        torch.save(state, Path(folder) / "digits.pt")
        state = torch.load(Path(folder) / "digits.pt", weights_only=True)
    model = build_model()
    model.load_state_dict(state)
    exported = export(
        model,
        torch.zeros(2, 1, SIZE, SIZE),
        output=args.out,
        name="digits",
        version="1",
        task="image-classification",
        image=IMAGE,
        labels=[str(digit) for digit in range(10)],
        top_k=3,
        max_batch_size=64,
        input_names=["image"],
        output_names=["logits"],
        force=True,
    )
    parity = exported.parity
    size = (args.out / "model.onnx").stat().st_size
    parameters = sum(p.numel() for p in model.parameters())
    log(f"model.onnx  {size} bytes, {parameters} parameters before folding, opset {parity['opset']}")
    log(f"parity      {parity['runtime']} is off {parity['reference']} by {parity['maxAbsDiff']:.1e} at most\n")
    log(f"seed {args.seed} (this package): {measure(state, data, pictures)}")
    for seed in args.more_seeds:
        log(f"seed {seed}: {measure(train(seed, data, lambda line: None), data, pictures)}")
    log("```")
    (args.out / "training.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
