"""Train, save, load: scikit-learn's digits (they come with the package) to a state_dict, and three pictures to try."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from net import DigitNet

OUT = Path("out/train-and-serve")
WEIGHTS = OUT / "digits.pth"

torch.manual_seed(1)
OUT.mkdir(parents=True, exist_ok=True)

digits = load_digits()
# Bytes, as in the PNG files below: then training sees exactly what the service will.
pixels = np.round(digits.images * 255 / 16).astype(np.uint8)
train, test = train_test_split(np.arange(len(pixels)), test_size=0.2, random_state=0, stratify=digits.target)
x, y = torch.tensor(pixels[:, None] / 255, dtype=torch.float32), torch.tensor(digits.target)

model = DigitNet()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for _ in range(25):
    model.train()
    for batch in torch.tensor(train)[torch.randperm(len(train))].split(64):
        loss = F.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print(f"trained on {len(train)} pictures")

torch.save(model.state_dict(), WEIGHTS)
print(f"saved {WEIGHTS}")

loaded = DigitNet()
loaded.load_state_dict(torch.load(WEIGHTS, weights_only=True))
loaded.eval()
with torch.no_grad():
    right = (loaded(x[test]).argmax(1) == y[test]).float().mean().item()
print(f"loaded {WEIGHTS}: accuracy {right:.3f} on {len(test)} held-out pictures")

for index in test[:3]:
    file = OUT / f"held-out-{digits.target[index]}.png"
    Image.fromarray(pixels[index]).save(file)
    print(f"wrote {file}")
