"""Tables of speed: neurons, training steps, event files. Milliseconds, medians."""

from collections.abc import Callable, Sequence

from committed import Row, markdown, milliseconds, rows_of

LIF = "16x8x64x256"
STEPS = {
    "train step, permanence": "hidden objects",
    "train step, dysvit": "DySViT",
    "train step, gestures": "128 x 128 pixels, every patch active",
}


def _across(
    rows: Sequence[Row], title: str, line: Callable[[Row], str], column: Callable[[Row], str]
) -> str:
    """Rows by line and column."""
    cells = {(line(r), column(r)): milliseconds(r) for r in rows}
    lines, columns = (dict.fromkeys(key[i] for key in cells) for i in (0, 1))
    return markdown(
        [title, *columns], ([name, *(cells.get((name, c), "") for c in columns)] for name in lines)
    )


def neurons() -> str:
    """Leaky integrate-and-fire in float32 on one thread, the fastest first."""
    rows = [
        r
        for r in rows_of("neurons")
        if (r["shape"], r["dtype"], r["threads"]) == (LIF, "fp32", 1) and r["what"][:3] == "lif"
    ]
    rows.sort(key=lambda r: (r["what"], r["median_ms"]))
    return _across(
        rows, f"{LIF}, ms", lambda r: r["name"], lambda r: r["what"].removeprefix("lif ")
    )


def train() -> str:
    """A step of training, by what is trained, backend or model, and number of threads."""
    return _across(
        rows_of("train"),
        "a step of training, ms",
        lambda r: f"{STEPS[r['what']]} ({r['shape']}, {r['dtype']}): {r['name']}",
        lambda r: f"{r['threads']} thread" + "s" * (r["threads"] > 1),
    )


def train_parts() -> str:
    """Where a step of training spends its time, by backend, on one thread."""
    return _across(rows_of("where"), "part of a step, ms", lambda r: r["what"], lambda r: r["name"])


def formats() -> str:
    """Reading eight million events from a file."""
    return _across(
        rows_of("formats"),
        "8,000,000 events, ms",
        lambda r: r["what"].removeprefix("read "),
        lambda r: r["name"],
    )


RUNNERS = {
    ("engine, no belief", "int16"): "engine, no belief",
    ("engine", "int16"): "engine",
    ("the model in PyTorch", "float32"): "same model, PyTorch",
    ("dense twin on active tokens, PyTorch", "float32"): "dense twin, PyTorch",
    ("ViT-Tiny gated by events, onnxruntime", "fp32"): "ViT-Tiny fp32",
    ("ViT-Tiny gated by events, onnxruntime", "int8"): "ViT-Tiny int8",
}


def _microseconds(milliseconds: float) -> str:
    us = 1000 * milliseconds
    return f"{us:,.0f}" if us >= 10 else f"{us:.1f}"


def latency_short() -> str:
    """One frame, by what is in it and who is asked: medians."""
    rows = [r for r in rows_of("latency") if "median_ms" in r]
    cells = {
        (f"{r['what'].removesuffix(' frame')}, {r['shape']}", RUNNERS[key]): _microseconds(
            r["median_ms"]
        )
        for r in rows
        if (key := (r["name"], r["dtype"])) in RUNNERS
    }
    lines = dict.fromkeys(line for line, _ in cells)
    columns = list(RUNNERS.values())
    return markdown(
        ["a frame, µs", *columns],
        ([line, *(cells.get((line, c), "") for c in columns)] for line in lines),
    )


def latency() -> str:
    """The engine alone: medians and the 99th hundredth, caches warm and cold, both precisions."""
    rows = [r for r in rows_of("latency") if r["name"].startswith("engine") and "p99_ms" in r]
    table = []
    for r in rows:
        pair = (_microseconds(r["median_ms"]), _microseconds(r["p99_ms"]))
        table.append([f"{r['what']}, {r['shape']}", f"{r['name']}, {r['dtype']}", *pair])
    return markdown(["frame", "engine", "median, µs", "p99, µs"], table)


def activity() -> str:
    """Time of a frame against what happens in it."""
    rows = [r for r in rows_of("latency") if "additions" in r]
    return markdown(
        ["events", "additions", "µs"],
        ([str(r["events"]), f"{r['additions']:,.0f}", f"{r['median_us']:.0f}"] for r in rows),
    )
