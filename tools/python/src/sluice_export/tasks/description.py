"""What the user wants model.json to say, and which of it goes with which task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice_export.errors import ExportError
from sluice_export.manifest import TASKS
from sluice_export.package import name_and_version

CLASSES = ("labels", "activation", "top_k")
GOES_WITH = {
    "tensor": (),
    "image-classification": ("image", *CLASSES),
    "object-detection": ("image", "labels", "output_section"),
    "image-segmentation": ("image", "labels", "output_section"),
    "text-classification": ("tokenizer", *CLASSES),
    "embedding": ("tokenizer", "pooling", "normalize"),
}


@dataclass(frozen=True)
class Description:
    """See `export` for the fields; None where nothing is said."""

    task: str = "tensor"
    name: str | None = None
    version: str | None = None
    image: Any = None
    labels: str | Path | Sequence[str] | None = None
    activation: str | None = None
    top_k: int | None = None
    output_section: Mapping[str, Any] | None = None
    tokenizer: str | Path | None = None
    pooling: str | None = None
    normalize: bool | None = None
    max_batch_size: int | None = None

    def check(self, folder: Path) -> None:
        """Raises ExportError where the parts do not go together, before anything else is done."""
        if self.name is None or self.version is None:
            name_and_version(folder)
        if self.task not in TASKS:
            raise ExportError(f"The task {self.task!r} is not known; expected one of {', '.join(TASKS)}.")
        fields = dict.fromkeys(field for fields in GOES_WITH.values() for field in fields)
        given = [field for field in fields if getattr(self, field) is not None]
        for field in given:
            if field not in GOES_WITH[self.task]:
                takers = " or ".join(task for task, fields in GOES_WITH.items() if field in fields)
                raise ExportError(f"{field}: only for --task {takers}; the task is {self.task}.")
        if "tokenizer" in GOES_WITH[self.task] and self.tokenizer is None:
            raise ExportError(
                f"--task {self.task} makes ids of texts. Give the tokenizer of the training, a tokenizer.json or the"
                " folder that save_pretrained wrote: --tokenizer."
            )
