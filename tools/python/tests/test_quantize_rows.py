"""Rows are read from every kind of file that is promised, and none both calibrates and judges."""

import json

import numpy as np
import pytest

from sluice_export import ExportError
from sluice_export.quantize.examples import read_examples
from sluice_export.quantize.judging import Judgement
from sluice_export.quantize.request import QuantizeRequest
from sluice_export.quantize.rows import choose_rows
from sluice_export.quantize.sensitivity import Attempt, find_attempt
from sluice_export.session import TensorSpec

ONE = [TensorSpec("x", np.dtype("float32"), (None, 3))]
TWO = [TensorSpec("a", np.dtype("int64"), (None,)), TensorSpec("b", np.dtype("float32"), (None, None))]


def write(folder, name, content):
    file = folder / name
    if name.endswith(".json"):
        file.write_text(json.dumps(content))
    elif name.endswith(".npz"):
        np.savez(file, **{key: np.array(value) for key, value in content.items()})
    else:
        np.save(file, np.array(content))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("one-row.npy", [1, 2, 3]),
        ("rows.npy", [[1, 2, 3], [4, 5, 6]]),
        ("named.npz", {"x": [[1, 2, 3]]}),
        ("input.json", {"input": [1, 2, 3]}),
        ("inputs.json", {"inputs": [[1, 2, 3], [4, 5, 6]]}),
        ("tensors.json", {"tensors": {"x": [[1, 2, 3]]}}),
        ("bare.json", [[1, 2, 3]]),
    ],
)
def test_one_input_is_read_bare_or_named(tmp_path, name, content):
    write(tmp_path, name, content)
    examples = read_examples(tmp_path, ONE, None)
    first = examples.batch([0])
    assert first["x"].tolist() == [[1, 2, 3]]
    assert first["x"].dtype == np.float32
    assert len(examples) == (2 if "s." in name and "tensors" not in name else 1)


def test_several_inputs_are_read_by_name(tmp_path):
    write(tmp_path, "1.npz", {"a": [1, 2], "b": [[1, 2], [3, 4]]})
    write(tmp_path, "2.json", {"inputs": [{"a": 3, "b": [5, 6]}]})
    whole = read_examples(tmp_path, TWO, None).batch([0, 1, 2])
    assert whole["a"].tolist() == [1, 2, 3]
    assert whole["b"].tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.npy", [[1, 2]], r"x has shape \[1, 2\] of int64; expected numbers, rows of 3"),
        ("a.npz", {"y": [[1, 2, 3]]}, r"holds y; the model takes x"),
        ("a.json", {"inputs": [[1, 2, 3], [1]]}, r"rows of different sizes cannot be one array"),
        ("a.json", {"input": ["a", "b", "c"]}, r"expected numbers"),
    ],
)
def test_a_file_that_does_not_fit_is_named(tmp_path, name, content, complaint):
    write(tmp_path, name, content)
    with pytest.raises(ExportError, match=complaint):
        read_examples(tmp_path, ONE, None)


def test_a_fourth_is_held_out_and_calibrates_nothing(tmp_path):
    write(tmp_path, "rows.npy", [[index, 0, 0] for index in range(40)])
    request = QuantizeRequest(tmp_path, tmp_path, "static", calibrate=tmp_path)
    rows = choose_rows(request, ONE, None)
    calibrating, judging = (
        {int(value) for value in part.batch(range(len(part)))["x"][:, 0]} for part in (rows.calibration, rows.judging)
    )
    assert (len(calibrating), len(judging)) == (30, 10)
    assert calibrating | judging == set(range(40))


def attempts(needed: int):
    """An attempt that is good enough from so many exclusions on."""

    def attempt(excluded):
        judgement = Judgement(1, None, 0.0, 1 / (1 + len(excluded)), None)
        return Attempt(tuple(excluded), b"", judgement, len(excluded) >= needed)

    return attempt


@pytest.mark.parametrize("needed", range(15))
def test_the_fewest_of_the_worst_are_left_out(needed):
    ranked = [f"n{index}" for index in range(16)]
    search = find_attempt(attempts(needed), lambda: ranked, tries=20)
    assert search.chosen.excluded == tuple(ranked[:needed])
    assert len(search.attempts) <= 9


@pytest.mark.parametrize("tries", [1, 2, 3, 5])
def test_no_more_is_tried_than_allowed_and_the_closest_is_told(tries):
    search = find_attempt(attempts(100), lambda: ["a", "b", "c", "d", "e", "f"], tries=tries)
    assert len(search.attempts) <= tries
    assert search.chosen is None
    assert search.closest is search.attempts[-1]
