"""The model: a convolutional net for 16x16 gray pictures, large enough for INT8 to matter."""

from torch import nn


def convolution(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


class DigitNet(nn.Module):
    """Takes float32 [N, 1, 16, 16] from 0 to 1; gives logits [N, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *convolution(1, 32, 1),
            *convolution(32, 64, 2),
            *convolution(64, 128, 2),
            nn.Flatten(),
            nn.Linear(128 * 4 * 4, 128),
            nn.ReLU(),
            nn.Linear(128, 10),
        )

    def forward(self, image):
        return self.layers(image)
