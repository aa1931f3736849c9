"""What the demo shows: episodes as every model saw them, the score table, the page."""

import argparse
import shlex
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import nn

from neurosvt import __version__
from neurosvt.cli.permanence import add_arguments as permanence_arguments
from neurosvt.config import UserError
from neurosvt.demo.page import Belief, Episode, write_page
from neurosvt.energy.count import Meter
from neurosvt.energy.phases import PhaseCounts, count_phases
from neurosvt.events.frames import by_time, make_frames
from neurosvt.events.recording import fit_to_sensor
from neurosvt.experiments.checkpoints import Checkpoint
from neurosvt.experiments.zoo import (
    RIVALS,
    behind,
    load_family,
    models_of,
    tau_of,
    title,
    usual,
)
from neurosvt.formats import read_events
from neurosvt.nn.leaky_memory import LeakyMemory
from neurosvt.permanence.score_table import Plan, measure, score_table
from neurosvt.results.places import check_folder, check_writable
from neurosvt.results.rows import write_results
from neurosvt.scenes.scenes import Scenes

SHOWN_TIERS = "blackout,curtain,tunnel"
"""What is embedded: darkness, something in front, and motion that goes on unseen."""

SHOWN_HIDDEN = 60
"""Hidden frames of the episodes on the page."""

WORK_SEQUENCES = 5
"""Sequences per tier over which the work per frame is averaged."""


def show_scenes(args: argparse.Namespace) -> int:
    """Embedded scenes: score table and page."""
    page = _page(args.out)
    if args.json:
        check_writable(args.json)
    options = ["--hidden", args.hidden, "--events", str(args.events), "--seed", str(args.seed)]
    shown = ",".join(usual("permanence"))
    parser = argparse.ArgumentParser()
    permanence_arguments(parser)
    asked = ["--tiers", SHOWN_TIERS, "--memory", shown, "--state-noise", "0.01"]
    plan = Plan.of(parser.parse_args([*options, *asked]))
    print("judging and drawing, about a minute", file=sys.stderr)
    rows = measure(plan)
    console = Console(width=110)
    console.print(score_table(rows))
    models = plan.models()
    episodes, done = [], []
    for tier in plan.tiers:
        scenes = next(iter(plan.task.batches(tier, SHOWN_HIDDEN, WORK_SEQUENCES)))
        title = f"{tier}, {SHOWN_HIDDEN} hidden frames"
        episodes.append(episode(title, scenes, models, plan))
        for memory, model in models.items():
            done += work_rows(memory, model, scenes, tier, plan.task.scene.noise_hz)
    facts = describe(plan.trained, done)
    for name, fact in facts.items():
        console.print(f"{name}: {fact}")
    if args.json:
        write_results(args.json, shlex.join(["neurosvt", "demo", *options]), [*rows, *done])
    write_page(page, episodes=episodes, rows=rows, facts=facts, version=__version__)
    console.print(f"watch it: {page}")
    return 0


def show_recording(args: argparse.Namespace) -> int:
    """A recording, then darkness: what the models go on saying; there is no truth to judge by."""
    page = _page(args.out)
    if args.json:
        raise UserError("--json writes scores, and a recording has no truth to score by")
    if args.frames < 1:
        raise UserError(f"--frames must be at least 1, got {args.frames}")
    memories = usual(args.model)
    trained = load_family(args.model, memories)
    run = trained["leaky"].run
    side, classes = run.model.image_size, run.task("test").classes
    recording = read_events(args.input, on_damage=partial(print, file=sys.stderr))
    fitted = fit_to_sensor(recording, side)
    frames = make_frames(fitted, by_time(fitted.events, run.frame_us))[: args.frames]
    # A label counts only if it is one of the classes that the model knows.
    known = recording.label is not None and 0 <= recording.label < len(classes)
    dark = np.zeros((SHOWN_HIDDEN, *frames.shape[1:]), bool)
    whole = np.concatenate([frames, dark])
    hidden = np.arange(len(whole)) >= len(frames)
    light = np.zeros((len(whole), 7), np.float32)
    light[:, 2] = ~hidden
    models = models_of(trained, memories)
    shown = Episode(
        title=f"{recording.name}, then {SHOWN_HIDDEN} dark frames",
        frames=whole,
        frame_ms=run.model.frame_ms,
        position=None,
        hidden=hidden,
        label=np.full(len(whole), recording.label) if known else None,
        classes=classes,
        occluder=light,
        beliefs=tuple(watch(named(m, trained), model, whole) for m, model in models.items()),
    )
    for belief in shown.beliefs:
        said = classes[int(belief.probabilities[-1].argmax())]
        x, y = belief.position[-1] * side
        print(f"{belief.model}: after {SHOWN_HIDDEN} dark frames {said} at ({x:.0f}, {y:.0f})")
    write_page(page, episodes=[shown], rows=[], facts=describe(trained, []), version=__version__)
    print(f"watch it: {page}")
    return 0


def episode(title: str, scenes: Scenes, models: Mapping[str, nn.Module], plan: Plan) -> Episode:
    """The first sequence of some scenes, as every model sees it."""
    frames = scenes.frames[:, 0]
    return Episode(
        title=title,
        frames=frames,
        frame_ms=plan.task.scene.frame_us / 1000,
        position=scenes.position[:, 0],
        hidden=scenes.hidden[:, 0],
        label=scenes.label[:, 0],
        classes=plan.task.classes,
        occluder=scenes.occluder[:, 0],
        beliefs=tuple(watch(named(m, plan.trained), model, frames) for m, model in models.items()),
    )


@torch.no_grad()
def watch(name: str, model: nn.Module, frames: np.ndarray) -> Belief:
    """Show frames (T, 2, H, W) to a model one by one; what it believed and did at each."""
    state, said, spikes, synops = None, [], [], []
    meter = Meter(model, batch_axes=2)
    for frame in torch.from_numpy(frames)[:, None, None]:
        with meter:
            belief, state = model(frame, state)
        said.append(
            (
                belief.class_logits[0, 0].softmax(-1),
                belief.position[0, 0],
                belief.unseen_logit[0, 0].sigmoid(),
            )
        )
        done = meter.take()
        spikes.append(done.spikes)
        synops.append(done.acs)
    classes, positions, unseen = (torch.stack(part).numpy() for part in zip(*said, strict=True))
    return Belief(name, classes, positions, unseen, np.array(spikes), np.array(synops))


def work_rows(
    memory: str, model: nn.Module, scenes: Scenes, tier: str, noise_hz: float
) -> list[dict[str, Any]]:
    """What a model does per frame and sequence while the object is seen and while it is hidden."""
    return [
        {
            "model": "neurosvt",
            "memory": memory,
            "tier": tier,
            "phase": phase,
            "noise_hz": noise_hz,
            "spikes_per_frame": done.total.spikes / done.frames,
            "synops_per_frame": done.total.acs / done.frames,
            "touched_tokens_per_frame": _rows_into(done, "embed.project") / done.frames,
            "working_tokens_per_frame": _rows_into(done, "blocks.0.attention.qkv") / done.frames,
            "frames": done.frames,
        }
        for phase, done in count_phases(model, scenes).items()
    ]


def _rows_into(phase: PhaseCounts, layer: str) -> int:
    """Tokens that came into a layer, whatever its model is a part of."""
    return sum(done.rows for name, done in phase.layers.items() if name.endswith(layer))


def describe(trained: Mapping[str, Checkpoint], rows: list[dict[str, Any]]) -> dict[str, str]:
    """Facts for the foot of the page: size, time constants, work per visible and hidden frame."""
    facts = {}
    for memory, one in trained.items():
        facts[f"parameters, {named(memory, trained)}"] = f"{one.model.parameter_count():,}"
        if isinstance(one.model.memory, LeakyMemory):
            tau = one.model.memory.tau().detach()
            facts["learnt time constants, in steps"] = (
                f"shortest {tau.min():.1f}, median {tau.median():.1f}, longest {tau.max():.0f}"
            )
    for row in rows:
        tokens = trained[RIVALS[row["memory"]].member].model.config.tokens
        facts[f"per {row['phase']} frame, {row['tier']}, {named(row['memory'], trained)}"] = (
            f"{row['spikes_per_frame']:,.0f} spikes, {row['synops_per_frame']:,.0f} synaptic "
            f"operations, {row['working_tokens_per_frame'] / tokens:.1%} of tokens at work"
        )
    return facts


def named(memory: str, trained: Mapping[str, Checkpoint]) -> str:
    """What the page calls a model: as the score table does."""
    one = behind(memory, trained)
    return title(memory, tau_of(one) if one else None)


def _page(out: str) -> Path:
    return check_folder(out) / "report.html"
