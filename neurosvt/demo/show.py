"""The demo: an object disappears, and the models go on knowing what and where it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from neurosvt import __version__
from neurosvt.config import UserError
from neurosvt.demo.episodes import dark_episode, scene_episode
from neurosvt.demo.equal_training import EqualScore, read_equal_training
from neurosvt.demo.page import Episode, write_page
from neurosvt.demo.work import facts_of, what_rows_are, work_rows
from neurosvt.events.windows import TimeWindows
from neurosvt.experiments.zoo import default_baselines, line_up
from neurosvt.formats.options import AS_STATED, ReadOptions
from neurosvt.formats.recordings import open_recording
from neurosvt.permanence.plan import PermanencePlan
from neurosvt.permanence.score_table import evaluate_permanence
from neurosvt.presence import Presence
from neurosvt.sides import Sides

SHOWN_TIERS = ("blackout", "curtain", "tunnel")
"""What is embedded: darkness, something in front, and motion that goes on unseen."""

SHOWN_HIDDEN = 60
"""Hidden frames of the episodes on the page."""

SHOWN_NOISE = 0.01
"""On every model's state while it is judged, in thresholds."""

WORK_SEQUENCES = 5
"""Sequences per tier over which the work per frame is averaged."""


@dataclass(frozen=True)
class Demo:
    """What was shown."""

    page: Path
    """The file to open."""
    episodes: tuple[Episode, ...]
    scores: tuple[Mapping[str, Any], ...] = ()
    """Rows as `evaluate_permanence` gives them; none of a recording, which has no truth."""
    work: tuple[Mapping[str, Any], ...] = ()
    """Rows of what models do per frame."""
    facts: Mapping[str, str] | None = None
    """Size, time constants and work, in words."""
    about: Mapping[str, str] | None = None
    """What each row of the scores is."""
    equal: tuple[EqualScore, ...] = ()
    """Scores at equal training, which the package brings."""

    def write(self) -> None:
        """The page."""
        write_page(
            self.page, episodes=self.episodes, rows=self.scores, facts=self.facts or {},
            about=self.about, equal=self.equal, version=__version__,
        )  # fmt: skip


def show_scenes(
    page: Path,
    *,
    model: str = "permanence",
    hidden: tuple[int, ...] = (30, 120, 300),
    events: int = 100,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
    on_batch: Callable[[int, int], None] = lambda done, of: None,
) -> Demo:
    """Judge a model and its baselines on made-up scenes, and write the page.

    Args:
        page: the file to write.
        model: a run folder, a checkpoint, or a shipped model.
        hidden: numbers of hidden frames that are judged.
        events: occlusion events per cell.
        seed: of the scenes.
        say: told in a line what is left out, and that it begins.
        on_batch: as of `evaluate_permanence`.

    Raises:
        UserError: a setting that does not fit, or a model that does not know these tiers.
    """
    lineup = line_up(model, default_baselines(model, say))
    plan = PermanencePlan(
        lineup.run.task("test", seed), SHOWN_TIERS, hidden, events, state_noise=SHOWN_NOISE
    )
    say("judging and drawing, a minute or two")
    scores = evaluate_permanence(lineup.entrants, plan, on_batch=on_batch)
    episodes, work, task = [], [], plan.judged_task
    for tier in SHOWN_TIERS:
        scenes = next(iter(task.batches(tier, SHOWN_HIDDEN, WORK_SEQUENCES)))
        title = f"{tier}, {SHOWN_HIDDEN} hidden frames"
        episodes.append(scene_episode(title, scenes, lineup.entrants, task))
        for entrant in lineup.entrants:
            work += work_rows(entrant, scenes, tier, task.scene.noise_hz)
    demo = Demo(
        page, tuple(episodes), tuple(scores), tuple(work), facts_of(lineup.entrants, work),
        what_rows_are(lineup.entrants), tuple(read_equal_training()),
    )  # fmt: skip
    demo.write()
    return demo


def show_recording(
    page: Path,
    recording: str | Path,
    *,
    model: str = "permanence",
    frames: int = 100,
    options: ReadOptions = AS_STATED,
    say: Callable[[str], None] = lambda line: None,
) -> Demo:
    """Show a recording, then darkness, and write the page: there is no truth to judge by. No more
    of the recording is read than is shown.

    Args:
        page: the file to write.
        recording: a file of events, of any format that `neurosvt.formats` reads.
        model: as of `show_scenes`.
        frames: that are shown of it, at most.
        options: how to read it, where it does not say.
        say: told in a line what is left out, and what was guessed or damaged.

    Raises:
        UserError: a recording that cannot be read, or `frames` below 1.
        FileNotFoundError: no such recording or model.
    """
    if frames < 1:
        raise UserError(f"frames must be at least 1, got {frames}")
    with open_recording(recording, options) as opened:  # first, for it may not be there
        lineup = line_up(model, default_baselines(model, say))
        run = lineup.run
        size, cutter = run.model.image_size, TimeWindows(run.frame_us, say=say)
        first = list(islice(opened.frames(cutter, size), frames + 1))
        if len(first) > frames:
            say(f"{opened.name}: its first {frames} frames are shown; --frames shows more")
            first.pop()
        for line in opened.damage():
            say(line)
    episode = dark_episode(
        f"{opened.name}, then {SHOWN_HIDDEN} dark frames",
        np.stack(first),
        SHOWN_HIDDEN,
        lineup.entrants,
        frame_ms=run.model.frame_ms,
        classes=run.task("test").classes,
        label=opened.label,
    )
    about = what_rows_are(lineup.entrants, constant=False)
    demo = Demo(page, (episode,), facts=facts_of(lineup.entrants), about=about)
    demo.write()
    return demo


NO_OBJECT = {
    Presence.NOTHING: "nothing",
    Presence.GONE: "gone across the edge",
    Presence.STRANGER: "none of its classes",
}
"""What is said where class and place mean nothing."""


def last_words(demo: Demo) -> list[str]:
    """What every model says at the end of the first episode, a line each."""
    episode = demo.episodes[0]
    sides = Sides.of_pixels(episode.frames)
    lines = []
    for track in episode.beliefs:
        label = episode.classes[int(track.probabilities[-1].argmax())]
        x, y = track.position[-1] * sides
        said = f"{label} at ({x:.0f}, {y:.0f})"
        if track.presence is not None:
            said = NO_OBJECT.get(Presence(int(track.presence[-1])), said)
        lines.append(f"{track.model}: after {SHOWN_HIDDEN} dark frames {said}")
    return lines
