"""The handler of the archive: a picture to a tensor, and scores to the names of the three best classes."""

import io

import numpy as np
import torch
from PIL import Image
from ts.torch_handler.base_handler import BaseHandler
from ts.utils.util import map_class_to_label


class DigitHandler(BaseHandler):
    def preprocess(self, data):
        rows = []
        for row in data:
            picture = Image.open(io.BytesIO(row.get("data") or row.get("body"))).convert("L")
            picture = picture.resize((16, 16), Image.Resampling.BILINEAR)
            pixels = np.asarray(picture, dtype=np.float32) / 255
            rows.append(torch.from_numpy((pixels - 0.5) / 0.5)[None])
        return torch.stack(rows)

    def postprocess(self, data):
        scores, classes = torch.topk(torch.softmax(data, dim=1), 3, dim=1)
        return map_class_to_label(scores.tolist(), self.mapping, classes.tolist())
