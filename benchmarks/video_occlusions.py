"""Where is it while it is hidden? People in films whose places are annotated, hidden by what stands
or walks before them.

NEUROSVT_DATA=FOLDER python benchmarks/video_occlusions.py: makes events of both films in
`video_occlusion`, prepares them as recordings of one's own, and writes how far off the shipped
model is, and two that only look at where events last were, to
benchmarks/results/video_occlusions.json. It never learnt what a person is: its place is judged.

- PETS 2009 S2.L1, person 19, frames 20 to 60: hidden where a detector has no box for it (30 and 31,
  34 to 36, 51 to 57), behind a sign, its post, and two other people. Filmed at about 7 a second.
- OTB Crossing, 120 frames: a person crosses a street. A curtain is cut in, for nothing hides it.
"""

import csv
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from committed import RESULTS

from neurosvt.datasets.described import prepare_described
from neurosvt.datasets.folder import find
from neurosvt.events.video import read_video, record_video
from neurosvt.experiments.checkpoints import load
from neurosvt.formats import write_events
from neurosvt.permanence.baselines.track_fit import TrackFit
from neurosvt.permanence.evaluate import cells, evaluate_cell
from neurosvt.permanence.metrics import NEAR, Outcomes
from neurosvt.results.rows import write_results

PETS_FPS, PETS_FIRST, PETS_LAST = 7.0, 20, 60
PETS_CROP = (334, 144, 192, 192)
PETS_HIDDEN = ((30, 31), (34, 36), (51, 57))
OTB_FPS, OTB_CROP = 25.0, (0, 0, 240, 240)
EVENTS = 20
"""Of a curtain that is cut in; of what is annotated, once each."""
SIDES = {"pets": PETS_CROP[2], "crossing": OTB_CROP[2]}


def pets(place: Path) -> dict[str, str]:
    """Events and boxes of the person; the entry of an index."""
    left, top, side, _ = PETS_CROP
    film = read_video(find("video_occlusion/pets09_s2l1_vtest.avi"))
    write_events(
        place / "pets.npz",
        record_video(
            film, size=side, fps=PETS_FPS, crop=PETS_CROP, frames=(PETS_FIRST - 1, PETS_LAST)
        ),
    )
    with find("video_occlusion/pets09_s2l1_gt_person19_f20-60.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    boxes = [
        (int(r["frame"]) - PETS_FIRST + 1, 1, float(r["bb_left"]) - left, float(r["bb_top"]) - top,
         r["bb_width"], r["bb_height"])
        for r in rows
    ]  # fmt: skip
    _write_boxes(place / "pets.txt", boxes)
    spans = (
        f"{(a - PETS_FIRST) / PETS_FPS:.3f}-{(b + 1 - PETS_FIRST) / PETS_FPS:.3f}"
        for a, b in PETS_HIDDEN
    )
    return {"recording": "pets.npz", "boxes": "pets.txt", "fps": f"{PETS_FPS:g}",
            "hidden": ";".join(spans)}  # fmt: skip


def crossing(place: Path) -> dict[str, str]:
    """The same of the one who crosses."""
    left, top, side, _ = OTB_CROP
    folder = find("video_occlusion/otb_crossing/Crossing/groundtruth_rect.txt").parent
    film = read_video(folder / "img")
    write_events(place / "crossing.npz", record_video(film, size=side, fps=OTB_FPS, crop=OTB_CROP))
    boxes = np.loadtxt(folder / "groundtruth_rect.txt")
    numbered = [(i + 1, 1, x - left, y - top, w, h) for i, (x, y, w, h) in enumerate(boxes)]
    _write_boxes(place / "crossing.txt", numbered)
    return {
        "recording": "crossing.npz", "boxes": "crossing.txt", "fps": f"{OTB_FPS:g}", "hidden": "",
    }  # fmt: skip


def _write_boxes(path: Path, boxes: Iterable[tuple[Any, ...]]) -> None:
    lines = (",".join(map(str, box)) + "\n" for box in boxes)
    path.write_text("".join(lines), encoding="utf-8")


def main() -> None:
    """Judge both, and write the rows."""
    ours, rows = load("permanence"), []
    model = ours.model.eval()
    models = {
        "leaky": model,
        "last_seen": TrackFit(model, degree=0, window=5),
        "velocity": TrackFit(model, degree=1, window=24),
    }
    asked = (("pets", pets, (20, 40, 100), 5.5), ("crossing", crossing, (30, 60), 4.4))
    for film, make, lengths, ends in asked:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            entry = {**make(place), "class": "person"}
            with (place / "index.csv").open("w", newline="") as lines:
                table = csv.DictWriter(lines, [*entry, "from", "to", "split"])
                table.writeheader()
                table.writerow({**entry, "from": 0, "to": ends, "split": "test"})
                # There is no index without something to learn from: the end of the film.
                table.writerow({**entry, "hidden": "", "from": ends, "split": "train"})
            prepare_described(place / "index.csv", place / "prepared")
            task = ours.run.task_on(str(place / "prepared"))
            for tier, hidden in cells(task, lengths):
                found = evaluate_cell(models, task, tier, hidden, EVENTS)
                rows += [_row(film, tier, hidden, who, one) for who, one in found.items()]
    command = "python benchmarks/video_occlusions.py"
    write_results(RESULTS / "video_occlusions.json", command, rows)


def _row(
    film: str, tier: str, hidden: int, who: str, found: Mapping[str, Outcomes]
) -> dict[str, Any]:
    seen, belief = (found[when].position_error for when in ("visible", "belief"))
    return {
        "film": film, "tier": tier, "hidden_frames": hidden, "memory": who,
        "seen_error_px": float(np.median(seen)) * SIDES[film],
        "place_error_px": float(np.median(belief)) * SIDES[film],
        "near": float((belief <= NEAR).mean()), "events": len(belief),
    }  # fmt: skip


if __name__ == "__main__":
    main()
