"""Train the model of the archive on scikit-learn's digits, with the handler's own preprocessing."""

import io
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from handler import DigitHandler
from model import DigitNet
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

OUT = Path("out/torchserve-mar")
OUT.mkdir(parents=True, exist_ok=True)
torch.manual_seed(1)


def png(digit: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.round(digit * 255 / 16).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


digits = load_digits()
pictures = [png(digit) for digit in digits.images]
train, test = train_test_split(np.arange(len(pictures)), test_size=0.2, random_state=0, stratify=digits.target)
x, y = DigitHandler().preprocess([{"body": data} for data in pictures]), torch.tensor(digits.target)

model = DigitNet()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for _ in range(15):
    for batch in torch.tensor(train)[torch.randperm(len(train))].split(64):
        loss = F.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    right = (model.eval()(x[test]).argmax(1) == y[test]).float().mean().item()
print(f"accuracy {right:.3f} on {len(test)} held-out pictures")

torch.save(model.state_dict(), OUT / "weights.pt")
for index in test[:3]:
    (OUT / f"{digits.target[index]}.png").write_bytes(pictures[index])
