"""Ask PyTorch here and the service over HTTP, and compare their top 5. Ends with an error where they differ."""

import io

import requests
import torch
from PIL import Image

from net import ResNet
from pictures import PICTURES
from transform import validation

model = ResNet()
model.load_state_dict(torch.load("out/resnet-imagenet/net.pth", weights_only=True))
model.eval()

for name, data in PICTURES.items():
    with torch.no_grad():
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        scores, classes = model(validation(picture)[None]).softmax(1)[0].topk(5)
    response = requests.post("http://127.0.0.1:8080/predict/resnet", data=data, headers={"Content-Type": "image/jpeg"})
    response.raise_for_status()
    top = response.json()["top"]
    print(
        f"{name} in Python:", *(f"{index} {score:.3f}" for index, score in zip(classes.tolist(), scores, strict=True))
    )
    print(f"{name} over HTTP:", *(f"{each['index']} {each['score']:.3f}" for each in top))
    assert [each["index"] for each in top] == classes.tolist()
    torch.testing.assert_close(torch.tensor([each["score"] for each in top]), scores, atol=1e-3, rtol=0)
