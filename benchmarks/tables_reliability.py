"""Tables of what was done to programs and files, and what came of it."""

from collections import Counter

from committed import markdown, rows_of


def faults() -> str:
    """Work that was disturbed, and its end."""
    rows = rows_of("faults")
    kinds = sorted({r["disturbance"] for r in rows})
    times, wrong = Counter[tuple[str, str]](), Counter[str]()
    for r in rows:
        times[r["course"], r["disturbance"]] += r["times"]
        wrong[r["course"]] += r["wrong"]
    return markdown(
        ["disturbances of", *kinds, "on the way to another end"],
        (
            [course, *(str(times[course, kind]) for kind in kinds), str(wrong[course])]
            for course in dict.fromkeys(r["course"] for r in rows)
        ),
    )


def strangers() -> str:
    """What readers make of damaged files."""
    rows = rows_of("strangers")
    return markdown(list(rows[0]), ([str(value) for value in r.values()] for r in rows))
