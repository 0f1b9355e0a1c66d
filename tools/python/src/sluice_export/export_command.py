"""The command `export`: flags to an export request, and the words on what came out."""

import argparse
import json
from pathlib import Path
from typing import Any

from sluice_export.errors import ExportError

EXAMPLE = """\
examples:
  sluice-export --model net.py:Net --weights net.pth --input 3x224x224 \\
      --task image-classification --image imagenet --labels labels.txt -o models/net/1
  sluice-export --model traced.pt --input ids:int64:16:0..999 -o models/net/1
  sluice-export --model net.onnx -o models/net/1
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        "export",
        help="a PyTorch or ONNX model to a package (the default)",
        description="Writes a package that was proved to answer what the model answers in PyTorch.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    model = parser.add_argument_group("the model")
    model.add_argument(
        "--model",
        required=True,
        help="file.py:Name or pkg.mod:Name (a class or a function that makes the module), or a file: TorchScript,"
        " ExportedProgram, ONNX, pickled module",
    )
    model.add_argument("--weights", type=Path, metavar="FILE", help="the state_dict of a class: .pth or .safetensors")
    model.add_argument("--args", metavar="JSON", help="arguments of the class: an object by name, or an array")
    model.add_argument(
        "--trust-pickle",
        action="store_true",
        help="unpickle a whole module: this RUNS CODE from the file, whatever it is",
    )
    model.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="[NAME:][DTYPE:]SHAPE[:LOW..HIGH]",
        help="one input's row, without the batch axis; once for each input, in their order. DTYPE is float32 unless"
        " said; whole numbers are tried from LOW to HIGH, 0..1 unless said",
    )
    model.add_argument("--batch-one", action="store_true", help="fix the batch axis at 1: rows are run one at a time")
    package = parser.add_argument_group("the package")
    package.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="its folder: <name>/<version>")
    package.add_argument("--name", help="instead of the folder's name")
    package.add_argument("--version", help="instead of the folder's name")
    package.add_argument("--task", default="tensor", help="tensor (default) or image-classification")
    package.add_argument(
        "--max-batch-size", type=int, metavar="N", help="most rows in one run; the service's default is 32"
    )
    package.add_argument("--tolerance", type=float, help="largest difference that passes; 1e-4 for float32 unless said")
    package.add_argument("--force", action="store_true", help="replace an existing package")
    image = parser.add_argument_group("image classification")
    image.add_argument("--labels", type=Path, metavar="FILE", help="class names, one a line, or JSON")
    image.add_argument("--activation", help="softmax (default), sigmoid, or none for a model that ends in one")
    image.add_argument("--top-k", type=int, metavar="N", help="classes in an answer; 5 unless said")
    image.add_argument(
        "--transform", metavar="FILE.PY:NAME", help="the torchvision transform of validation, read from code"
    )
    image.add_argument("--image", metavar="SPEC", help='"imagenet", or a JSON file: the image section of model.json')
    image.add_argument("--resize", metavar="N|HxW", help="shorter side, or height x width")
    image.add_argument("--crop", metavar="N|HxW", help="out of the middle")
    image.add_argument("--color", help="RGB (default), BGR or GRAY")
    image.add_argument("--mean", metavar="A,B,C", help="subtracted after scaling to 0..1")
    image.add_argument("--std", metavar="A,B,C", help="divided by after that")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Returns 0; raises ExportError."""
    # Here, as torch takes seconds to import, which --help need not wait for.
    from sluice_export.inputs import parse_input
    from sluice_export.packing import Description
    from sluice_export.pipeline import Target, check_wanted, export_source
    from sluice_export.sources.opening import open_request
    from sluice_export.sources.source import SourceRequest
    from sluice_export.subject import InputRequest

    description = Description(
        task=args.task,
        name=args.name,
        version=args.version,
        image=_image(args),
        labels=args.labels,
        activation=args.activation,
        top_k=args.top_k,
        max_batch_size=args.max_batch_size,
    )
    target = Target(args.output, description, tolerance=args.tolerance, force=args.force)
    inputs = InputRequest([parse_input(text) for text in args.input], batch_one=args.batch_one)
    check_wanted(target)
    request = SourceRequest(args.model, args.weights, _json(args.args), args.trust_pickle)
    exported = export_source(open_request(request), inputs, target)
    parity = exported.parity
    for note in exported.notes:
        print(f"note: {note}")
    print(
        f"parity: {len(parity['comparisons'])} comparisons with {parity['reference']} pass at batch sizes"
        f" {', '.join(map(str, parity['batchSizes']))}; largest difference {parity['maxAbsDiff']:.2g}"
    )
    print(f"wrote {exported.folder}")
    return 0


def _json(text: str | None) -> Any:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ExportError(f"--args {text} is not JSON: {error}.") from None
    if not isinstance(value, dict | list):
        raise ExportError(f"--args {text}: expected an object by name, or an array.")
    return value


def _image(args: argparse.Namespace) -> Any:
    flags = {key: getattr(args, key) for key in ("resize", "crop", "color", "mean", "std") if getattr(args, key)}
    given = [
        word for word, value in (("--image", args.image), ("--transform", args.transform), ("flags", flags)) if value
    ]
    if len(given) > 1:
        raise ExportError("--image, --transform and --resize, --crop, --color, --mean, --std exclude each other.")
    if args.transform:
        from sluice_export.sources.code import load_name

        return load_name(args.transform)
    if not flags:
        return args.image
    section: dict[str, Any] = {}
    if "resize" in flags:
        sizes = _sizes("--resize", flags["resize"])
        section["resize"] = {"shorterSide": sizes[0]} if len(sizes) == 1 else {"exact": sizes}
    if "crop" in flags:
        sizes = _sizes("--crop", flags["crop"])
        section["crop"] = sizes * (3 - len(sizes))
    if "color" in flags:
        section["color"] = flags["color"]
    for key in ("mean", "std"):
        if key in flags:
            section[key] = _numbers(f"--{key}", flags[key])
    return section


def _sizes(flag: str, text: str) -> list[int]:
    parts = text.split("x")
    if len(parts) > 2 or not all(part.isdigit() for part in parts):
        raise ExportError(f"{flag} {text}: expected pixels, as 256, or height x width, as 224x224.")
    return [int(part) for part in parts]


def _numbers(flag: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ExportError(f"{flag} {text}: expected numbers by comma, one a channel.") from None
