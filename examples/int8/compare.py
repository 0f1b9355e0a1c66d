"""Ask both versions for every held-out picture: how many each gets right, and how often they agree."""

from pathlib import Path

import requests

session = requests.Session()


def classes_of(version: str, files: list[Path]) -> list[int]:
    found = []
    for file in files:
        response = session.post(f"http://127.0.0.1:8080/predict/int8-digits/{version}", data=file.read_bytes())
        response.raise_for_status()
        found.append(response.json()["prediction"])
    return found


files = sorted(Path("out/int8/held-out").iterdir())
truth = [int(file.stem[-1]) for file in files]
float32, int8 = classes_of("1", files), classes_of("2", files)


def part(first: list[int], second: list[int]) -> str:
    return f"{sum(one == other for one, other in zip(first, second, strict=True)) / len(files):.3f}"


print(f"float32 right: {part(float32, truth)}")
print(f"INT8 right:    {part(int8, truth)}")
print(f"they agree:    {part(float32, int8)}, of {len(files)} pictures")
