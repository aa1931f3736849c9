"""Tables of what models remember of recordings."""

from committed import markdown, rows_of, share
from tables_permanence import BASELINES

GUESS = "best constant guess"


def recordings() -> str:
    """Belief on N-MNIST and on hand-held objects."""
    lines = []
    for name, called in (("nmnist", "N-MNIST"), ("hidden_objects", "hand-held objects")):
        rows = [r for r in rows_of(name) if r["judgement"] == "belief"]
        cells = {(r["memory"], r["hidden_frames"]): share(r) for r in rows}
        for memory in dict.fromkeys(r["memory"] for r in rows):
            who = BASELINES.get(memory, GUESS)
            lines.append([called, who, *(cells.get((memory, n), "") for n in (0, 30, 300))])
    head = ("recordings, right beliefs in %", "model", "seen", "30 hidden", "300 hidden")
    return markdown(head, lines)


def recordings_tracks() -> str:
    """The same with one leak a channel, and with two leaks and tracks."""
    asked = (
        ("hidden_objects", "hand-held objects, right beliefs in %", lambda r: share(r)),
        (
            "pendulum",
            "pendulum, median place error in pixels",
            lambda r: f"{r['place_error_px']:.1f}",
        ),
    )
    lengths, lines = (0, 30, 60, 300), []
    for name, called, told in asked:
        for suffix, memory in (("", "one leak"), ("_tracks", "two leaks and tracks")):
            rows = [r for r in rows_of(name + suffix) if r["memory"] == "leaky"]
            cells = {r["hidden_frames"]: told(r) for r in rows if r["judgement"] == "belief"}
            lines.append([called, memory, *(cells.get(n, "") for n in lengths)])
    head = ("recordings", "memory", *("seen" if n == 0 else f"{n} hidden" for n in lengths))
    return markdown(head, lines)


def pendulum() -> str:
    """How far the pendulum is from where it is said to be."""
    rows = [r for r in rows_of("pendulum") if r["judgement"] == "belief"]
    cells = {(r["memory"], r["hidden_frames"]): f"{r['place_error_px']:.1f}" for r in rows}
    return markdown(
        ["median place error, pixels", "30 hidden", "60", "300"],
        (
            [BASELINES.get(memory, GUESS), *(cells[memory, n] for n in (30, 60, 300))]
            for memory in dict.fromkeys(memory for memory, _ in cells)
            if memory != "latch"  # says where it was last seen, as the next line
        ),
    )
