"""How many bits the int8 weights take: 7, so that every CPU gives the same answers, unless the user wants 8.

Activations are uint8. x86 without VNNI multiplies by vpmaddubsw, which adds two products of uint8 and int8 in 16 bits
and saturates: 255 * 127 twice does not fit. With weights from -64 to 64 the sum is at most 255 * 64 * 2 = 32640, which
does. VNNI and ARM add in 32 bits. A package is often served on another CPU than it was made and judged on, so 7 bits
are usual. Source: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html on reduce_range.
"""

ALL_8_BITS = (
    "Weights take 8 bits (--no-reduce-range): sums may saturate on x86 CPUs without VNNI, which then answer wrongly."
    " Serve this package on CPUs with VNNI and on ARM only."
)


def weights_setting(*, reduce_range: bool) -> str:
    """What the report says of them."""
    return "int8, a scale per channel" + (", 7 bits" if reduce_range else "")


def weights_notes(*, reduce_range: bool) -> tuple[str, ...]:
    """What to know before the package is served."""
    return () if reduce_range else (ALL_8_BITS,)
