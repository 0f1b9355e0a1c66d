"""The model: a small convolutional net for 8x8 gray pictures of digits."""

from torch import nn


class DigitNet(nn.Module):
    """Takes float32 [N, 1, 8, 8] from 0 to 1; gives logits [N, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(32 * 4 * 4, 10),
        )

    def forward(self, image):
        return self.layers(image)
