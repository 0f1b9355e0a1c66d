"""The command `export`: flags to an export request, and the words on what came out."""

import argparse
from pathlib import Path

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
        help="one input's row, without the batch axis; once for each input, in their order. A size with ? behind it"
        " stays open. DTYPE is float32 unless said; whole numbers are tried from LOW to HIGH, 0..1 unless said",
    )
    model.add_argument("--batch-one", action="store_true", help="fix the batch axis at 1: rows are run one at a time")
    package = parser.add_argument_group("the package")
    package.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="its folder: <name>/<version>")
    package.add_argument("--name", help="instead of the folder's name")
    package.add_argument("--version", help="instead of the folder's name")
    package.add_argument(
        "--task",
        default="tensor",
        help="tensor (default), image-classification, object-detection, image-segmentation, text-classification or"
        " embedding",
    )
    package.add_argument(
        "--max-batch-size", type=int, metavar="N", help="most rows in one run; the service's default is 32"
    )
    package.add_argument("--tolerance", type=float, help="largest difference that passes; 1e-4 for float32 unless said")
    package.add_argument("--force", action="store_true", help="replace an existing package")
    answers = parser.add_argument_group("answers")
    answers.add_argument("--labels", type=Path, metavar="FILE", help="class names, one a line, or JSON")
    answers.add_argument(
        "--activation", help="of classifiers: softmax (default), sigmoid, or none for a model that ends in one"
    )
    answers.add_argument("--top-k", type=int, metavar="N", help="classes in an answer; 5 unless said")
    answers.add_argument(
        "--output-section",
        metavar="JSON",
        help="of detectors and segmenters: the output section of model.json, or a file of it (docs/packages.md)",
    )
    texts = parser.add_argument_group("texts")
    texts.add_argument("--tokenizer", type=Path, metavar="FILE", help="tokenizer.json of the training, or its folder")
    texts.add_argument("--pooling", help="of vectors of tokens to an embedding: mean or cls")
    texts.add_argument(
        "--normalize",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="make an embedding's length 1 (default) or not",
    )
    image = parser.add_argument_group("pictures")
    image.add_argument(
        "--transform", metavar="FILE.PY:NAME", help="the torchvision transform of validation, read from code"
    )
    image.add_argument("--image", metavar="SPEC", help='"imagenet", or the image section of model.json: JSON or a file')
    image.add_argument("--resize", metavar="N|HxW", help="shorter side, or height x width")
    image.add_argument("--crop", metavar="N|HxW", help="out of the middle")
    image.add_argument("--color", help="RGB (default), BGR or GRAY")
    image.add_argument("--mean", metavar="A,B,C", help="subtracted after scaling to 0..1")
    image.add_argument("--std", metavar="A,B,C", help="divided by after that")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Returns 0; raises ExportError."""
    # Here, as torch takes seconds to import, which --help need not wait for.
    from sluice_export.export_flags import arguments_of, image_of, section_of
    from sluice_export.inputs import parse_input
    from sluice_export.packing import Target
    from sluice_export.pipeline import check_wanted, export_source
    from sluice_export.sources.opening import open_request
    from sluice_export.sources.source import SourceRequest
    from sluice_export.subject import InputRequest
    from sluice_export.tasks.description import Description

    description = Description(
        task=args.task,
        name=args.name,
        version=args.version,
        image=image_of(args),
        labels=args.labels,
        activation=args.activation,
        top_k=args.top_k,
        output_section=None if args.output_section is None else section_of("--output-section", args.output_section),
        tokenizer=args.tokenizer,
        pooling=args.pooling,
        normalize=args.normalize,
        max_batch_size=args.max_batch_size,
    )
    target = Target(args.output, description, tolerance=args.tolerance, force=args.force)
    inputs = InputRequest([parse_input(text) for text in args.input], batch_one=args.batch_one)
    check_wanted(target)
    request = SourceRequest(args.model, args.weights, arguments_of(args.args), args.trust_pickle)
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
