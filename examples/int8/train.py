"""Train on scikit-learn's digits, and write pictures: of the training part to calibrate, and all that were held out."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from net import DigitNet

OUT = Path("out/int8")
CALIBRATION = 200

torch.manual_seed(1)
digits = load_digits()
pictures = [Image.fromarray(np.round(digit * 255 / 16).astype(np.uint8)) for digit in digits.images]
train, test = train_test_split(np.arange(len(pictures)), test_size=0.2, random_state=0, stratify=digits.target)
# 8x8 to 16x16, as the service does it with every picture.
pixels = np.stack([np.asarray(picture.resize((16, 16), Image.Resampling.BILINEAR)) for picture in pictures])
x, y = torch.tensor(pixels[:, None] / 255, dtype=torch.float32), torch.tensor(digits.target)

model = DigitNet()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
for _ in range(6):
    model.train()
    for batch in torch.tensor(train)[torch.randperm(len(train))].split(64):
        loss = F.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
model.eval()
with torch.no_grad():
    right = (model(x[test]).argmax(1) == y[test]).float().mean().item()
print(f"accuracy {right:.3f} on {len(test)} held-out pictures")

for folder, part in (("calibration", train[:CALIBRATION]), ("held-out", test)):
    (OUT / folder).mkdir(parents=True, exist_ok=True)
    for index in part:
        pictures[index].save(OUT / folder / f"{index:04}-{digits.target[index]}.png")
torch.save(model.state_dict(), OUT / "digits.pth")
