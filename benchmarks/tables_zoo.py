"""The zoo: every named run, with what was measured of it; what was not says so."""

import functools
from typing import Any

from committed import Row, count, markdown, microjoules, milliseconds, rows_of, share

NOT = "not measured"

BELIEF: dict[str, tuple[str, str, str, int]] = {
    "permanence": ("permanence", "leaky", "curtain", 60),
    "permanence_lif": ("permanence", "lif", "curtain", 60),
    "permanence_none": ("permanence", "none", "curtain", 60),
    "permanence_stage1": ("baselines", "leaky", "curtain", 60),
    **{
        f"permanence_{memory}": ("baselines", memory, "curtain", 60)
        for memory in (
            "charge_2", "convlstm", "gru", "lif_1", "lif_5", "lif_20", "lif_100", "lstm",
        )
    },
    "nmnist": ("permanence", "leaky", "real", 60),
    "nmnist_lif": ("permanence", "lif", "real", 60),
    "nmnist_none": ("permanence", "none", "real", 60),
    "hidden_objects": ("hidden_objects", "leaky", "real", 30),
    "hidden_objects_none": ("hidden_objects", "none", "real", 30),
    "pendulum": ("pendulum", "leaky", "real", 60),
    "pendulum_none": ("pendulum", "none", "real", 60),
}  # fmt: skip
"""Run to the file of its rows, its memory in them, the tier, and the frames hidden."""
ACCURACY = ("dysvit", "dysvit_protocol", "dvs128_objects", "dvs128_objects_200ms")
"""Runs whose rows are a file of their name."""
ENERGY = {
    "permanence": ("energy", "neurosvt"),
    "permanence_twin": ("energy", "dense-twin"),
    "permanence_twin_tokens": ("energy", "dense-twin-active"),
    "permanence_vit_tiny": ("energy", "vit-tiny"),
    "dysvit": ("energy_dysvit", "dysvit"),
}
"""Run to the file of its rows, and what it is called in them."""
LATENCY = {
    "permanence": ("engine", "active frame", "int16", "64 x 64"),
    "permanence_twin_tokens": (
        "dense twin on active tokens, PyTorch", "active frame", "float32", "64 x 64",
    ),
    "permanence_vit_tiny": (
        "ViT-Tiny gated by events, onnxruntime", "active frame", "fp32", "64 x 64",
    ),
    "dysvit": ("engine", "one image", "float32", "256/4/4"),
}  # fmt: skip
"""Run to its row of `neurosvt bench latency`: name, what, type of numbers, how the shape begins."""


@functools.cache
def zoo() -> str:
    """Every named run."""
    from neurosvt.experiments.registry import load_run, run_files

    head = (
        "run", "network", "learns from", "parameters", "right, %", "µJ", "ms", "weights",
        "licence of weights",
    )  # fmt: skip
    lines = []
    for name in run_files():
        run = load_run(name)
        size = sum(p.numel() for p in run.network().parameters())
        lines.append([
            f"`{name}`", _network(run), run.data.dataset, count(size), score_of(name),
            energy_of_run(name), latency_of(name), _weights(name), _licence(run.data.dataset),
        ])  # fmt: skip
    return markdown(head, lines)


def score_of(name: str) -> str:
    """The share of right answers, and what was asked."""
    if name in ACCURACY:
        (first, *_) = rows_of(name)
        return f"{share(first, 'accuracy')} named"
    if name == "dvs128":  # no recordings of gestures are at hand, only made-up ones
        return f"{share(rows_of('gestures')[0], 'accuracy')} named, made-up gestures"
    if name not in BELIEF:
        return NOT
    file, memory, tier, hidden = BELIEF[name]
    row = next(row for row in rows_of(file) if _is_of(row, memory, tier, hidden))
    return f"{share(row)} after {hidden} hidden, {tier}"


def _is_of(row: Row, memory: str, tier: str, hidden: int) -> bool:
    asked = {"judgement": "belief", "memory": memory, "tier": tier, "hidden_frames": hidden}
    usual = {"seed": 0, "state_noise": 0.01, "state_bits": 32}
    same = all(row.get(key) == value for key, value in asked.items())
    return same and all(row.get(key, value) == value for key, value in usual.items())


def energy_of_run(name: str) -> str:
    """An active frame or an image, int8, arithmetic alone."""
    if name not in ENERGY:
        return NOT
    file, model = ENERGY[name]
    (row,) = (
        row
        for row in rows_of(file)
        if (row["model"], row["table"], row["precision"]) == (model, "horowitz-45nm", "int8")
        and row["phase"] in ("active", "all")
    )
    return microjoules(row["joules_per_frame"])


def latency_of(name: str) -> str:
    """An active frame or an image, on one thread."""
    if name not in LATENCY:
        return NOT
    called, what, dtype, shape = LATENCY[name]
    (row,) = (
        row
        for row in rows_of("latency")
        if (row.get("name"), row.get("what"), row.get("dtype")) == (called, what, dtype)
        and row["shape"].startswith(shape)
        and row["threads"] == 1
    )
    return milliseconds(row)


def _network(run: Any) -> str:
    from neurosvt.experiments.family import member

    kind: str = run.model.kind
    return f"{kind}, {member(run)}" if kind == "neurosvt" else kind


def _weights(name: str) -> str:
    from neurosvt.experiments.checkpoints import WEIGHTS
    from neurosvt.experiments.elsewhere import models_elsewhere

    path = WEIGHTS / f"{name}.safetensors"
    if not path.is_file():
        return "to be trained"
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    return f"pulled, {size}" if name in models_elsewhere() else f"in the package, {size}"


def _licence(dataset: str) -> str:
    from neurosvt.models.model_card import TRAINING_DATA

    about = TRAINING_DATA.get(dataset)
    if about and about.withheld:
        return "not to be passed on"
    return (about.license if about else None) or "not settled"
