"""A fresh checkout in a folder of its own, with the commands that examples/README.md installs; for typing into."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from service import REPOSITORY

URL = "http://127.0.0.1:8080"
LINKED = (".swcrc", "dist", "models", "node_modules", "package.json", "test", "tools")
COMMAND_SECONDS = 240


class Checkout:
    """`root` is where its reader types; `move_to` is for the service of a test, which has a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "sluice"
        self._commands = folder / "bin"
        self.root.mkdir()
        self._commands.mkdir()
        for name in LINKED:
            (self.root / name).symlink_to(REPOSITORY / name)
        shutil.copytree(
            REPOSITORY / "examples", self.root / "examples", ignore=shutil.ignore_patterns("__pycache__", "tests")
        )
        # The sources of this checkout, whatever is installed.
        for name, started in (("python", ""), ("sluice-export", " -m sluice_export")):
            (self._commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{started} "$@"\n')
            (self._commands / name).chmod(0o755)

    def type(self, commands: str) -> str:
        """What the commands print. Raises AssertionError, with all of it, where one fails."""
        paths = [str(self._commands), str(Path(sys.executable).parent), os.environ["PATH"]]
        settings = {
            "PATH": os.pathsep.join(paths),
            "PYTHONPATH": str(REPOSITORY / "tools/python/src"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
        }
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.root,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        assert ended.returncode == 0, f"{commands}\n{ended.stdout}{ended.stderr}"
        return ended.stdout

    def move_to(self, url: str) -> None:
        """The examples, their READMEs included, ask `url` from now on."""
        for file in (self.root / "examples").rglob("*"):
            if file.suffix in (".md", ".py", ".ts", ".sh"):
                file.write_text(file.read_text(encoding="utf-8").replace(URL, url), encoding="utf-8")
