"""Tables of energy, of DySViT, and of what names clips."""

from committed import Row, count, markdown, microjoules, rows_of, share

DENSE = {
    "neurosvt": "**NeuroSVT**",
    "vit-tiny": "ViT-Tiny",
    "vit-tiny-gated": "ViT-Tiny, frames with events alone",
    "dense-twin": "dense twin",
    "dense-twin-active": "dense twin, active tokens alone",
}
"""Rows of `neurosvt energy`, and what they are."""
SLOPES = {
    "slope_1": "fixed at 1",
    "slope_2": "fixed at 2",
    "slope_5": "fixed at 5",
    "layer": "learnt, one a layer",
    "token": "**learnt, one a token: the protocol**",
    "token_no_pre_norm": "the protocol without norm before attention and MLP",
    "token_no_scaling": "the protocol, branches not halved",
    "token_no_guard": "the protocol without NaN guard",
}
"""Runs of ablation.py."""
CLIPS = {
    "gestures": "made-up gestures, 11 classes",
    "dvs128_objects": "hand-held objects, windows of 50 ms",
    "dvs128_objects_200ms": "hand-held objects, windows of 200 ms",
}


def _energy_rows() -> dict[tuple[str, str, str, str], Row]:
    return {(r["model"], r["phase"], r["table"], r["precision"]): r for r in rows_of("energy")}


def _learnt(row: Row) -> Row:
    """The row that tells what a network knows: its own, or where it was counted untrained that of
    its like, trained beside the memory of permanence_stage4."""
    if row["train_steps"]:
        return row
    (own,) = (
        r
        for r in rows_of("energy_trained")
        if all(r[key] == row[key] for key in ("model", "phase", "table", "precision"))
    )
    return own


def energy_of(model: str, phase: str, table: str, precision: str) -> float:
    """Joules a frame."""
    return _energy_rows()[model, phase, table, precision]["joules_per_frame"]


def energy() -> str:
    """What a frame costs."""
    found = _energy_rows()

    def line(model: str, name: str) -> list[str]:
        def joules(phase: str, table: str, precision: str) -> str:
            return microjoules(found[model, phase, table, precision]["joules_per_frame"])

        seen = found[model, "active", "horowitz-45nm", "fp32"]
        return [
            name,
            count(seen["macs"]),
            count(seen["acs"]),
            joules("active", "horowitz-45nm", "fp32"),
            joules("active", "horowitz-45nm", "int8"),
            "-".join(joules("active", f"memory-{reads}", "int8") for reads in ("once", "each")),
            joules("hidden", "horowitz-45nm", "int8"),
            f"{100 * _learnt(seen)['accuracy']:.1f} %",
            f"{_learnt(seen)['train_steps']:,}",
        ]

    head = (
        "per frame, µJ", "MACs, seen", "SOPs, seen", "fp32, seen", "int8, seen",
        "int8 with memory, seen", "int8, hidden", "class right, seen", "steps trained",
    )  # fmt: skip
    return markdown(head, (line(model, name) for model, name in DENSE.items()))


def energy_short() -> str:
    """The same in seven columns, for the README."""
    found = _energy_rows()

    def line(model: str, name: str) -> list[str]:
        seen, memory, hidden = (
            found[model, phase, table, "int8"]
            for phase, table in (
                ("active", "horowitz-45nm"), ("active", "memory-once"), ("hidden", "horowitz-45nm"),
            )
        )  # fmt: skip
        costs = (microjoules(r["joules_per_frame"]) for r in (seen, memory, hidden))
        right = f"{100 * _learnt(seen)['accuracy']:.1f} %"
        return [name, count(seen["macs"]), count(seen["acs"]), *costs, right]

    head = (
        "a frame, int8", "MACs", "SOPs", "µJ, seen", "µJ with memory, seen", "µJ, hidden",
        "class right, seen",
    )  # fmt: skip
    return markdown(head, (line(model, name) for model, name in DENSE.items()))


def slopes() -> str:
    """What a surrogate's slope is worth to DySViT."""
    lines = []
    for name, what in SLOPES.items():
        own = [r for r in rows_of("ablation") if r["name"] == name]
        figures = ("accuracy", "validation_best")
        lines.append([what, *(", ".join(f"{100 * r[key]:.2f}" for r in own) for key in figures)])
    head = (
        "slope of the surrogate, 10 epochs", "test accuracy, % (seeds 0, 1, 2 where three)",
        "best on validation, %",
    )  # fmt: skip
    return markdown(head, lines)


def cifar10() -> str:
    """The shipped models on the test images, and how long their training took."""
    lines = []
    for name in ("dysvit_protocol", "dysvit"):
        (row,) = rows_of(name)
        last = rows_of(f"training_{name}")[-1]
        minutes = f"{last['seconds'] / 60:.0f} minutes"
        lines.append([f"`{name}`", share(row, "accuracy"), f"{last['step']:,}", minutes])
    return markdown(
        ("CIFAR-10, T = 1", "test accuracy, %", "steps", "training on two cores"), lines
    )


def clips() -> str:
    """How often a clip is named rightly."""
    rows = {name: rows_of(name)[0] for name in CLIPS}
    return markdown(
        ("clips", "test accuracy, %", "samples"),
        (
            [called, share(rows[name], "accuracy"), f"{rows[name]['samples']:,}"]
            for name, called in CLIPS.items()
        ),
    )


def confusion() -> str:
    """Hand-held objects: what is shown, and how often it was named what, at 50 and at 200 ms."""
    counts = {
        (name, r["shown"], r["named"]): f"{r['samples']:,}"
        for name in ("dvs128_objects", "dvs128_objects_200ms")
        for r in rows_of(name)
        if "shown" in r
    }
    objects = list(dict.fromkeys(shown for _, shown, _ in counts))
    head = [f"{length}: {shown}" for length in ("50 ms", "200 ms") for shown in objects]
    return markdown(
        ["shown; named", *head],
        (
            [shown, *(counts[name, shown, named] for name in dict.fromkeys(n for n, *_ in counts)
                      for named in objects)]
            for shown in objects
        ),
    )  # fmt: skip
