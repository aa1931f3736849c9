"""Tables of what was done to programs and files, and what came of it."""

from collections import Counter

from committed import markdown, rows_of


def faults() -> str:
    """Work that was disturbed, and its end."""
    rows = rows_of("faults")
    kinds = list(dict.fromkeys(sorted(r["disturbance"] for r in rows)))
    times = Counter[tuple[str, str]]()
    for r in rows:
        times[r["course"], r["disturbance"]] += r["times"]
    wrong = Counter[str]()
    for r in rows:
        wrong[r["course"]] += r["wrong"]
    return markdown(
        ["disturbances of", *kinds, "on the way to another end"],
        (
            [course, *(str(times[course, kind]) for kind in kinds), str(wrong[course])]
            for course in dict.fromkeys(r["course"] for r in rows)
        ),
    )


OUTCOMES = ("all events", "refused in a line", "told", "exception", "other events, silently",
            "crash", "hang")  # fmt: skip


def strangers() -> str:
    """What readers make of damaged files."""
    return markdown(
        ["format", "reader", "files", *OUTCOMES],
        (
            [r["format"], r["reader"], str(r["files"]), *(str(r[name]) for name in OUTCOMES)]
            for r in rows_of("strangers")
        ),
    )
