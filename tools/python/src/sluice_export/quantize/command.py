"""The command `quantize`: flags to a request, the table, and the report."""

import argparse
import sys
from pathlib import Path

EXAMPLE = """\
examples:
  sluice-export quantize models/net/1 -o models/net/2 --static --calibrate pictures/
  sluice-export quantize models/text/1 -o models/text/2 --dynamic --held-out rows/
  sluice-export quantize models/net/1 -o models/net/3 --fp16 --held-out pictures/
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    parser = subparsers.add_parser(
        "quantize",
        help="a package to a smaller, faster one: INT8 or float16",
        description="Writes a package that was judged on held-out rows, and says how small, fast and true it is.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("package", type=Path, help="the float32 package: <name>/<version>")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="DIR", help="the package to write")
    parser.add_argument("--force", action="store_true", help="replace an existing package")
    how = parser.add_argument_group("how")
    mode = how.add_mutually_exclusive_group(required=True)
    mode.add_argument("--static", dest="mode", action="store_const", const="static", help="INT8 by calibration")
    mode.add_argument("--dynamic", dest="mode", action="store_const", const="dynamic", help="INT8 weights only")
    mode.add_argument("--fp16", dest="mode", action="store_const", const="fp16", help="half precision, for GPUs")
    how.add_argument(
        "--reduce-range",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="INT8 weights of 7 bits, which no CPU adds up wrongly; else 8 bits, for VNNI and ARM only",
    )
    rows = parser.add_argument_group("rows", "pictures, or .npy, .npz and .json files, of the kind that will be served")
    rows.add_argument("--calibrate", type=Path, metavar="FOLDER", help="ranges of values are found on these")
    rows.add_argument(
        "--held-out", type=Path, metavar="FOLDER", help="accuracy is judged on these; else a fourth of --calibrate"
    )
    rows.add_argument("--method", choices=("minmax", "entropy", "percentile"), default="minmax", help="(minmax)")
    judged = parser.add_argument_group("what is good enough")
    judged.add_argument(
        "--agreement", type=float, metavar="PART", help="rows with the same best class, of classifiers (0.99)"
    )
    judged.add_argument(
        "--max-difference", type=float, metavar="PART", help="of the largest value (0.05; classifiers: any)"
    )
    judged.add_argument(
        "--tries", type=int, default=8, metavar="N", help="most models judged to find nodes to leave in float32 (8)"
    )
    told = parser.add_argument_group("the report")
    told.add_argument("--report", type=Path, metavar="FILE", help="write quantization.json there too")
    told.add_argument("--seconds", type=float, default=3.0, metavar="N", help="of timing, for each number of rows (3)")
    told.add_argument(
        "--node-engine", type=Path, metavar="DIR", help="a checkout of Sluice after npm ci; looked for unless given"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Returns 0; raises ExportError."""
    # Here, as onnxruntime and torch take seconds to import, which --help need not wait for.
    from sluice_export.package import write_json
    from sluice_export.quantize.pipeline import quantize
    from sluice_export.quantize.request import QuantizeRequest
    from sluice_export.quantize.table import table_of

    request = QuantizeRequest(
        package=args.package,
        target=args.output,
        mode=args.mode,
        calibrate=args.calibrate,
        held_out=args.held_out,
        method=args.method,
        reduce_range=args.reduce_range,
        agreement=args.agreement,
        max_difference=args.max_difference,
        tries=args.tries,
        seconds=args.seconds,
        node_engine=args.node_engine,
        force=args.force,
    )
    quantized = quantize(request, lambda doing: print(f"{doing} …", file=sys.stderr))
    print(table_of(quantized.report))
    if args.report is not None:
        write_json(args.report, quantized.report)
    print(f"wrote {quantized.folder}")
    return 0
