"""The report in a few lines for people."""

from collections.abc import Mapping
from typing import Any


def table_of(report: Mapping[str, Any]) -> str:
    """Before and after side by side, then what to know."""
    size, latency = report["bytes"], report["latency"]
    lines = [("", "before", "after", "")]
    lines.append(("size", _bytes(size["before"]), _bytes(size["after"]), f"{size['ratio']:.3f} x"))
    for rows, each in latency["rows"].items():
        what = f"{rows} row{'s' if rows != '1' else ''} a run"
        lines.append((what, _ms(each["beforeMs"]), _ms(each["afterMs"]), f"{each['speedup']:.2f} x as fast"))
    text = [f"{what:<14} {before:>10} {after:>10}  {ratio}".rstrip() for what, before, after, ratio in lines]
    text.append(f"timed in {latency['engine']}, {latency['threads']} thread, medians of runs in turn")
    if "heldOut" in report:
        text.append(_held_out(report["heldOut"]))
    if "rowMixing" in report:
        mixing = report["rowMixing"]
        text.append(
            f"a row among others differs by {mixing['after']:.2g} of the largest value ({mixing['before']:.2g})"
        )
    if report["excludedNodes"]:
        text.append(f"left in float32: {', '.join(report['excludedNodes'])}, of {report['nodes']} nodes")
    else:
        text.append(f"all {report['nodes']} nodes were quantized")
    return "\n".join([*text, *(f"note: {note}" for note in report["notes"])])


def _held_out(judged: Mapping[str, Any]) -> str:
    difference = f"largest difference {judged['maxAbsDiff']:.3g}, {judged['maxRelDiff']:.2g} of the largest value"
    if "top1Agreement" not in judged:
        return f"{judged['rows']} held-out rows: {difference}"
    classes = f"{judged['classesPredicted']} classes"
    return f"{judged['rows']} held-out rows of {classes}: top-1 agreement {judged['top1Agreement']:.4f}, {difference}"


def _bytes(count: int) -> str:
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def _ms(milliseconds: float) -> str:
    digits = 0 if milliseconds >= 100 else 1 if milliseconds >= 10 else 3
    return f"{milliseconds:.{digits}f} ms"
