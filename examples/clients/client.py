"""For programs of your own: one connection for all requests, a time limit, and errors by their code."""

import requests

session = requests.Session()


def classify(picture: bytes, *, seconds: float = 10) -> dict:
    """The answer for a JPEG, PNG, WebP or GIF. Raises RuntimeError with what the service says is wrong."""
    response = session.post(
        "http://127.0.0.1:8080/predict/digits",
        data=picture,
        # The service gives up a second before this client does, and says so.
        headers={"Content-Type": "application/octet-stream", "X-Request-Timeout": str(seconds)},
        timeout=seconds + 1,
    )
    if not response.ok:
        problem = response.json()
        raise RuntimeError(f"{problem['status']} {problem['code']}: {problem['detail']}")
    return response.json()


for name in ("seven.png", "three.png"):
    with open(f"examples/digits/{name}", "rb") as file:
        answer = classify(file.read())
    print(f"{name}: {answer['label']} at {answer['score']:.3f}")

try:
    classify(b"no picture")
except RuntimeError as error:
    print(error)
