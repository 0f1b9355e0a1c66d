"""Text to numbers, for training and for clients alike; plain Python, so that a client needs no torch.

A text is its runs of two to four bytes, each hashed to a number: no vocabulary has to be kept with the model.
"""

from zlib import crc32

LANGUAGES = ["de", "en", "es", "fr", "it", "pt"]
BYTES = 64
LENGTH = 192
NUMBERS = 8192


def tokens_of(text: str) -> list[int]:
    """LENGTH numbers below NUMBERS, of the first BYTES bytes; 0 fills up what a short text leaves."""
    data = f" {text.lower()} ".encode()[:BYTES]
    runs = [data[start : start + size] for size in (2, 3, 4) for start in range(len(data) - size + 1)]
    found = [1 + crc32(run) % (NUMBERS - 1) for run in runs]
    return found + [0] * (LENGTH - len(found))
