"""The card of a trained model: the README.md of a folder that `save_pretrained` writes.

Every number is counted on the model or stands in the metadata of its checkpoint; what is not known
is not told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from huggingface_hub import ModelCardData

from neurosvt import __version__
from neurosvt.config import Registry

MARK = "<!-- Written by save_pretrained. Without this line it is yours, and is not replaced. -->"
"""Tells a card of ours from one that somebody wrote."""


@dataclass(frozen=True)
class CardText:
    """What a card says of every model of one type."""

    what: str
    """What goes in, what comes out, and how."""
    usage: str
    """The line of Python that calls `model`."""
    limits: tuple[str, ...]
    tags: tuple[str, ...]
    pipeline: str | None = None
    """The task, as the hub calls it; None where it has no word for it."""


CARD_TEXTS: Registry[CardText] = Registry(
    "card text",
    {
        "neurosvt": CardText(
            "A spiking vision transformer for event cameras with a leaky memory. Binary event "
            "frames go in. After every frame come out the class of an object, its position and "
            "whether it is hidden.",
            "belief, state = model(frames)  # (T, B, 2, Y, X), OFF then ON, 1 where an event was",
            (
                "One object at a time: with several in view the belief is about one of them.",
                "An object that moves while it is hidden is followed less well than one at rest.",
                "Time constants are in frames of the length that `config.json` states.",
            ),
            ("spiking-neural-network", "event-camera", "object-permanence"),
        ),
        "dysvit": CardText(
            "A spiking vision transformer that classifies an image in one time step. What projects "
            "sees spikes alone; the slopes of its surrogate gradients are learnt.",
            "scores = model(images)  # (B, 3, Y, X), colours in [0, 1] less the mean, over the "
            "deviation",
            (
                "Images of another size than `config.json` states are refused.",
                "Colours have to be normalised as in training: MEAN and DEVIATION in `model.py`.",
            ),
            ("spiking-neural-network", "image-classification"),
            "image-classification",
        ),
    },
)
"""By type of model; a type of one's own may be added."""


@dataclass(frozen=True)
class CardTraining:
    """What a model was trained on, and what follows for its weights."""

    text: str
    license: str | None = None
    """Of weights trained on it; None where nothing is settled."""
    withheld: bool = False
    """Whether weights trained on it are not to be passed on."""


_UNLICENSED = "recorded with a DVS128 camera; the recordings state no licence"

TRAINING_DATA: Registry[CardTraining] = Registry(
    "training data",
    {
        "scenes": CardTraining("scenes made by the simulator of neurosvt", "apache-2.0"),
        "cifar10": CardTraining(
            "CIFAR-10 (Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009)",
            "apache-2.0",
        ),
        "nmnist": CardTraining(
            "N-MNIST (Orchard et al., Converting Static Image Datasets to Spiking Neuromorphic "
            "Datasets Using Saccades, 2015; CC BY-SA 4.0), made from MNIST (LeCun, Cortes and "
            "Burges)",
            "cc-by-sa-4.0",
        ),
        "dvs128": CardTraining(
            "DVS128 Gesture (Amir et al., A Low Power, Fully Event-Based Gesture Recognition "
            "System, CVPR 2017; CC BY 4.0)"
        ),
        "dvs128_objects": CardTraining(f"objects in a hand ({_UNLICENSED})", withheld=True),
        "hidden_objects": CardTraining(
            f"objects in a hand, occluders cut in ({_UNLICENSED})", withheld=True
        ),
        "pendulum": CardTraining(f"a pendulum, occluders cut in ({_UNLICENSED})", withheld=True),
    },
)
"""By the name that a run gives it; licences as in `neurosvt/weights/NOTICE`."""

FIGURES = {
    "score": "score by which the weights were chosen",
    "visible": "right while the object is in view",
    "belief": "right while it is hidden",
    "belief_60": "right after 60 hidden frames",
    "belief_600": "right after 600 hidden frames",
}
"""Shares that training writes into a checkpoint, all of them on validation."""
RESULTS = "results"
"""Where metadata hold rows of results: a list of flat tables, each a row of the card."""


@dataclass(frozen=True)
class CardFacts:
    """What is known of one model."""

    model_type: str
    python: str
    """The class, with its module before it."""
    folder: str
    """What the folder or the repository is called."""
    parameters: int
    classes: int
    class_names: Sequence[str] | None
    metadata: Mapping[str, Any]
    """Of its checkpoint; "run", "step", "license", `FIGURES` and `RESULTS` are shown."""


def model_card(facts: CardFacts) -> str:
    """The card as Markdown behind a YAML head, as the Hugging Face hub reads it."""
    text = CARD_TEXTS.get(facts.model_type)
    data = trained_on(facts.metadata)
    home, _, name = facts.python.rpartition(".")
    call = text.usage if text else "output = model(inputs)"
    parts = [
        f"# {facts.folder}",
        text.what if text else f"A {name} of neurosvt.",
        f"{facts.parameters:,} learnt numbers. {_classes(facts)}",
        "## Load it",
        f"```python\nfrom {home} import {name}\n"
        f"model = {name}.from_pretrained({facts.folder!r})  # a folder, or a repository\n"
        f"{call}\n```",
        "## Results",
        *_results(facts.metadata),
        "## Training data",
        _training(facts.metadata, data),
        "## Limits",
        "\n".join(f"- {limit}" for limit in (*(text.limits if text else ()), _BENCH)),
        "## Licence",
        _licence(license_of(facts.metadata, data)),
        "## Citation",
        _CITATION,
    ]
    return f"---\n{_head(facts, text)}\n---\n{MARK}\n\n" + "\n\n".join(parts) + "\n"


def trained_on(metadata: Mapping[str, Any]) -> str | None:
    """The data set that the run in the metadata names, or None."""
    run = metadata.get("run")
    data = run.get("data") if isinstance(run, Mapping) else None
    name = data.get("dataset") if isinstance(data, Mapping) else None
    return str(name) if name is not None else None


def license_of(metadata: Mapping[str, Any], dataset: str | None) -> str | None:
    """The licence that metadata state, or else that follows from the data; None if neither does."""
    if "license" in metadata:
        return str(metadata["license"])
    known = TRAINING_DATA.get(dataset) if dataset else None
    return known.license if known else None


_BENCH = "The figures are of the data named here; on other recordings it has to be judged anew."
_CITATION = f"""```bibtex
@software{{neurosvt,
  title = {{Neuro-SVT: spiking vision transformers that go on knowing what they can no longer see}},
  author = {{{{The Neuro-SVT contributors}}}},
  version = {{{__version__}}},
}}
```"""


def _head(facts: CardFacts, text: CardText | None) -> str:
    data = trained_on(facts.metadata)
    shown = any(facts.metadata.get(name) is not None for name in (*FIGURES, RESULTS))
    head = ModelCardData(
        license=license_of(facts.metadata, data),
        library_name="neurosvt",
        tags=["neurosvt", *(text.tags if text else ())],
        datasets=[data] if data else None,
        metrics=["accuracy"] if shown else None,
        pipeline_tag=text.pipeline if text else None,
    )
    return head.to_yaml()


def _classes(facts: CardFacts) -> str:
    if not facts.class_names:
        return f"{facts.classes} classes, whose names are not known."
    return f"{facts.classes} classes: {', '.join(facts.class_names)}."


def _results(metadata: Mapping[str, Any]) -> list[str]:
    found = [
        {"figure on validation": words, "share": metadata[name]}
        for name, words in FIGURES.items()
        if metadata.get(name) is not None
    ]
    rows = list(metadata.get(RESULTS) or ())
    tables = [_table(part) for part in (rows, found) if part]
    return tables or ["No figures are stored with these weights."]


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [columns, ["---"] * len(columns), *([_cell(r.get(c)) for c in columns] for r in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    shown = f"{value:.4g}" if isinstance(value, float) else str(value)
    return " ".join(shown.split()).replace("|", "\\|")


def _training(metadata: Mapping[str, Any], dataset: str | None) -> str:
    if dataset is None:
        return "What these weights were trained on is not stored with them."
    known = TRAINING_DATA.get(dataset)
    lines = [f"Trained on {known.text if known else dataset}."]
    if "step" in metadata:
        steps = metadata["step"] + metadata.get("steps_before", 0)
        lines.append(f"The weights are those of training step {steps:,}.")
    return " ".join([*lines, "`model.safetensors` holds all settings of the run in its head."])


def _licence(name: str | None) -> str:
    if name is None:
        return "The licence of these weights is not stated; ask whoever trained them."
    return f"Weights: {name}. The code of neurosvt: apache-2.0."
