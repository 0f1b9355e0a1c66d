"""Makes the tiny models of texts that the tests run, and what Python's tokenizers and numpy say of them.

Run from the repository's root: pip install onnx numpy tokenizers && python3 tools/python/make_text_fixtures.py
The same versions give the same bytes (made with onnx 1.23, numpy 2.4, tokenizers 0.23). Nothing here is needed to run
the tests; the results are kept in the repository.
"""

import json
from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

FIXTURES = Path("test/fixtures")
OPSET = 13
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
GREEK = ["\N{GREEK SMALL LETTER SIGMA}\N{GREEK SMALL LETTER ALPHA}", "##\N{GREEK SMALL LETTER SIGMA}", "##ς"]
WORDS = [*GREEK, "the", "cat", "dog", "sat", "sofa", "good", "bad", "film", "very", "##s", "##ed", "##ing"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *LETTERS, *(f"##{letter}" for letter in LETTERS), *WORDS, *".,!?'"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
SIZE = 4


def tokenizer_json():
    """BERT's, with a vocabulary of 96 tokens."""
    cls, sep = ({"SpecialToken": {"id": name, "type_id": 0}} for name in ("[CLS]", "[SEP]"))
    a, b = ({"Sequence": {"id": name, "type_id": kind}} for name, kind in (("A", 0), ("B", 1)))
    last = {"SpecialToken": {"id": "[SEP]", "type_id": 1}}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 16, "strategy": "LongestFirst", "stride": 0},
        "padding": None,
        "added_tokens": [{"id": i, "content": name, **flags} for i, name in enumerate(SPECIAL)],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [cls, a, sep],
            "pair": [cls, a, sep, b, last],
            "special_tokens": {
                name: {"id": name, "ids": [SPECIAL.index(name)], "tokens": [name]} for name in ("[CLS]", "[SEP]")
            },
        },
        "decoder": None,
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {token: i for i, token in enumerate(VOCABULARY)},
        },
    }


def value(name, shape, dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def table(rows, size, seed):
    """Numbers of no pattern, the same everywhere."""
    return np.round(np.sin(np.arange(rows * size) * 1.7 + seed), 3).astype(np.float32).reshape(rows, size)


def package(name, graph, manifest):
    folder = FIXTURES / "models" / name / "1"
    folder.mkdir(parents=True, exist_ok=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    checker.check_model(model, full_check=True)
    save(model, folder / "model.onnx")
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer_json(), separators=(",", ":")) + "\n")
    whole = {"name": name, "version": "1", **manifest}
    (folder / "model.json").write_text(json.dumps(whole, indent=2) + "\n")


# The mean of the vectors of the tokens under the mask, so that a row's answer hangs on all its tokens and no padding.
MEAN = [
    node("Cast", "attention_mask", "mask", to=TensorProto.FLOAT),
    node("Unsqueeze", "mask last", "weights"),
    node("Mul", "vectors weights", "masked"),
    node("ReduceSum", "masked middle", "sum", keepdims=1),
    node("ReduceSum", "weights middle", "count", keepdims=1),
    node("Div", "sum count", "mean"),
]
AXES = [numpy_helper.from_array(np.int64([2]), "last"), numpy_helper.from_array(np.int64([1]), "middle")]


def embedding():
    """last_hidden_state = words[ids] + types[types] + their mean: [N, L] to [N, L, 4]."""
    nodes = [
        node("Gather", "words input_ids", "of_words"),
        node("Gather", "kinds token_type_ids", "of_kinds"),
        node("Add", "of_words of_kinds", "vectors"),
        *MEAN,
        node("Add", "vectors mean", "last_hidden_state"),
    ]
    inputs = [value(name, ["N", "L"], TensorProto.INT64) for name in ("input_ids", "attention_mask", "token_type_ids")]
    constants = [
        numpy_helper.from_array(table(len(VOCABULARY), SIZE, 0), "words"),
        numpy_helper.from_array(table(2, SIZE, 5), "kinds"),
    ]
    outputs = [value("last_hidden_state", ["N", "L", SIZE])]
    graph = helper.make_graph(nodes, "tiny_embedding", inputs, outputs, constants + AXES)
    package("tiny_embedding", graph, {"task": "embedding", "embedding": {"pooling": "mean"}})


def scores(name, count, manifest):
    """Scores of a text, or of two: int32 ids [N, L] to [N, count]."""
    nodes = [
        node("Gather", "words input_ids", "of_words"),
        node("Gather", "kinds token_type_ids", "of_kinds"),
        node("Add", "of_words of_kinds", "vectors"),
        *MEAN,
        node("Squeeze", "mean middle", "pooled"),
        node("MatMul", "pooled weight", "logits"),
    ]
    inputs = [value(name, ["N", "L"], TensorProto.INT32) for name in ("input_ids", "token_type_ids", "attention_mask")]
    constants = [
        numpy_helper.from_array(table(len(VOCABULARY), SIZE, 1), "words"),
        numpy_helper.from_array(table(2, SIZE, 7), "kinds"),
        numpy_helper.from_array(table(SIZE, count, 2) * 4, "weight"),
    ]
    graph = helper.make_graph(nodes, name, inputs, [value("logits", ["N", count])], constants + AXES)
    package(name, graph, {"task": "text-classification", **manifest})


def bag(name, shape, manifest):
    """A sum over all tokens whose vector of padding is nought: no mask, one vector a text."""
    words = table(len(VOCABULARY), SIZE, 3)
    words[0] = 0
    nodes = [node("Gather", "words tokens", "vectors"), node("ReduceSum", "vectors middle", "sums", keepdims=0)]
    inputs = [value("tokens", shape, TensorProto.INT64)]
    outputs = [value("sums", [shape[0], SIZE])]
    graph = helper.make_graph(nodes, name, inputs, outputs, [numpy_helper.from_array(words, "words"), AXES[1]])
    package(name, graph, {"task": "embedding", "embedding": {"normalize": False}, **manifest})


def byte_pairs():
    """As GPT-2's and RoBERTa's: pairs of bytes."""
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("c", "a"), ("ca", "t"), ("o", "o"), ("Ġ", "Ġ"), ("Ã", "¼")]
    tokens = ["<s>", "<pad>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(pair) for pair in merges)]
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


def pieces():
    """As T5's and XLM-R's: the likeliest pieces, and one unknown for several in a row."""
    scores = {"▁": -2.0, "▁the": -3.0, "▁c": -4.0, "at": -4.0, "the": -5.0, "▁sat": -6.0, "s": -6.5, ".": -3.5}
    letters = {letter: -8.0 - i / 10 for i, letter in enumerate("abcdefghijklmnopqrtuvwxyz0123456789ü")}
    vocab = [("<s>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *scores.items(), *letters.items()]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=2))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return tokenizer


# What the JavaScript library's own expressions for words, digits, blanks and marks take for something else.
ODD_TEXTS = [
    "Zürich naïve café, 中文字。 x² ½ ①a",
    "line\u0085next \ufeffmark a\u00a0b",
    "don't -- stop!!! 3.14 1,000 ٣٤ $5+",
    "Ωμέγα_x हिन्दी 😀😀 e\u0301a",
    "none of these",
]


def whole_words(kind):
    """A word is a token, or unknown."""
    split = {
        "Whitespace": pre_tokenizers.Whitespace(),
        "WhitespaceSplit": pre_tokenizers.WhitespaceSplit(),
        "Digits": pre_tokenizers.Digits(individual_digits=False),
        "Digits one by one": pre_tokenizers.Sequence(
            [pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)]
        ),
        "Punctuation": pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]),
    }[kind]
    words = dict.fromkeys(word for text in ODD_TEXTS[:-1] for word, _ in split.pre_tokenize_str(text))
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(["[UNK]", *words])}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = split
    return kind, tokenizer, ODD_TEXTS


WHOLE_WORDS = ("Whitespace", "WhitespaceSplit", "Digits", "Digits one by one", "Punctuation")

TEXTS = [
    "The cat sat.",
    "the cats sat on the sofa, very good!",
    "",
    "a bad film",
    "Zürich 2024",
    "中文𠀀𪚥 ΣΑΣ",
    "dogging " * 20,
    "[SEP] the [CLS]",
]


def expected():
    """Ids, and answers by numpy, of the texts: each by itself."""
    tokenizer = Tokenizer.from_str(json.dumps(tokenizer_json()))
    rows = tokenizer.encode_batch(TEXTS)
    pairs = tokenizer.encode_batch([(text, other) for text, other in zip(TEXTS, reversed(TEXTS), strict=True)])
    words, kinds = table(len(VOCABULARY), SIZE, 0), table(2, SIZE, 5)
    vectors = []
    for row in rows:
        states = words[row.ids] + kinds[row.type_ids]
        mean = (states + states.mean(0)).mean(0)
        vectors.append([round(float(number), 6) for number in mean / np.linalg.norm(mean)])
    content = {
        "texts": TEXTS,
        "ids": [row.ids for row in rows],
        "pairs": [{"ids": row.ids, "types": row.type_ids} for row in pairs],
        "embeddings": vectors,
        "others": [
            {
                "kind": kind,
                "file": json.loads(tokenizer.to_str()),
                "texts": texts,
                "ids": [row.ids for row in tokenizer.encode_batch(texts)],
            }
            for kind, tokenizer, texts in (
                ("pairs of bytes", byte_pairs(), TEXTS),
                ("likeliest pieces", pieces(), TEXTS),
                *(whole_words(kind) for kind in WHOLE_WORDS),
            )
        ],
    }
    folder = FIXTURES / "text"
    folder.mkdir(exist_ok=True)
    (folder / "tiny.json").write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    embedding()
    scores("tiny_sentiment", 3, {"output": {"labels": "labels.json"}})
    labels = FIXTURES / "models/tiny_sentiment/1/labels.json"
    labels.write_text(json.dumps(["bad", "fair", "good"]) + "\n")
    scores("tiny_reranker", 1, {"output": {"activation": "sigmoid"}})
    bag("tiny_bag", ["N", "L"], {})
    bag("tiny_bag_fixed", ["N", 8], {})
    bag("tiny_bag_one", [1, "L"], {})
    expected()
