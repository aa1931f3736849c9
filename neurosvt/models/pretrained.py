"""A trained model as a folder, on a disk or on the Hugging Face hub.

config.json          the type of the model, the names of its classes, whether it is folded (as by
                     `on_grid`), and what its config takes
model.safetensors    all weights; the checkpoint's metadata in its head
README.md            the card: what it is, figures, licence (`models.model_card`)

A DySViT adds `pytorch_model.bin`, the weights of the deployed network, and `model.py`, that network
in one file for PyTorch alone (`models/dysvit_standalone.py`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

import torch
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from neurosvt.config import Registry, UserError, as_plain, build
from neurosvt.models.model_card import FIGURES, MARK, RESULTS, CardFacts, model_card
from neurosvt.models.model_folder import (
    CARD,
    CONFIG,
    METADATA,
    WEIGHTS,
    find_folder,
    read_settings,
    read_weights,
    write_folder,
)
from neurosvt.nn.weights import check_fit, load_weights

P = TypeVar("P", bound="Pretrained")
Weights = Mapping[str, Tensor]

MODEL_TYPES: Registry[type["Pretrained"]] = Registry("model_type")
"""Classes by what `config.json` calls them; naming a `model_type` where one is defined adds it."""


class Pretrained(nn.Module):
    """What all models that are saved as folders have in common.

        class Mine(Pretrained, model_type="mine", config_type=MyConfig): ...

    Such a class is made by `Mine(config=..., backend=...)`, keeps `self.config`, whose `classes` is
    a number, and says in `new_classes` how its head comes to have another number of them.
    """

    model_type: ClassVar[str]
    config_type: ClassVar[type]
    config: Any
    class_names: tuple[str, ...] | None = None
    """What its classes are called, in the order of its scores; None if nobody said."""
    metadata: Mapping[str, Any] = MappingProxyType({})
    """What is known about its training, as it was loaded."""

    def __init_subclass__(
        cls, *, model_type: str | None = None, config_type: type | None = None, **options: Any
    ):
        super().__init_subclass__(**options)
        if config_type is not None:
            cls.config_type = config_type
        if model_type is not None:
            cls.model_type = model_type
            MODEL_TYPES[model_type] = cls

    @property
    def num_classes(self) -> int:
        """How many classes it tells apart; the name is that of timm."""
        classes: int = self.config.classes
        return classes

    @property
    def folded(self) -> bool:
        """Whether its norms stand in its weights, as after `NeuroSVT.on_grid`."""
        return False

    def on_grid(self) -> Any:
        """A copy whose norms stand in its weights, of models that have such a form."""
        raise NotImplementedError(f"{type(self).__name__} has no form on the grid")

    def parameter_count(self) -> int:
        """Learnt numbers, those that serve training alone included."""
        return sum(p.numel() for p in self.parameters())

    def reset_classifier(self, classes: int, class_names: Sequence[str] | None = None) -> None:
        """Give it a new head for another number of classes; all else is kept.

        Metadata lose their figures, which were those of the old head.

        Raises:
            ValueError: fewer than two classes.
            UserError: names that are not as many as classes, or not each another.
        """
        config = replace(self.config, classes=classes)
        names = checked_names(class_names, classes)
        self.new_classes(classes)
        self.config, self.class_names = config, names
        self.metadata = without_figures(self.metadata)

    def new_classes(self, classes: int) -> None:
        """Put new rows for `classes` classes into the head."""
        raise NotImplementedError(f"{type(self).__name__} has no head to be exchanged")

    def extra_files(self) -> dict[str, bytes]:
        """What its folder holds besides, by name."""
        return {}

    @classmethod
    def config_from(cls, settings: Mapping[str, Any], weights: Weights) -> Any:
        """The config that plain settings describe, for these weights."""
        return build(cls.config_type, settings)

    def save_pretrained(
        self,
        folder: str | Path,
        *,
        class_names: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        called: str | None = None,
    ) -> None:
        """Write it as a folder that `from_pretrained` reads; all files appear, or none.

        A README.md that somebody else wrote is left as it is.

        Args:
            folder: where to; what is there of these files is replaced, all else stays.
            class_names: of its classes; None for those that it has.
            metadata: what is known about its training, as in a checkpoint, "results" with rows for
                the card; None for what was loaded with it, less figures: it may have changed.
            called: what its card calls it, as a repository's name; None for that of the folder.

        Raises:
            UserError: `folder` is a file or cannot be written; names that do not fit; metadata that
                are not plain data; parts that its config does not describe, such as a new head of
                another kind, for they could not be read again. Nothing is written then.
        """
        folder = Path(folder).resolve()
        names = checked_names(class_names, self.num_classes)
        if names is None and len(self.class_names or ()) == self.num_classes:
            names = self.class_names  # unless a new head has other classes
        known = dict(without_figures(self.metadata) if metadata is None else metadata)
        named = {"class_names": list(names)} if names else {}
        config = self.config
        if self.num_classes != config.classes:
            config = replace(config, classes=self.num_classes)
        plain = as_plain(config)
        form = {"folded": True} if self.folded else {}
        settings = {"model_type": self.model_type, **named, **form, **plain}
        try:
            head = {"format": "pt", METADATA: json.dumps(known)}
        except (TypeError, ValueError) as error:
            raise UserError(f"metadata must be plain data, as JSON holds it: {error}") from error
        # Cloned, for two names of one tensor are two tensors in a file.
        weights = {n: t.detach().cpu().contiguous().clone() for n, t in self.state_dict().items()}
        self.check_config_describes(plain, weights)
        files = {
            **self.extra_files(),
            WEIGHTS: save_safetensors(weights, head),
            CONFIG: (json.dumps(settings, indent=1) + "\n").encode(),
        }
        card = folder / CARD
        if not card.is_file() or MARK in card.read_text(encoding="utf-8", errors="replace"):
            python = f"{type(self).__module__}.{type(self).__name__}"
            facts = CardFacts(
                self.model_type, python, called or folder.name, self.parameter_count(),
                self.num_classes, names, known,
            )  # fmt: skip
            files[CARD] = model_card(facts).encode()
        write_folder(folder, files)

    def check_config_describes(self, settings: Mapping[str, Any], weights: Weights) -> None:
        """Raise a UserError if a model of these settings would have other weights."""
        if getattr(self, "passed_in", ()):
            return  # whoever reads the folder hands these parts over again
        with torch.random.fork_rng(devices=[]):
            fresh = self.made_for(settings, weights, self.folded)
        try:
            check_fit(fresh, weights, f"this {type(self).__name__}")
        except UserError as error:
            raise UserError(f"its config does not describe it: {error}") from error

    @classmethod
    def made_for(
        cls: type[P],
        settings: Mapping[str, Any],
        weights: Weights,
        folded: bool,
        **options: Any,
    ) -> P:
        """A fresh model of these settings, in the form that these weights are in."""
        model = cls(config=cls.config_from(settings, weights), **options)
        return model.on_grid() if folded else model

    @classmethod
    def from_pretrained(
        cls: type[P],
        name: str | Path,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        backend: str = "auto",
        **parts: Any,
    ) -> P:
        """A trained model in eval mode, from a folder or from the hub.

        Args:
            name: a folder, or a repository of the hub, whose copy on this machine comes first.
            revision: branch, tag or commit of the repository.
            token: for repositories that are not public; None for the one that is logged in.
            cache_dir: where copies of repositories are kept; None for the customary place.
            local_files_only: never ask the network.
            backend: how it is computed, as in the constructor.
            parts: modules of one's own, handed to the constructor.

        Raises:
            FileNotFoundError: no such folder or repository, or no weights in it.
            UserError: a file that is damaged or of another model, a setting that is wrong, or
                weights that do not fit; names each.
        """
        folder = find_folder(name, revision, token, cache_dir, local_files_only)
        settings = read_settings(folder)
        kind, names = settings.pop("model_type", None), settings.pop("class_names", None)
        folded = bool(settings.pop("folded", False))
        if kind not in (None, cls.model_type):
            right = class_of_type(kind, folder).__name__
            raise UserError(f"{folder} holds a {right}, which {right}.from_pretrained reads")
        weights, metadata, source = read_weights(folder)
        model = cls.made_for(settings, weights, folded, backend=backend, **parts)
        load_weights(model, weights, source)
        model.class_names = checked_names(names, model.num_classes, f"{folder / CONFIG}: ")
        model.metadata = metadata
        return model.eval()


def class_of_type(kind: Any, folder: Path) -> type[Pretrained]:
    """The class that `config.json` of a folder names, of those that are imported.

    Raises:
        UserError: there is none; names the file.
    """
    try:
        return MODEL_TYPES[str(kind)]
    except UserError as error:
        raise UserError(f"{folder / CONFIG}: {error}") from error


def with_class_rows(layer: nn.Linear, old: int, new: int) -> nn.Linear:
    """A layer like `layer` whose first `old` outputs, one a class, have given way to `new` others.

    The outputs behind them, such as a position, are kept to the bit.
    """
    kept = layer.out_features - old
    fresh = nn.Linear(layer.in_features, new + kept, bias=layer.bias is not None)
    fresh = fresh.to(layer.weight).train(layer.training)
    with torch.no_grad():
        for (_, mine), (_, theirs) in zip(
            fresh.named_parameters(), layer.named_parameters(), strict=True
        ):
            mine[new:] = theirs[old:]
    return fresh


def without_figures(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata without what is true of the very weights alone that they were found with."""
    return {n: value for n, value in metadata.items() if n not in (*FIGURES, RESULTS)}


def checked_names(names: Any, classes: int, where: str = "") -> tuple[str, ...] | None:
    """Names of classes as a tuple, or None for None.

    Raises:
        UserError: not a list of `classes` different words or phrases; `where` begins the message.
    """
    if names is None:
        return None
    plain = isinstance(names, list | tuple) and all(isinstance(n, str) for n in names)
    if not plain or not all(n.strip() and len(n.splitlines()) == 1 for n in names):
        raise UserError(f"{where}class_names must be a list of names, got {names!r}")
    if len(names) != classes or len(set(names)) != classes:
        raise UserError(
            f"{where}class_names must be {classes} different names, got {len(names)}, "
            f"{len(set(names))} of them different"
        )
    return tuple(names)
