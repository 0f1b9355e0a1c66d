"""Ask the service for the language of sentences; none of them is the name of an emoji."""

import math

import requests

from text import LANGUAGES, tokens_of

SENTENCES = [
    "The cat sleeps on the red sofa.",
    "Die Katze schläft auf dem roten Sofa.",
    "El gato duerme en el sofá rojo.",
    "Le chat dort sur le canapé rouge.",
    "Il gatto dorme sul divano rosso.",
    "O gato dorme no sofá vermelho.",
]

# One request with a row a sentence; requests of one sentence share batches in the worker all the same.
inputs = [tokens_of(sentence) for sentence in SENTENCES]
response = requests.post("http://127.0.0.1:8080/predict/language", json={"inputs": inputs})
response.raise_for_status()
for sentence, logits in zip(SENTENCES, response.json()["outputs"], strict=True):
    best = max(range(len(LANGUAGES)), key=logits.__getitem__)
    share = math.exp(logits[best]) / sum(map(math.exp, logits))
    print(f"{LANGUAGES[best]} {share:.2f}  {sentence}")
