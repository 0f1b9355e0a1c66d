"""The command line: which command, with which flags. What a command does is in the module that COMMANDS names.

A command's module has `add_parser(subparsers)` and `run(args) -> int`. It is imported to build the parser, so it
imports torch, onnx and onnxruntime inside `run` only.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from sluice_export import __version__
from sluice_export.errors import ExportError

DEFAULT_COMMAND = "export"
COMMANDS = {
    "export": "sluice_export.export_command",
    "mobile": "sluice_export.mobile.command",
    "quantize": "sluice_export.quantize.command",
}


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; each sets `run`."""
    parser = argparse.ArgumentParser(
        prog="sluice-export",
        description="From a PyTorch model to a verified Sluice package. Without a command's name: export.",
        epilog="sluice-export COMMAND --help tells the flags of a command.",
    )
    parser.add_argument("--version", action="version", version=f"sluice-export {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in map(import_module, COMMANDS.values()):
        module.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, or 2 with a sentence on standard error."""
    words = list(sys.argv[1:] if argv is None else argv)
    is_named = bool(words) and (words[0] in COMMANDS or words in (["-h"], ["--help"], ["--version"]))
    args = build_parser().parse_args(words if is_named else [DEFAULT_COMMAND, *words])
    try:
        return args.run(args)
    except ExportError as error:
        print(f"sluice-export: {error}", file=sys.stderr)
        return 2
