"""The archive's handler beside the service, on the same pictures. Ends with an error where names or scores differ.

The handler runs in TorchServe's own Python package, as a worker of it would run it; its Java server is not needed.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import requests
from ts.context import Context, RequestProcessor

OUT = Path("out/torchserve-mar")
ARCHIVE = OUT / "unpacked"

sys.path.insert(0, str(ARCHIVE))
from handler import DigitHandler  # noqa: E402, the handler of the archive

manifest = json.loads((ARCHIVE / "MAR-INF/MANIFEST.json").read_text())
metrics = SimpleNamespace(add_time=lambda *_: None)
context = Context("handwriting", str(ARCHIVE), manifest, 1, None, "0.12.0", metrics=metrics, model_yaml_config={})
context.request_processor = [RequestProcessor({})]
handler = DigitHandler()
handler.initialize(context)

for file in sorted(OUT.glob("*.png")):
    [before] = handler.handle([{"body": file.read_bytes()}], context)
    response = requests.post("http://127.0.0.1:8080/predict/handwriting", data=file.read_bytes())
    response.raise_for_status()
    # What TorchServe answered is one line away.
    after = {each["label"]: each["score"] for each in response.json()["top"]}
    print(f"{file.name} before:", *(f"{name} {score:.3f}" for name, score in before.items()))
    print(f"{file.name} after: ", *(f"{name} {score:.3f}" for name, score in after.items()))
    assert list(after) == list(before)
    assert all(abs(after[name] - before[name]) < 1e-4 for name in before)
