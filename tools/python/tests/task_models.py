"""Small networks for the tasks that answer more than classes of pictures. Weights are random but fixed by a seed."""

import torch
from torch import nn

from service import REPOSITORY

CLASSES = 3
# BERT's kind, whose largest id is 95.
TOKENIZER = REPOSITORY / "test/fixtures/models/tiny_sentiment/1/tokenizer.json"
IDS = 96


class Packed(nn.Module):
    """As YOLO's: [N, 4 + classes, boxes], boxes by centre and size in pixels of the input."""

    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 4 + CLASSES, 8, 8)

    def forward(self, images):
        values = self.body(images).flatten(2)
        boxes, scores = values[:, :4], values[:, 4:]
        return torch.cat([boxes.sigmoid() * 24 + 4, scores.sigmoid()], 1)


class Queries(nn.Module):
    """As DETR's: boxes as fractions, and scores for each class and "no object"."""

    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 8, 8, 8)
        self.boxes, self.logits = nn.Linear(8, 4), nn.Linear(8, CLASSES + 1)

    def forward(self, pixel_values):
        states = self.body(pixel_values).flatten(2).transpose(1, 2)
        return {"logits": self.logits(states), "pred_boxes": self.boxes(states).sigmoid()}


class Segmenter(nn.Module):
    """Scores for each class of every pixel, of pictures of any size."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, CLASSES, 1))

    def forward(self, x):
        return {"out": self.body(x)}


class Texts(nn.Module):
    """Vectors of tokens under a mask, each mixed with the mean of the others that the mask shows."""

    def __init__(self):
        super().__init__()
        self.table, self.mix = nn.Embedding(IDS, 8), nn.Linear(16, 8)

    def forward(self, input_ids, attention_mask):
        states, mask = self.table(input_ids), attention_mask[..., None].float()
        mean = (states * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)
        return self.mix(torch.cat([states, mean.expand_as(states)], 2))


class Sentiment(nn.Module):
    """Classes of a text, from inputs that have names of their own."""

    def __init__(self):
        super().__init__()
        self.texts, self.head = Texts(), nn.Linear(8, CLASSES)

    def forward(self, words, shown):
        states = self.texts(words, shown) * shown[..., None]
        return self.head(states.sum(1))


def made(kind: type[nn.Module]) -> nn.Module:
    torch.manual_seed(3)
    return kind().eval()
