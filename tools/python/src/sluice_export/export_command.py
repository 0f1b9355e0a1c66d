"""The command `export`: flags to an export request."""

import argparse


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser("export", help="a PyTorch or ONNX model to a package (the default)")
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="the package to write: <name>/<version>")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    raise NotImplementedError(args.output)
