"""The command `mobile`: a package to one that onnxruntime-mobile, and the service, can run."""

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        "mobile",
        help="a package to one for phones: model.ort, the operators it needs, the same model.json",
        description="Writes a package with model.ort instead of model.onnx, the same labels and samples, and"
        " required_operators.config for a build of onnxruntime that has no other operators.",
    )
    parser.add_argument("package", type=Path, metavar="PACKAGE", help="the package to convert: <name>/<version>")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="<name>/<version> to write")
    parser.add_argument("--force", action="store_true", help="replace a package that is there")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from sluice_export.mobile.convert import to_mobile

    report = to_mobile(args.package, args.output, force=args.force)
    print(f"{args.output}: model.ort, {report.ort_bytes} bytes (model.onnx: {report.onnx_bytes})")
    print(f"operators: {', '.join(report.operators)}")
    print(f"answers: {report.comparison}")
    print(f"made by onnxruntime {report.onnxruntime}; an app whose onnxruntime is older may refuse it")
    return 0
