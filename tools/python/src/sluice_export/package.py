"""A model package on disk: `<name>/<version>/` with model.onnx (or model.ort), model.json and files beside them.

Invariants: a package appears whole or not at all (it is written in a dot folder beside its place, which the service
does not look at, and renamed at the end); model.json states the sha256 of every other file of the folder itself, but
not of what lies in subfolders, which the service never opens.
"""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice_export.errors import ExportError
from sluice_export.manifest import NAME, VERSION, check_manifest

MANIFEST = "model.json"
MODELS = ("model.onnx", "model.ort")


@dataclass(frozen=True)
class Package:
    """A package that was read. `manifest` is model.json as it stands, without defaults filled in."""

    folder: Path
    manifest: dict[str, Any]
    model: Path

    @property
    def name(self) -> str:
        return self.manifest["name"]

    @property
    def version(self) -> str:
        return self.manifest["version"]

    @classmethod
    def read(cls, folder: str | Path) -> "Package":
        """Raises ExportError where the folder is no package, or a file is not the one that model.json describes."""
        folder = Path(folder).resolve()
        model = next((folder / name for name in MODELS if (folder / name).is_file()), None)
        if model is None:
            raise ExportError(f"{folder} holds no {' or '.join(MODELS)}. Name a package folder: <name>/<version>.")
        name, version = name_and_version(folder)
        manifest = {"name": name, "version": version}
        if (folder / MANIFEST).is_file():
            manifest = read_json(folder / MANIFEST)
            check_manifest(manifest)
        for file, stated in manifest.get("files", {}).items():
            if not (folder / file).is_file() or sha256_of(folder / file) != stated:
                raise ExportError(f"{folder / file} is not the file that model.json describes. Copy the package again.")
        return cls(folder, manifest, model)


@dataclass(frozen=True)
class PackageDraft:
    """A package that is being written. Put files into `folder`, then call `finish` once, last."""

    folder: Path

    def finish(self, manifest: dict[str, Any]) -> None:
        """Write model.json: `manifest`, with the sha256 of every file that lies beside it."""
        files = sorted(path for path in self.folder.iterdir() if path.is_file() and path.name != MANIFEST)
        whole = {**manifest, "files": {path.name: sha256_of(path) for path in files}}
        check_manifest(whole)
        write_json(self.folder / MANIFEST, whole)


@contextmanager
def drafting(target: str | Path, *, force: bool = False) -> Iterator[PackageDraft]:
    """A draft that takes its place at `target` when the block ends, and vanishes when the block fails.

    Raises ExportError where `target` exists; with `force` an existing package is replaced, but never a folder that is
    something else.
    """
    target = Path(target).resolve()
    check_target(target, force=force)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise ExportError(f"{target} cannot be written: {error.strerror}. Choose another output folder.") from error
    # mkdtemp keeps others out; a package is for the worker to read, which may be another user.
    staging.chmod(0o755)
    try:
        draft = PackageDraft(staging)
        yield draft
        if not (staging / MANIFEST).is_file():
            raise RuntimeError("the draft was not finished")
        _put_in_place(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def check_target(target: Path, *, force: bool) -> None:
    """Raises ExportError where no package may be written: so early that nobody waits for an export in vain."""
    if not target.exists():
        return
    if not force:
        raise ExportError(
            f"{target} exists; versions do not change. Choose another version, or replace it with --force."
        )
    if not any((target / name).is_file() for name in MODELS):
        raise ExportError(f"{target} is no model package, so it is not replaced. Choose another output folder.")


def name_and_version(folder: Path) -> tuple[str, str]:
    """The last two parts of a package's path. Raises ExportError where they cannot be served."""
    resolved = folder.resolve()
    name, version = resolved.parent.name, resolved.name
    if not NAME.fullmatch(name) or not VERSION.fullmatch(version):
        raise ExportError(
            f"A package lies in <name>/<version>; came {name}/{version}, expected a name of small letters, digits,"
            ' ".", "_", "-" and a version of letters, digits, ".", "_", "-". For example: -o models/my-net/1'
        )
    return name, version


def sha256_of(path: Path) -> str:
    """A file's SHA-256 in the form that model.json wants: `sha256-<hex>`."""
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            whole.update(part)
    return f"sha256-{whole.hexdigest()}"


def read_json(path: Path) -> Any:
    """Raises ExportError where the file is missing or is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise ExportError(f"{path} is not JSON: {error}.") from None


def write_json(path: Path, value: Any) -> None:
    """Indented JSON, with arrays of numbers kept on one line."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    # No string of JSON holds a line break, so that this can only meet arrays.
    text = re.sub(r"\[\n([-+0-9.eE,\s]*)\n *\]", lambda found: f"[{' '.join(found[1].split())}]", text)
    path.write_text(text + "\n", encoding="utf-8")


def _put_in_place(staging: Path, target: Path) -> None:
    if not target.exists():
        staging.rename(target)
        return
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as aside:
        target.rename(Path(aside) / "replaced")
        staging.rename(target)
