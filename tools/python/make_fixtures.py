"""Makes the tiny models and pictures that the tests run: test/fixtures/models/<name>/1/ and test/fixtures/images/.

Run from the repository's root: pip install ./tools/python && python3 tools/python/make_fixtures.py
The same versions give the same bytes (made with onnx 1.23, numpy 2.4, Pillow 13). Nothing here is needed to run the
tests; the results are kept in the repository.
"""

from fixtures.loops import endless, slow
from fixtures.pictures import cells, pictures, shades, spots, tiny_classifier, tiny_mobile
from fixtures.tensors import (
    add,
    branching,
    external_weights,
    fixed1,
    gather_crash,
    identity_all,
    identity_of,
    multi,
    row_filter,
    row_sum,
    scalar_sum,
    shape_math,
)

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
