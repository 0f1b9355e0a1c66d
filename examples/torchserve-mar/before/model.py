"""The model file of the archive: one class, as torch-model-archiver wants it."""

from torch import nn


class DigitNet(nn.Module):
    """Takes float32 [N, 1, 16, 16]; gives logits [N, 10]."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 4 * 4, 10),
        )

    def forward(self, image):
        return self.layers(image)
