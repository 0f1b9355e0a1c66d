"""Write pictures of digits for models/digits/1, to quantize it: OUT/calibration and OUT/held-out.

    pip install ./tools/python -r tools/python/requirements.txt
    python tools/python/digits_pictures.py OUT

200 from the training split of scikit-learn's `load_digits` and 360 from its test split, drawn as training draws them.
"""

import argparse
from pathlib import Path

import torch
from PIL import Image
from train_digits import augment, load_data

SEED, CALIBRATION = 5, 200


def write(folder, pictures, labels):
    """NUMBER_DIGIT.png"""
    folder.mkdir(parents=True, exist_ok=True)
    for index, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        pixels = (picture[0] * 255).round().to(torch.uint8).numpy()
        Image.fromarray(pixels).save(folder / f"{index:04}_{int(label)}.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    x, y, test_x, test_y = load_data()
    g = torch.Generator().manual_seed(SEED)
    write(out / "calibration", augment(x[:CALIBRATION], g), y[:CALIBRATION])
    write(out / "held-out", augment(test_x, g), test_y)


if __name__ == "__main__":
    main()
