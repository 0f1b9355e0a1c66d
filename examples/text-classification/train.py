"""Train on the names of emoji in six languages, which the package `emoji` ships: "cat face", "tête de chat"."""

import random
from pathlib import Path

import emoji
import torch
import torch.nn.functional as F

from net import LanguageNet
from text import LANGUAGES, tokens_of

OUT = Path("out/text-classification")
OUT.mkdir(parents=True, exist_ok=True)

random.seed(1)
torch.manual_seed(1)

for language in LANGUAGES:
    emoji.config.load_language(language)
# Flags are named after countries, alike in many languages; skin tones repeat a name, which would be held out in vain.
kept = [names for names in emoji.EMOJI_DATA.values() if "skin_tone" not in names["en"] and "flag" not in names["en"]]
random.shuffle(kept)


def texts_of(emojis: list[dict]) -> dict[str, int]:
    """The class of each name. A name that two languages share is left out."""
    found: dict[str, int] = {}
    shared = set()
    for names in emojis:
        for index, language in enumerate(LANGUAGES):
            text = names[language].strip(":").replace("_", " ")
            if found.setdefault(text, index) != index:
                shared.add(text)
    return {text: index for text, index in found.items() if text not in shared}


# By emoji, not by name: no held-out emoji was seen in another language.
edge = len(kept) // 5
train, test = texts_of(kept[edge:]), texts_of(kept[:edge])
test = {text: index for text, index in test.items() if text not in train}


def batch_of(texts: dict[str, int]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([tokens_of(text) for text in texts]), torch.tensor(list(texts.values()))


(x, y), (test_x, test_y) = batch_of(train), batch_of(test)
print(f"{len(train)} names to train on, {len(test)} held out")

model = LanguageNet()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
for _ in range(6):
    model.train()
    for batch in torch.randperm(len(x)).split(64):
        loss = F.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
model.eval()
with torch.no_grad():
    right = (model(test_x).argmax(1) == test_y).float().mean().item()
print(f"accuracy {right:.3f} on held-out names")

torch.save(model.state_dict(), OUT / "language.pth")
print(f"saved {OUT / 'language.pth'}")
