"""The tabs around the stage: an image in one step, energy, and a model of one's own (gradio)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from html import escape
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import quote

import gradio as gr
import numpy as np

from neurosvt.classification.heatmap import draw_panels
from neurosvt.classification.slopes import measure_slopes, slope_panels
from neurosvt.config import UserError, first_line
from neurosvt.datasets.any_image import named_pixels
from neurosvt.energy.compare import ModelCost
from neurosvt.energy.costs import all_costs
from neurosvt.experiments.checkpoints import (
    Checkpoint,
    load,
    load_image_model,
    shipped_names,
)
from neurosvt.experiments.energy_baselines import EnergyPlan, energy_of
from neurosvt.experiments.hub import pull_model
from neurosvt.experiments.zoo import tau_of
from neurosvt.nn.leaky_memory import LeakyMemory

IMAGE_MODEL = "dysvit"
FOR_A_LOOK = EnergyPlan(hidden=12, samples=1, events=1)
"""One short sequence: operations follow what happens, and differ little between sequences."""
STAGE = "stage"
"""By which the tab of the stage is opened."""
CSS = """
.gradio-container { width: 100% !important; max-width: 84rem !important; margin: 0 auto; }
iframe.stage { border: 0; width: 100%; height: 920px; }
@media (max-width: 40rem) {
  .gradio-container, .gradio-container .tabitem { padding: 0 !important; }
}
"""
THEME = gr.themes.Base(
    primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
)
"""Fonts of the machine: those of gradio's own themes come from elsewhere."""


def make_blocks(model: str, *, allowed: Callable[[str], bool]) -> gr.Blocks:
    """All tabs.

    Args:
        model: what the stage shows at first.
        allowed: which other models visitors may ask for.
    """
    blocks: gr.Blocks
    with gr.Blocks(title="Neuro-SVT", analytics_enabled=False) as blocks:
        gr.Markdown("# Neuro-SVT\nSpiking vision transformers that remember what they saw.")
        with gr.Tabs() as tabs:
            with gr.Tab("Permanence", id=STAGE):
                stage = gr.HTML(_stage(model))
            with gr.Tab("One step"):
                _one_step()
            with gr.Tab("Energy"):
                _energy(model, allowed)
            with gr.Tab("Your model"):
                _your_model(model, allowed, stage, tabs)
    return blocks


@contextmanager
def refusals_shown() -> Iterator[None]:
    """What is refused is shown to the visitor, in a line."""
    try:
        yield
    except (UserError, FileNotFoundError) as error:
        raise gr.Error(first_line(error), print_exception=False) from None


def _stage(model: str) -> str:
    title = "An object to hide, and what models believe of it"
    return f'<iframe class="stage" title="{title}" src="play?model={quote(model)}"></iframe>'


def _one_step() -> None:
    gr.Markdown(
        "An image to classes in one time step, and the surrogate slope that the hyper-network "
        "chose for every token: bright tokens were learnt from sharply."
    )
    with gr.Row():
        image = gr.Image(type="numpy", label="Image, any size", sources=["upload", "clipboard"])
        label = gr.Label(num_top_classes=5, label="Classes")
    slopes = gr.Image(label="Slopes, layer by layer", type="filepath", interactive=False)
    gr.Button("Look", variant="primary").click(
        look_at, image, [label, slopes], concurrency_limit=1, api_visibility="private"
    )


def look_at(image: np.ndarray | None) -> tuple[dict[str, float], str]:
    """Classes of an image (Y, X, 3), and a picture of its slopes."""
    if image is None:
        raise gr.Error("choose an image first", print_exception=False)
    trained = load_image_model(IMAGE_MODEL)
    _, pixels = named_pixels([image], trained.run.model.image_size, say=lambda line: None)
    (said,) = trained.predict(image)
    with NamedTemporaryFile(suffix=".png", prefix="neurosvt-slopes-", delete=False) as file:
        found = measure_slopes(trained.model, pixels)
    draw_panels(Path(file.name), "surrogate slopes", slope_panels(found, 0, "image"))
    return said.probabilities, file.name


def _energy(model: str, allowed: Callable[[str], bool]) -> None:
    gr.Markdown(
        "What a model does per frame, beside ViT-Tiny and its dense twin, and what that would "
        "cost. Counting takes some seconds; the table of costs changes at once."
    )
    tables = {table.name: table for table in all_costs()}
    with gr.Row():
        name = gr.Textbox(
            model, label="Model", info="a name of `neurosvt list models`, or a folder"
        )
        table = gr.Dropdown(list(tables), value=next(iter(tables)), label="Cost table")
    counted = gr.State([])
    columns = [
        "model", "phase", "precision", "multiply-adds", "additions", "bytes moved", "µJ a frame",
    ]  # fmt: skip
    rows = gr.Dataframe(headers=columns, label="Per frame", interactive=False, wrap=True)

    def count(name: str, table: str) -> tuple[Sequence[ModelCost], list[list[Any]]]:
        costs = _counted(_checked(name, allowed))
        return costs, energy_cells(costs, table)

    gr.Button("Count", variant="primary").click(
        count, [name, table], [counted, rows], concurrency_limit=1, api_visibility="private"
    )
    table.change(energy_cells, [counted, table], rows, api_visibility="private")


@lru_cache(maxsize=4)
def _counted(name: str) -> Sequence[ModelCost]:
    with refusals_shown():
        return energy_of(load(name), FOR_A_LOOK)


def energy_cells(costs: Sequence[ModelCost], table: str) -> list[list[Any]]:
    """A line a model and phase."""
    chosen = [one for one in all_costs() if one.name == table]
    return [
        [
            row["model"], row["phase"], row["precision"], f"{row['macs']:,.0f}",
            f"{row['acs']:,.0f}",
            f"{row['bytes']:,.0f}", f"{1e6 * row['joules_per_frame']:.3g}",
        ]
        for cost in costs
        for row in cost.rows(chosen)
    ]  # fmt: skip


def _your_model(model: str, allowed: Callable[[str], bool], stage: gr.HTML, tabs: gr.Tabs) -> None:
    gr.Markdown("A run folder, a checkpoint, a shipped model, or OWNER/NAME of the hub.")
    name = gr.Textbox(model, label="Model")
    card = gr.Markdown()

    def show(name: str) -> tuple[str, Any, Any]:
        name = _checked(name, allowed)
        with refusals_shown():
            trained = load(name)
        shown: tuple[Any, Any] = (gr.skip(), gr.skip())
        if trained.run.hides:
            shown = (_stage(name), gr.Tabs(selected=STAGE))
        return card_of(trained), *shown

    gr.Button("Load it, and put it on the stage", variant="primary").click(
        show, name, [card, stage, tabs], concurrency_limit=1, api_visibility="private"
    )
    gr.Markdown(f"Shipped: {', '.join(f'`{name}`' for name in shipped_names())}")


def card_of(trained: Checkpoint) -> str:
    """What a model is, as Markdown."""
    model, run = trained.model, trained.run
    lines = [f"**{escape(trained.name)}**, {type(model).__name__}"]
    lines += [f"{model.parameter_count():,} parameters, {trained.steps:,} steps of training"]
    if trained.run.classes:
        lines += [f"classes: {escape(', '.join(trained.run.classes))}"]
    memory = getattr(model, "memory", None)
    if isinstance(memory, LeakyMemory):
        lines += [f"time constants of the memory, in steps: {memory.tau_summary()}"]
    elif tau_of(trained) is not None:
        lines += [f"time constant of the memory: {tau_of(trained)} steps"]
    if not run.hides:
        lines += ["It names what is seen; nothing hides in its data, so the stage is not for it."]
    return "\n\n".join(lines)


def _checked(name: str, allowed: Callable[[str], bool]) -> str:
    """A model that may be asked for, fetched from the hub if its name is one of there."""
    name = name.strip()
    if not allowed(name):
        raise gr.Error(
            f"{name} is not shown here: {', '.join(shipped_names())}", print_exception=False
        )
    if name.count("/") == 1 and not Path(name).exists():
        with refusals_shown():
            return str(pull_model(name))
    return name
