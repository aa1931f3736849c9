"""All pictures of README and docs: python benchmarks/figures.py.

From the committed rows docs/images/*.svg: scores and position errors of the shipped model and those
beside it, what a frame costs and how that follows the activity, and the curves of trainings. From
the shipped models: a belief as a strip and as the README's animation, and, where CIFAR-10 is, the
slopes of DySViT over six test images.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from committed import rows_of
from tables_permanence import is_standard

from neurosvt.cli import main as neurosvt
from neurosvt.demo.animation import write_animation, write_strip
from neurosvt.energy.figures import draw_energy
from neurosvt.permanence.figures import draw_calibration, draw_errors, draw_scores
from neurosvt.results.style import house_style, line_styles, panels, write_figure

IMAGES = Path(__file__).parent.parent / "docs" / "images"
MAPPED = tuple(f"test:{i}" for i in range(6))
"""Images over which slopes are drawn."""
TRAININGS = ("permanence", "dysvit", "dysvit_protocol")


def training_curves(row: dict[str, Any]) -> dict[str, str]:
    """What validation found in a run of hidden objects, or of images; and what to call it."""
    if "visible" not in row:
        return {"score": "validation images"}
    hidden = {
        key: f"after {key.removeprefix('belief_')} hidden frames"
        for key in row
        if key.startswith("belief_")
    }
    return {"visible": "in view", **hidden}


def draw_training(path: Path, rows: list[dict[str, Any]]) -> None:
    """What is right on validation data, by hours of training."""
    curves = training_curves(rows[-1])
    styles = line_styles(curves)
    hours = [row["seconds"] / 3600 for row in rows]
    with house_style():
        figure, (axes,) = panels(1, (5.0, 2.6))
        for name, label in curves.items():
            shares = [100 * row[name] for row in rows]
            axes.plot(hours, shares, label=label, **styles[name].options())
        axes.set(xlabel="training (hours)", ylabel="right on validation data (%)", ylim=(0, 102))
        axes.legend(loc="lower right")
        write_figure(path, figure)


def draw_activity(path: Path, rows: list[dict[str, Any]]) -> None:
    """Time and additions of a frame against the events that fall in it, both axes logarithmic."""
    curves = {"median_us": "time of the engine (µs)", "additions": "additions"}
    styles = line_styles(curves)
    with house_style():
        figure, grid = panels(2, (3.2, 2.3))
        for axes, (name, label) in zip(grid, curves.items(), strict=True):
            events = [row["events"] for row in rows]
            axes.plot(events, [row[name] for row in rows], **styles[name].options())
            axes.set(xscale="log", yscale="log", xlabel="events in a frame", ylabel=label)
        write_figure(path, figure)


def main() -> None:
    """All of them."""
    rows = rows_of("permanence")
    standard = [row for row in rows if is_standard(row) and "blind" not in row["memory"]]
    IMAGES.mkdir(exist_ok=True)
    draw_scores(IMAGES / "permanence_score.svg", standard)
    draw_errors(IMAGES / "permanence_place_error.svg", standard)
    calibration = [row for row in rows if row["judgement"] == "calibration"]
    draw_calibration(IMAGES / "permanence_calibration.svg", calibration)
    draw_energy(IMAGES / "energy.svg", rows_of("energy"))
    activity = [row for row in rows_of("latency") if "additions" in row]
    draw_activity(IMAGES / "activity.svg", activity)
    for name in TRAININGS:
        draw_training(IMAGES / f"training_{name}.svg", rows_of(f"training_{name}"))
    for path in sorted(IMAGES.glob("*.svg")):
        print(f"{path.stat().st_size / 1000:6.1f} kB  {path}")


def draw_models() -> None:
    """What shipped models believe and chose."""
    write_strip(IMAGES / "strip.png")
    write_animation(IMAGES / "remember.gif")
    grid = str(IMAGES / "slopes.png")
    with TemporaryDirectory() as folder:
        if neurosvt(["heatmap", "dysvit_protocol", *MAPPED, "--out", folder, "--grid", grid]):
            print("the slopes stay as they are: there is no CIFAR-10 here")


if __name__ == "__main__":
    main()
    draw_models()
