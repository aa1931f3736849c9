"""Tables of speed: neurons, training steps, event files. Milliseconds, medians."""

from collections.abc import Callable, Mapping, Sequence

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


def processes() -> str:
    """A step of training in two processes, beside one."""
    return _across(
        rows_of("processes"), "a step of training, ms", lambda r: r["name"], lambda r: r["shape"]
    )


def train_parts() -> str:
    """Where a step of training spends its time, by backend, on one thread."""
    return _across(rows_of("where"), "part of a step, ms", lambda r: r["what"], lambda r: r["name"])


def formats() -> str:
    """Reading eight million events from a file, and short recordings of cameras."""
    return _across(
        rows_of("formats"),
        "reading a file, ms",
        lambda r: f"{r['what'].removeprefix('read ')}, {r['shape']}",
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


def c_latency() -> str:
    """A frame in C beside the engine: medians, and the times of the engine's."""
    rows = rows_of("c_latency")
    shapes = {r["what"]: r["shape"] for r in rows}
    cells = {
        (r["name"], r["what"]): f"{r['median_us']:.0f} ({r['median_of_engine']:.2f})" for r in rows
    }
    return markdown(
        [
            "one frame, us (times the engine's)",
            *(f"{what}: {shape}" for what, shape in shapes.items()),
        ],
        (
            [name, *(cells[name, what] for what in shapes)]
            for name in dict.fromkeys(name for name, _ in cells)
        ),
    )


def _microseconds(milliseconds: float) -> str:
    us = 1000 * milliseconds
    return f"{us:,.0f}" if us >= 10 else f"{us:.1f}"


def latency_short() -> str:
    """One frame, by what is in it and who is asked: medians."""
    return _frames("a frame, µs", RUNNERS, lambda r: _microseconds(r["median_ms"]))


def _frames(title: str, columns: Mapping[tuple[str, str], str], cell: Callable[[Row], str]) -> str:
    """Kinds of frames by name and numbers of who is asked."""
    cells = {
        (f"{r['what'].replace(' frame', '')}, {r['shape']}", columns[key]): cell(r)
        for r in rows_of("latency")
        if "median_ms" in r
        and (key := (r["name"], r["dtype"])) in columns
        and r["what"] != "one image"
    }
    lines = dict.fromkeys(line for line, _ in cells)
    return markdown(
        [title, *columns.values()],
        ([line, *(cells.get((line, c), "") for c in columns.values())] for line in lines),
    )


ENGINES = {
    ("engine, no belief", "int16"): "no belief",
    ("engine", "int16"): "belief",
    ("engine", "int8"): "belief, 8 bits",
    ("engine, caches cold", "int16"): "belief, caches cold",
}


def latency() -> str:
    """The engine alone: medians, and the slowest of a hundred frames in brackets."""
    return _frames(
        "engine, µs: median (p99)",
        ENGINES,
        lambda r: f"{_microseconds(r['median_ms'])} ({_microseconds(r['p99_ms'])})",
    )


def image_latency() -> str:
    """One image, by who is asked and in which numbers."""
    rows = [r for r in rows_of("latency") if r["what"] == "one image"]
    bits = {"float32": "fp32", "fp32": "fp32", "int8": "int8"}
    return _across(rows, "an image, ms", lambda r: r["name"], lambda r: bits[r["dtype"]])


def activity() -> str:
    """Time of a frame against what happens in it."""
    rows = [r for r in rows_of("latency") if "additions" in r]
    return markdown(
        ["events", "additions", "µs"],
        ([str(r["events"]), f"{r['additions']:,.0f}", f"{r['median_us']:.0f}"] for r in rows),
    )


def page() -> str:
    """The page to play with: the first minute, one in the middle, and the last."""
    rows = rows_of("app")
    return markdown(
        ["minute", "first picture, ms", "frames a second (fewest)", "server, MiB", "page, MiB"],
        (
            [str(r["minute"] + 1), f"{r['first_picture_ms']:,.0f}",
             f"{r['frames_per_second']:.0f} ({r['fewest_frames_per_second']:.0f})",
             f"{r['server_mib']:,.0f}", f"{r['page_mib']:.0f}"]
            for r in (rows[0], rows[len(rows) // 2], rows[-1])
        ),
    )  # fmt: skip


def stream() -> str:
    """What a stream at real time takes of a core."""
    rows = rows_of("realtime")
    cells = {(r["recording"], r["json_lines"]): f"{r['core_share']:.1%}" for r in rows}
    return markdown(
        ["recording", "events a second", "beliefs", "beliefs in lines of JSON"],
        (
            [r["recording"], f"{r['events'] / r['stream_seconds']:,.0f}",
             cells[r["recording"], False], cells[r["recording"], True]]
            for r in rows if r["json_lines"]
        ),
    )  # fmt: skip


def image_accuracy() -> str:
    """What 8 bits cost on the test images."""
    files = {
        "PyTorch, 32 bits": "dysvit",
        "engine, 32 bits": "dysvit_fp32",
        "engine, 8 bits": "dysvit_int8",
    }
    return markdown(
        ["weights", "right, %", "95 % interval"],
        (
            [name, f"{100 * r['accuracy']:.2f}", f"{100 * r['low']:.1f} to {100 * r['high']:.1f}"]
            for name, file in files.items()
            for r in rows_of(file)
        ),
    )


def soak() -> str:
    """A million windows of a camera, in one run."""
    (r,) = rows_of("soak")
    lines = {
        "windows": f"{r['windows']:,}",
        "events": f"{r['events_given']:,}",
        "lost, counted or not": f"{r['dropped_events']:,}, {r['events_lost_uncounted']:,}",
        "time it took, s": f"{r['wall_seconds']:.0f}",
        "times real time": f"{r['realtime_factor']:.0f}",
        "memory at the end, against a tenth of the way": f"{r['memory_growth']:+.2%}",
        "state equals a session's that saw all without a stream": _yes(r["same_as_session"]),
        "state equals the model's in PyTorch": _yes(r["same_as_model"]),
    }
    return markdown(["10,000 seconds of a camera", ""], map(list, lines.items()))


def _yes(told: bool) -> str:
    return "to the bit" if told else "no"
