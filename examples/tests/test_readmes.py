"""Each example, typed from a clean state as its README says, prints what its README shows."""

import re
from contextlib import ExitStack
from pathlib import Path

import pytest

from checkout import Checkout
from readme import difference, steps_of
from service import REPOSITORY, Service, what_is_missing

FOLDER = REPOSITORY / "examples"
# How far numbers may be off: those of seeded nets by what a README rounds away, those of nets trained here by more, as
# training rounds differently on another processor.
SEEDED, TRAINED = 2e-3, 0.08
EXAMPLES = {
    "train-and-serve": TRAINED,
    "torchscript": SEEDED,
    "clients": SEEDED,
    "resnet-imagenet": SEEDED,
    "torchserve-mar": TRAINED,
    "text-classification": TRAINED,
    "tabular": SEEDED,
    "int8": TRAINED,
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_prints_what_its_readme_shows(example: str, tmp_path: Path):
    if (missing := what_is_missing()) is not None:
        pytest.skip(f"no service: {missing}")
    checkout = Checkout(tmp_path)
    readme = checkout.root / "examples" / example / "README.md"
    served: list[str] = []
    with ExitStack() as services:
        for number in range(len(steps_of(readme))):
            # Read anew, as the addresses in it move.
            step = steps_of(readme)[number]
            printed = checkout.type(step.commands)
            if step.printed and (found := difference(step.printed, printed, tolerance=EXAMPLES[example])):
                pytest.fail(f"{step.commands}\n\n{found}\n\n{printed}")
            if step.models is not None:
                service = services.enter_context(Service(checkout.root / step.models))
                served.append(service.url)
                checkout.move_to(service.url)
    assert len(served) == 1


def test_the_table_of_examples_lists_every_folder():
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[[^]]+\]\(([\w-]+)/README\.md\)", page, re.MULTILINE)
    assert sorted(listed) == sorted(readme.parent.name for readme in FOLDER.glob("[a-z]*/README.md"))


def test_no_two_examples_write_models_of_one_name():
    """For a version does not change, and who types one example after the other has the same Redis for both."""
    written = [path.name for path in (REPOSITORY / "models").iterdir()]
    for example in EXAMPLES:
        page = (FOLDER / example / "README.md").read_text(encoding="utf-8")
        written += {name for name in re.findall(rf"-o out/{example}/models/([^/\s]+)/", page) if name != "$net"}
    assert len(set(written)) == len(written) > 1


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        ("accuracy 0.95 of 360", "accuracy 0.85 of 360"),
        ("accuracy 0.95 of 360", "accuracy 0.95 of 361"),
        ("largest difference 3.1e-05", "largest difference 0.02"),
        ('{"prediction":6,…}', '{"prediction":5,"label":"6"}'),
        ("one line", "one line\nand one more"),
        ("one line\nand one more", "one line"),
        ("first\n…\nlast", "first\nsecond"),
        ("first\n…\nlast", "second\nlast"),
    ],
)
def test_another_result_is_noticed(expected: str, printed: str):
    assert difference(expected, printed, tolerance=0.05) is not None


@pytest.mark.parametrize("printed", ["first\nlast", "first\nsecond\nlast", "first\nsecond\nthird\nlast"])
def test_lines_that_are_left_out_may_be_any(printed: str):
    assert difference("first\n…\nlast", printed, tolerance=0) is None


def test_a_result_that_is_rounded_differently_passes():
    expected = 'accuracy 0.95\nlargest difference 3.1e-05\n{"prediction":6,"score":0.98,…}\n'
    printed = 'accuracy 0.961\nlargest difference 0\n{"prediction":6,"score":0.9700001,"metrics":{"queue_ms":1.5}}'
    assert difference(expected, printed, tolerance=0.05) is None
