"""docs/export.md: its programs and commands run as they stand there, and print what is printed there."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from service import REPOSITORY
from sluice_export.cli import build_parser

PAGE = (REPOSITORY / "docs/export.md").read_text(encoding="utf-8")
PAGES = ["docs/export.md", "docs/quantization.md", "README.md", "tools/python/README.md"]


def blocks(language: str, page: str = PAGE) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything of the page was done that comes before serving; what it printed is in `printed`."""
    folder = tmp_path_factory.mktemp("page")
    for program in blocks("python"):
        name = re.match(r"# (\w+\.py)\n", program)[1]
        (folder / name).write_text(program)
    printed = ""
    for commands in [*blocks("sh"), "python export.py\n"]:
        if commands.startswith(("pip ", "curl ")):
            continue
        # What is installed as commands is run by this Python, wherever it is installed.
        python = shlex.quote(sys.executable)
        script = f'python() {{ {python} "$@"; }}; sluice-export() {{ {python} -m sluice_export "$@"; }}\n{commands}'
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}
        done = subprocess.run(["bash", "-ec", script], cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        printed += done.stdout
    (folder / "printed").write_text(printed)
    return folder


def test_the_commands_print_what_the_page_shows(folder):
    numbers = re.compile(r"\d\S*e-\d+|torch \S+")
    (shown,) = blocks("text")
    printed = (folder / "printed").read_text().replace(str(folder) + "/", "")
    assert numbers.sub("…", shown) in numbers.sub("…", printed)
    assert printed.endswith("pass\n")


def test_the_picture_of_the_package_is_answered_as_the_page_says(folder, start_service):
    service = start_service(folder / "models")
    (curl,) = (block for block in blocks("sh") if block.startswith("curl "))
    words = shlex.split(curl.replace("http://127.0.0.1:8080", service.url))
    done = subprocess.run([*words, "--silent", "--show-error"], cwd=folder, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["label"] in ("cat", "dog", "horse")


@pytest.mark.parametrize("page", PAGES)
def test_all_flags_that_are_named_exist(page):
    known = {flag for action in _all_actions() for flag in action.option_strings}
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    commands = re.findall(r"sluice-export .*?(?=\n[^ ])|`--[^`]*`", text, re.DOTALL)
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", "\n".join(commands)))
    assert named
    assert named - known == set()


def _all_actions():
    (commands,) = (action for action in build_parser()._actions if action.choices)
    return [action for parser in commands.choices.values() for action in parser._actions]
