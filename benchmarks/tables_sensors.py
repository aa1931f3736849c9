"""Tables of sensors that are no squares, and of films seen by a made-up one."""

from committed import Row, count, markdown, rows_of, share
from tables_permanence import BASELINES, TIERS


def reads() -> str:
    """What weights of places keep whose number does not grow with the sensor."""
    rows = rows_of("reads")
    tiers = list(dict.fromkeys(r["tier"] for r in rows))
    cells = {(r["weights"], r["tier"]): share(r) for r in rows}
    numbers = {r["weights"]: str(r["numbers_of_64"]) for r in rows}
    return markdown(
        ["right beliefs, %", "numbers in place of 64", *(TIERS.get(t, t) for t in tiers)],
        ([name, many, *(cells[name, tier] for tier in tiers)] for name, many in numbers.items()),
    )


def _pair(r: Row) -> str:
    return f"`{r['run']}` before {r['camera']}"


def sensors() -> str:
    """What models keep that fit their camera, and that do not."""
    rows = [r for r in rows_of("sensors") if r["judgement"] in ("visible", "belief")]
    cells = {(_pair(r), r["tier"], r["judgement"]): r for r in rows}
    tiers = list(dict.fromkeys(r["tier"] for r in rows))
    return markdown(
        ["right, %", "seen", *(f"{TIERS.get(tier, tier)}, 60 hidden" for tier in tiers)],
        (
            [pair, share(cells[pair, tiers[0], "visible"])]
            + [share(cells[pair, tier, "belief"]) for tier in tiers]
            for pair in dict.fromkeys(map(_pair, rows))
        ),
    )


def sensor_costs() -> str:
    """What a frame with an object in view costs."""
    return markdown(
        ["model and camera", "sees", "block, pixels", "parameters", "events of the camera",
         "blocks, us", "engine, us"],
        (
            [
                _pair(r), r["sensor"], f"{r['block']} x {r['block']}", count(r["parameters"]),
                f"{r['camera_events']:,.0f}", f"{r['blocks_us']:.0f}", f"{r['engine_us']:.0f}",
            ]
            for r in rows_of("sensors")
            if r["judgement"] == "time"
        ),
    )  # fmt: skip


FILMS = {"pets": "PETS, person 19", "crossing": "OTB Crossing"}


def films() -> str:
    """How far off models are of people in films."""
    rows = rows_of("video_occlusions")
    cells = {(r["film"], r["tier"], r["hidden_frames"], r["memory"]): r for r in rows}
    kept = ("leaky", "last_seen", "velocity")
    return markdown(
        [
            "median place error, pixels of the film",
            "hidden frames",
            "events",
            *(BASELINES[m] for m in kept),
        ],
        (
            [
                f"{FILMS[film]}, {tier}",
                str(hidden),
                str(cells[film, tier, hidden, "leaky"]["events"]),
            ]
            + [f"{cells[film, tier, hidden, m]['place_error_px']:.0f}" for m in kept]
            for film, tier, hidden in dict.fromkeys(
                (r["film"], r["tier"], r["hidden_frames"]) for r in rows
            )
        ),
    )
