"""Class names: from a text file of one a line, or from JSON as the service reads it."""

from collections.abc import Sequence
from pathlib import Path

from sluice_export.errors import ExportError
from sluice_export.package import read_json


def read_labels(given: str | Path | Sequence[str]) -> list[str]:
    """A list of names, or those in a file: .json holds an array, or TorchServe's index_to_name.json in any form."""
    if not isinstance(given, str | Path):
        return _checked(list(given), "labels")
    path = Path(given)
    if path.suffix != ".json":
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except OSError as error:
            raise ExportError(
                f"{path} cannot be read: {error.strerror}. Give a file with one class name a line."
            ) from None
        while lines and not lines[-1].strip():
            lines.pop()
        return _checked([line.strip() for line in lines], path.name)
    value = read_json(path)
    if isinstance(value, dict) and list(value) == ["object_type_names"]:
        value = value["object_type_names"]
    if isinstance(value, dict):
        indices = [str(index) for index in range(len(value))]
        if sorted(value) != sorted(indices):
            raise ExportError(f"{path.name}: expected each of the class indices 0 to {len(value) - 1} once.")
        # TorchServe's files have a list, such as [synset, name], for each class.
        value = [value[index][-1] if isinstance(value[index], list) else value[index] for index in indices]
    return _checked(value, path.name)


def check_labels(labels: Sequence[str], classes: int) -> None:
    """Raises ExportError where there are not as many names as classes."""
    if len(labels) != classes:
        raise ExportError(
            f"There are {len(labels)} labels; the model answers {classes} classes. Give one name a class, in order."
        )


def _checked(value: object, origin: str) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
        raise ExportError(f"{origin}: expected a list of class names, none of them empty.")
    return value
