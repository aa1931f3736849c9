"""Synthetic gestures in the layout of DVS128 Gesture: what runs on these runs on those.

A disc circles at four positions one after the other; a gesture is the order in which it visits
them, and in nothing else do they differ. Whoever adds up events over time sees the same four
positions in all of them, so that only what has memory tells them apart.

In a mirror a right hand's gesture is the left hand's here too; what both hands make has two orders,
each the mirror's image of the other.

Units: microseconds; pixels.
"""

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np

from neurosvt.config import UserError
from neurosvt.datasets.dvs128_gesture import (
    GESTURE_CLASSES,
    GESTURE_LISTS,
    GESTURE_SIDE,
    LABELS_HEADER,
    OTHER_SIDE,
)
from neurosvt.events.recording import EVENT, Recording
from neurosvt.formats import write_events

POSITIONS = ((36, 36), (92, 36), (92, 92), (36, 92))
IN_MIRROR = (1, 0, 3, 2)
"""The position at which a mirror shows each of them."""


def _orders() -> dict[int, tuple[tuple[int, ...], ...]]:
    pairs = []
    for order in permutations(range(len(POSITIONS))):
        mirrored = tuple(IN_MIRROR[position] for position in order)
        if order < mirrored:
            pairs.append((order, mirrored))
    orders: dict[int, tuple[tuple[int, ...], ...]] = {}
    for label in range(len(GESTURE_CLASSES)):
        if label not in orders:
            other = OTHER_SIDE.get(label)
            one, two = pairs.pop(0)
            orders |= {label: (one, two)} if other is None else {label: (one,), other: (two,)}
    return orders


ORDERS = _orders()
"""In which the positions may be visited, by label."""
VISIT_US = 200_000
PAUSE_US = 100_000
"""Between two gestures."""
STEP_US = 1_000
PER_STEP = 12
"""Events of the disc; noise adds one or two over the whole sensor."""
RADIUS, ORBIT, TURN_US = 7, 6, 100_000
LIGHTINGS = ("fluorescent", "natural")


def synthetic_gesture(label: int, start_us: int, rng: np.random.Generator) -> np.ndarray:
    """The events of one gesture, in order of time."""
    order = np.array(ORDERS[label][rng.integers(len(ORDERS[label]))])
    steps = len(order) * VISIT_US // STEP_US
    t = start_us + np.sort(rng.integers(0, steps * STEP_US, steps * PER_STEP))
    since = t - start_us
    position = np.array(POSITIONS)[order[since // VISIT_US]]
    position = position + rng.normal(0, 2, 2)
    turning = rng.choice([-1, 1])
    angle = 2 * np.pi * (turning * since / TURN_US + rng.random())
    middle = position + ORBIT * np.stack([np.cos(angle), np.sin(angle)], 1)
    around = rng.uniform(0, 2 * np.pi, len(t))
    at = middle + RADIUS * np.stack([np.cos(around), np.sin(around)], 1)
    # The disc is bright: its edge brightens where it goes to, and darkens where it comes from.
    ahead = np.sin(around - angle) * turning > 0
    noise = int(rng.poisson(1.5 * steps))
    events = np.zeros(len(t) + noise, EVENT)
    events["t"][: len(t)], events["t"][len(t) :] = (
        t,
        start_us + rng.integers(0, steps * STEP_US, noise),
    )
    for axis, column in (("x", 0), ("y", 1)):
        events[axis][: len(t)] = np.clip(np.rint(at[:, column]), 0, GESTURE_SIDE - 1)
        events[axis][len(t) :] = rng.integers(0, GESTURE_SIDE, noise)
    events["p"][: len(t)], events["p"][len(t) :] = ahead, rng.random(noise) < 0.5
    return events[np.argsort(events["t"], kind="stable")]


def write_synthetic_gestures(
    folder: Path,
    people: int = 29,
    seed: int = 0,
    on_sitting: Callable[[int, int], None] = lambda done, of: None,
) -> None:
    """Write sittings of `people` people, up to 29, of whom the last fifth are the test part.

    Each makes all gestures once under each of two lightings. `on_sitting` is told how many sittings
    are written, and of how many.

    Raises:
        UserError: more people than there are, or none; or the folder is not empty.
    """
    if not 1 <= people <= 29:
        raise UserError(f"people must lie in 1..29, got {people}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is not empty; name a folder that is, or a new one")
    folder.mkdir(parents=True, exist_ok=True)
    listed: dict[str, list[str]] = {split: [] for split in GESTURE_LISTS}
    users = np.rint(np.linspace(1, 29, people)).astype(int)
    for number, user in enumerate(users):
        split = "test" if user >= 24 else "train"
        for lighting, light in enumerate(LIGHTINGS):
            rng = np.random.default_rng([seed, int(user), lighting])
            name, start = f"user{user:02}_{light}", PAUSE_US
            parts, rows = [], [LABELS_HEADER]
            for label in rng.permutation(len(GESTURE_CLASSES)):
                parts.append(synthetic_gesture(int(label), start, rng))
                end = start + len(POSITIONS) * VISIT_US
                rows.append(f"{label + 1},{start},{end}")
                start = end + PAUSE_US
            recording = Recording(np.concatenate(parts), GESTURE_SIDE, GESTURE_SIDE)
            write_events(folder / f"{name}.aedat", recording, "aedat3")
            (folder / f"{name}_labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
            listed[split].append(f"{name}.aedat")
            on_sitting(number * len(LIGHTINGS) + lighting + 1, people * len(LIGHTINGS))
    for split, file in GESTURE_LISTS.items():
        (folder / file).write_text("\n".join(listed[split]) + "\n", encoding="utf-8")
