"""What a file is, by its content: suffixes are habits (.pt is used for four different things)."""

import zipfile
from pathlib import Path
from typing import Literal

from sluice_export.errors import ExportError

FileKind = Literal["torchscript", "exported-program", "pickle", "safetensors", "onnx"]

# The pickled magic number at the start of files that torch.save wrote before version 1.6.
LEGACY_PICKLE = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def detect(path: Path) -> FileKind:
    """Raises ExportError where the file is missing or is none of the kinds."""
    if not path.is_file():
        raise ExportError(f"{path} is no file. Give the path of a model file, or of its code as file.py:Name.")
    if zipfile.is_zipfile(path):
        kind = _kind_of_archive(path)
        if kind is not None:
            return kind
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(LEGACY_PICKLE) or head[:2] in (b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return "pickle"
    # A length of 8 bytes, then a JSON object.
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size:
        return "safetensors"
    if _is_onnx(path):
        return "onnx"
    raise ExportError(
        f"{path.name} is no model that is known: expected what torch.save, torch.jit.save or torch.export.save wrote,"
        " a safetensors file or an ONNX file."
    )


def _kind_of_archive(path: Path) -> FileKind | None:
    with zipfile.ZipFile(path) as archive:
        # Everything lies in one folder, whose name is free.
        names = {name.partition("/")[2] for name in archive.namelist()} | set(archive.namelist())
    if "constants.pkl" in names and any(name.startswith("code/") for name in names):
        return "torchscript"
    if {"models/model.json", "archive_format", "serialized_exported_program.json"} & names:
        return "exported-program"
    return "pickle" if "data.pkl" in names else None


def _is_onnx(path: Path) -> bool:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model(path, load_external_data=False)
    except DecodeError:
        return False
    return model.ir_version > 0 and len(model.graph.node) > 0
