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


def rough() -> str:
    """A camera in rough weather, followed and not."""
    whole, shed = ({r["what"]: r for r in rows_of("rough")}[what] for what in ("whole", "shed"))
    p99 = f"{whole['engine_p99_early_us']:,.0f} and {whole['engine_p99_us']:,.0f}"
    lines = {
        "time it took, s": [f"{r['wall_seconds']:,.0f}" for r in (whole, shed)],
        "time of the camera": [
            f"{whole['camera_hours']:,.1f} hours", f"{shed['stream_seconds']:,.1f} s seen"
        ],
        "events given": [f"{r['events_given']:,}" for r in (whole, shed)],
        "events dropped, and told": [f"{r['dropped_events']:,}" for r in (whole, shed)],
        "events lost uncounted": [f"{r['events_lost_uncounted']:,}" for r in (whole, shed)],
        "memory": [
            f"{whole['memory_growth']:+.2%} since a tenth of the way",
            f"{shed['memory_added_mb']:,.0f} MB for what waits",
        ],
        "99th percentile of the engine, first tenth and rest, us": [p99, ""],
    }  # fmt: skip
    return markdown(
        ["", "as fast as it goes", "faster than it can"], ([name, *r] for name, r in lines.items())
    )
