"""Makes the tiny models and pictures that the tests run: test/fixtures/models/<name>/1/ and test/fixtures/images/.

Run from the repository's root: pip install ./tools/python && python3 tools/python/make_fixtures.py
The same versions give the same bytes (made with onnx 1.23, numpy 2.4, Pillow 13). Nothing here is needed to run the
tests; the results are kept in the repository.
"""

import shutil
import tempfile
from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save
from PIL import Image

from sluice_export.mobile.convert import to_mobile
from sluice_export.package import drafting

FIXTURES = Path("test/fixtures")
OPSET = 13
DTYPES = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "float16": TensorProto.FLOAT16,
    "int8": TensorProto.INT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8,
    "uint16": TensorProto.UINT16,
    "uint32": TensorProto.UINT32,
    "uint64": TensorProto.UINT64,
    "bool": TensorProto.BOOL,
    "string": TensorProto.STRING,
}


def value(name, shape, dtype="float32"):
    return helper.make_tensor_value_info(name, DTYPES[dtype], shape)


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def constant(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def write(name, nodes, inputs, outputs, constants=(), weights=None):
    """`weights` names a file beside the model that its constants go to."""
    graph = helper.make_graph(nodes, name, inputs, outputs, list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    checker.check_model(model, full_check=True)
    folder = FIXTURES / "models" / name / "1"
    folder.mkdir(parents=True, exist_ok=True)
    save(model, folder / "model.onnx", save_as_external_data=weights is not None, location=weights, size_threshold=0)


def external_weights():
    """y = x + (1, 2, 3), whose weights lie in a file beside the model."""
    nodes = [node("Add", "x w", "y")]
    weights = constant("w", np.float32([1, 2, 3]))
    (FIXTURES / "models/external_weights/1/model.onnx.data").unlink(missing_ok=True)
    write("external_weights", nodes, [value("x", ["N", 3])], [value("y", ["N", 3])], [weights], "model.onnx.data")


def add():
    """sum = a + b, row by row."""
    write("add", [node("Add", "a b", "sum")], [value("a", ["N", 3]), value("b", ["N", 3])], [value("sum", ["N", 3])])


def identity_all():
    """One input and one output `<dtype>_out` of every dtype, unchanged."""
    nodes = [node("Identity", dtype, f"{dtype}_out") for dtype in DTYPES]
    inputs = [value(dtype, ["N", 2], dtype) for dtype in DTYPES]
    outputs = [value(f"{dtype}_out", ["N", 2], dtype) for dtype in DTYPES]
    write("identity_all", nodes, inputs, outputs)


def identity_of(dtype):
    """The same for one dtype alone: x to y."""
    write(
        f"identity_{dtype}", [node("Identity", "x", "y")], [value("x", ["N", 2], dtype)], [value("y", ["N", 2], dtype)]
    )


def scalar_sum():
    """No batch axis: a vector of any length to one scalar."""
    nodes = [node("ReduceSum", "x axes", "sum", keepdims=0)]
    write("scalar_sum", nodes, [value("x", ["length"])], [value("sum", [])], [constant("axes", np.int64([0]))])


def fixed1():
    """The batch axis fixed at 1: x * 2."""
    nodes = [node("Mul", "x two", "y")]
    write("fixed1", nodes, [value("x", [1, 3])], [value("y", [1, 3])], [constant("two", np.float32(2))])


def multi():
    """Two outputs: double = x * 2 and index = position of the largest."""
    nodes = [node("Mul", "x two", "double"), node("ArgMax", "x", "index", axis=1, keepdims=0)]
    outputs = [value("double", ["N", 3]), value("index", ["N"], "int64")]
    write("multi", nodes, [value("x", ["N", 3])], outputs, [constant("two", np.float32(2))])


def row_sum():
    """Row sums, kept as an axis."""
    nodes = [node("ReduceSum", "x axes", "sum", keepdims=1)]
    write("row_sum", nodes, [value("x", ["N", 4])], [value("sum", ["N", 1])], [constant("axes", np.int64([1]))])


def row_filter():
    """Keeps only rows whose first value is positive: what comes out may have fewer rows than what went in."""
    nodes = [
        node("Gather", "x first", "column", axis=1),
        node("Greater", "column nought", "keep"),
        node("Compress", "x keep", "y", axis=0),
    ]
    constants = [constant("first", np.int64(0)), constant("nought", np.float32(0))]
    write("row_filter", nodes, [value("x", ["N", 3])], [value("y", ["M", 3])], constants)


def gather_crash():
    """An index outside 0..2 makes the whole run fail."""
    nodes = [node("Gather", "table index", "y", axis=0)]
    table = constant("table", np.float32([10, 20, 30]))
    write("gather_crash", nodes, [value("index", ["N", 1], "int64")], [value("y", ["N", 1])], [table])


def loop_body(nodes, state, constants=()):
    """A Loop's graph: condition `go_on` from `condition`, one carried value `state` to `next`."""
    inputs = [value("turn", [], "int64"), value("condition", [], "bool"), value("state", state)]
    return helper.make_graph(nodes, "body", inputs, [value("go_on", [], "bool"), value("next", state)], list(constants))


def endless():
    """y = x * 2, unless a value of the batch is above 1000: then it never returns."""
    body = loop_body([node("Identity", "condition", "go_on"), node("Identity", "state", "next")], ["N", 1])
    nodes = [
        node("Greater", "x limit", "above"),
        node("Cast", "above", "above_number", to=TensorProto.INT32),
        node("ReduceMax", "above_number", "any_number", keepdims=0),
        node("Cast", "any_number", "any", to=TensorProto.BOOL),
        helper.make_node("Loop", ["", "any", "x"], ["same"], body=body),
        node("Mul", "same two", "y"),
    ]
    constants = [constant("limit", np.float32(1000)), constant("two", np.float32(2))]
    write("endless", nodes, [value("x", ["N", 1])], [value("y", ["N", 1])], constants)


def slow(name="slow", turns=6000, size=128):
    """y = x, after some tenths of a second that depend little on the batch: `turns` products of small matrices."""
    nodes = [
        node("MatMul", "state weights", "product"),
        node("Tanh", "product", "next"),
        node("Identity", "condition", "go_on"),
    ]
    body = loop_body(nodes, [size, size])
    outer = [
        helper.make_node("Loop", ["turns", "yes", "start"], ["end"], body=body),
        node("ReduceMax", "end", "largest", keepdims=0),
        # The result enters the output with weight 0, so that no optimiser may drop the loop.
        node("Mul", "largest nought", "nothing"),
        node("Add", "x nothing", "y"),
    ]
    # Made in the graph from a scalar: the weights themselves would make the file large.
    outer.insert(0, node("Expand", "one shape", "start"))
    outer.insert(1, node("Expand", "small shape", "weights"))
    constants = [
        constant("turns", np.int64(turns)),
        constant("yes", np.bool_(True)),
        constant("nought", np.float32(0)),
        constant("one", np.float32(1)),
        constant("small", np.float32(1 / size)),
        constant("shape", np.int64([size, size])),
    ]
    write(name, outer, [value("x", ["N", 4])], [value("y", ["N", 4])], constants)


def shape_math():
    """Rows [3, 4] to rows [12], by sizes that are computed while it runs and cannot be known before."""
    nodes = [
        node("Shape", "x", "sizes"),
        node("Gather", "sizes first", "rows"),
        node("Mul", "rows two", "doubled"),
        node("Unsqueeze", "doubled axis", "halves"),
        node("Concat", "halves rest", "split", axis=0),
        node("Reshape", "x split", "parts"),
        node("Relu", "parts", "positive"),
        node("Shape", "positive", "part_sizes"),
        node("Gather", "part_sizes first", "part_rows"),
        node("Div", "part_rows two", "halved"),
        node("Unsqueeze", "halved axis", "whole"),
        node("Concat", "whole rest", "joined", axis=0),
        node("Reshape", "positive joined", "y"),
    ]
    constants = [
        constant("first", np.int64(0)),
        constant("two", np.int64(2)),
        constant("axis", np.int64([0])),
        constant("rest", np.int64([-1])),
    ]
    write("shape_math", nodes, [value("x", ["N", 3, 4])], [value("y", ["N", 12])], constants)


def branching():
    """y = -x where the batch sums to more than 0, else the place of each row's largest value as 1 among 0."""
    negative = helper.make_graph([node("Neg", "x", "minus")], "negative", [], [value("minus", ["N", 4])])
    hard = helper.make_graph([node("Hardmax", "x", "place")], "hard", [], [value("place", ["N", 4])])
    nodes = [
        node("ReduceSum", "x", "total", keepdims=0),
        node("Greater", "total nought", "above"),
        helper.make_node("If", ["above"], ["y"], then_branch=negative, else_branch=hard),
    ]
    write("branching", nodes, [value("x", ["N", 4])], [value("y", ["N", 4])], [constant("nought", np.float32(0))])


def tiny_classifier():
    """A picture to three scores: the mean of each channel, NCHW [N, 3, 8, 8] to [N, 3]."""
    nodes = [node("ReduceMean", "pixels", "scores", axes=[2, 3], keepdims=0)]
    write("tiny_classifier", nodes, [value("pixels", ["N", 3, 8, 8])], [value("scores", ["N", 3])])


def spots():
    """A detector as torchvision's are: one picture [3, H, W], and a box of one pixel for each that is bright enough, of
    label 1, 2 or 3 by its strongest channel, which is its score. No output has a batch axis."""
    nodes = [
        node("ReduceMax", "images", "peak", axes=[0], keepdims=0),
        node("ArgMax", "images", "channel", axis=0, keepdims=0),
        node("Greater", "peak least", "bright"),
        node("NonZero", "bright", "found"),
        node("Transpose", "found", "places"),
        node("GatherND", "peak places", "scores"),
        node("GatherND", "channel places", "channels"),
        node("Add", "channels one", "labels"),
        node("Cast", "places", "rows_first", to=TensorProto.FLOAT),
        node("Gather", "rows_first swapped", "corners", axis=1),
        node("Add", "corners pixel", "opposite"),
        node("Concat", "corners opposite", "boxes", axis=1),
    ]
    constants = [
        constant("least", np.float32(0.25)),
        constant("one", np.int64(1)),
        constant("swapped", np.int64([1, 0])),
        constant("pixel", np.float32(1)),
    ]
    outputs = [value("boxes", ["n", 4]), value("labels", ["n"], "int64"), value("scores", ["n"])]
    write("spots", nodes, [value("images", [3, "H", "W"])], outputs, constants)


def cells():
    """A detector as YOLO's are: rows of pictures [N, 3, 8, 8] to [N, 4 + 3, 64], in each column the box around one
    pixel, 2 wide and high, by its centre, and its channels as the scores of three classes."""
    nodes = [
        node("Shape", "images", "sizes"),
        node("Slice", "sizes nought one", "rows"),
        node("Concat", "rows ones", "expanded", axis=0),
        node("Expand", "centres expanded", "boxes"),
        node("Reshape", "images flat", "scores"),
        node("Concat", "boxes scores", "output0", axis=1),
    ]
    rows, columns = np.mgrid[0:8, 0:8] + 0.5
    centres = np.stack([columns.ravel(), rows.ravel(), np.full(64, 2), np.full(64, 2)])
    constants = [
        constant("nought", np.int64([0])),
        constant("one", np.int64([1])),
        constant("ones", np.int64([1, 1])),
        constant("flat", np.int64([0, 3, 64])),
        constant("centres", np.float32(centres)[None]),
    ]
    write("cells", nodes, [value("images", ["N", 3, 8, 8])], [value("output0", ["N", 7, 64])], constants)


def shades():
    """A segmenter: gray pictures [N, 1, H, W] to scores of three classes, the higher the nearer a pixel is to 0, 1/2
    and 1, and to the class itself."""
    nodes = [
        node("Sub", "pixels shades", "difference"),
        node("Abs", "difference", "distance"),
        node("Mul", "distance factor", "scores"),
        node("ArgMax", "scores", "classes", axis=1, keepdims=0),
    ]
    constants = [
        constant("shades", np.float32([0, 0.5, 1]).reshape(1, 3, 1, 1)),
        constant("factor", np.float32(-8)),
    ]
    outputs = [value("scores", ["N", 3, "H", "W"]), value("classes", ["N", "H", "W"], "int64")]
    write("shades", nodes, [value("pixels", ["N", 1, "H", "W"])], outputs, constants)


def tiny_mobile():
    """tiny_classifier as a mobile package. Its model.ort differs with the version of onnxruntime (made with 1.32)."""
    image = {"resize": {"exact": [8, 8]}}
    manifest = {"task": "image-classification", "image": image, "output": {"activation": "none", "topK": 3}}
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "tiny_mobile" / "1"
        with drafting(source) as draft:
            shutil.copyfile(FIXTURES / "models/tiny_classifier/1/model.onnx", draft.folder / "model.onnx")
            draft.finish({"name": "tiny_mobile", "version": "1", **manifest})
        to_mobile(source, FIXTURES / "models/tiny_mobile/1", force=True)


def pictures():
    folder = FIXTURES / "images"
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((16, 24, 3), np.uint8)
    pixels[:, :, 0] = np.linspace(0, 255, 24)[None]
    pixels[:, :, 1] = np.linspace(0, 255, 16)[:, None]
    pixels[:, :, 2] = 200
    rgb = Image.fromarray(pixels)
    rgb.save(folder / "rgb.png")
    rgb.convert("L").save(folder / "gray.png")
    rgb.convert("LA").save(folder / "gray-alpha.png")
    rgb.convert("P", palette=Image.Palette.ADAPTIVE, colors=16).save(folder / "palette.png")
    rgb.convert("CMYK").save(folder / "cmyk.jpg", quality=100)
    rgb.save(folder / "rgb.webp", lossless=True)
    rgb.save(folder / "refused.tiff")
    rgb.save(folder / "refused.bmp")
    alpha = rgb.copy()
    alpha.putalpha(Image.fromarray((np.arange(16 * 24) % 256).astype(np.uint8).reshape(16, 24)))
    alpha.save(folder / "rgba.png")
    # Values v * 257, whose 8-bit form is v.
    Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 257).save(folder / "gray16.png")
    frames = [rgb.convert("P", palette=Image.Palette.ADAPTIVE), rgb.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    frames[0].save(folder / "animated.gif", save_all=True, append_images=frames[1:], duration=100)
    corners = Image.new("RGB", (24, 16))
    for box, color in (((0, 0), "red"), ((12, 0), "lime"), ((0, 8), "blue"), ((12, 8), "white")):
        corners.paste(color, (*box, box[0] + 12, box[1] + 8))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        corners.save(folder / f"orientation-{orientation}.jpg", quality=95, exif=exif)


if __name__ == "__main__":
    external_weights()
    add()
    identity_all()
    for each in ("float16", "int64", "bool", "string"):
        identity_of(each)
    scalar_sum()
    fixed1()
    multi()
    row_sum()
    row_filter()
    gather_crash()
    endless()
    slow()
    slow("slower", turns=18000)
    shape_math()
    branching()
    tiny_classifier()
    spots()
    cells()
    shades()
    tiny_mobile()
    pictures()
