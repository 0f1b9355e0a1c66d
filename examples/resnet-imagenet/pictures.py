"""Two photographs that scikit-learn ships, 640x427 JPEGs: their bytes by file name."""

from importlib.resources import files

FOLDER = files("sklearn.datasets") / "images"
PICTURES = {name: (FOLDER / name).read_bytes() for name in ("china.jpg", "flower.jpg")}
