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


def fuzz() -> str:
    """Files that a fuzzer led by coverage gave to every reader."""
    rows = rows_of("fuzz")
    kinds = {"events": "event files, each format", "image": "images", "film": "films"}
    grouped: dict[str, list[dict]] = {}
    for r in rows:
        first = r["reader"].partition(" ")[0]
        grouped.setdefault(kinds.get(first, r["reader"]), []).append(r)
    return markdown(
        ["files of", "readers", "files tried", "other lines found by", "neither read nor refused"],
        (
            [
                name, str(len(some)), f"{sum(r['tried'] for r in some):,}",
                f"{sum(r['corpus'] for r in some):,}", str(sum(r["wrong"] for r in some)),
            ]
            for name, some in grouped.items()
        ),
    )  # fmt: skip


def covered() -> str:
    """Which share of the lines the tests run, by room."""
    rows = [{**r, "room": r["room"].replace(".", "beside the rooms")} for r in rows_of("coverage")]
    every = {"room": "all", **{k: sum(r[k] for r in rows) for k in ("lines", "run")}}
    return markdown(
        ["room", "lines that can run", "run by tests"],
        ([r["room"], f"{r['lines']:,}", f"{r['run'] / r['lines']:.1%}"] for r in [*rows, every]),
    )


def mutants() -> str:
    """Lines that were broken, one at a time, and whether a test noticed."""
    outcomes: dict[str, Counter[str]] = {}
    for r in rows_of("mutants"):
        room = r["file"].split("/")[1]
        for name in (room, "all"):
            outcomes.setdefault(name, Counter())[r["outcome"]] += 1
    return markdown(
        ["room", "lines broken", "noticed", "not"],
        (
            [name, str(of.total()), f"{_noticed(of)} ({_noticed(of) / of.total():.0%})",
             str(of.total() - _noticed(of))]
            for name, of in sorted(outcomes.items(), key=lambda pair: (pair[0] == "all", pair[0]))
        ),
    )  # fmt: skip


def _noticed(outcomes: Counter[str]) -> int:
    return outcomes["killed"] + outcomes["hung"]


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
