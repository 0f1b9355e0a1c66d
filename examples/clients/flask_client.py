"""As the clients of Flask tutorials do it: a form with the picture under `file`; `prediction` read from the answer."""

import requests

resp = requests.post("http://127.0.0.1:8080/predict", files={"file": open("examples/digits/seven.png", "rb")})

print("form:", resp.json()["prediction"])
