"""As the clients of FastAPI tutorials do it: raw bytes, and JSON. What they post JSON under is `input` here."""

import json

import requests

URL = "http://127.0.0.1:8080/predict"

with open("examples/digits/seven.png", "rb") as file:
    response = requests.post(URL, data=file.read(), headers={"Content-Type": "application/octet-stream"})
response.raise_for_status()
print("bytes:", response.json()["prediction"])

# The numbers that the net takes, already prepared: one channel of 16x16.
with open("examples/digits/seven.json") as file:
    numbers = json.load(file)["input"]
response = requests.post(URL, json={"input": numbers})
response.raise_for_status()
print("json:", response.json()["prediction"])
