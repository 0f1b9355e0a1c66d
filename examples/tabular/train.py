"""Train scikit-learn's gradient boosting on its breast cancer data, and convert it, scaling included, to ONNX."""

import json
from pathlib import Path

import numpy as np
from onnxruntime import InferenceSession
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

OUT = Path("out/tabular")
OUT.mkdir(parents=True, exist_ok=True)

data = load_breast_cancer()
x = data.data.astype(np.float32)
train_x, test_x, train_y, test_y = train_test_split(x, data.target, random_state=0, stratify=data.target)
model = make_pipeline(StandardScaler(), GradientBoostingClassifier(random_state=0))
model.fit(train_x, train_y)
print(f"accuracy {model.score(test_x, test_y):.3f} on {len(test_x)} held-out rows of {x.shape[1]} numbers")

# zipmap would give a list of maps, class to probability, which is no tensor.
onnx = to_onnx(model, train_x[:1], options={"zipmap": False}, target_opset=18)
(OUT / "cancer.onnx").write_bytes(onnx.SerializeToString())
print(f"saved {OUT / 'cancer.onnx'}")

expected = model.predict_proba(test_x)
found = InferenceSession(OUT / "cancer.onnx").run(["probabilities"], {"X": test_x})[0]
print(f"largest difference from scikit-learn on these rows: {np.abs(found - expected).max():.1e}")

# Two rows and the one of which the model is least sure.
picked = [0, 1, int(expected.max(1).argmin())]
(OUT / "rows.json").write_text(json.dumps({"inputs": test_x[picked].tolist()}))
for index, (malignant, benign) in zip(model.predict(test_x[picked]), expected[picked], strict=True):
    print(f"scikit-learn: {index} ({data.target_names[index]}) at {malignant:.3f} {benign:.3f}")
