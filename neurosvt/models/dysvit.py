"""DySViT: a spiking vision transformer that classifies an image in one time step, in one file.

Image -> patches -> blocks of spike-driven attention -> mean of the last spikes -> class.

At T = 1 from rest a neuron is a step function of its current. What is learnt about *how* to learn
sits in the backward pass alone: the slope of the step's smooth stand-in, one for every token of
every layer, chosen by a small network that is dropped at deployment.

Axes: B batch, Y X pixels, N tokens (one a patch), D width, H heads, K width per head, C classes;
R rows, all tokens of the batch; E = 3 D.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Literal

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from neurosvt.models.model_folder import TORCH_WEIGHTS
from neurosvt.models.pretrained import Pretrained, with_class_rows
from neurosvt.nn.batchnorm_spike import BatchNormSpike
from neurosvt.nn.plain_copy import plain_copy
from neurosvt.nn.slope import FixedSlope, LayerSlope, TokenSlope
from neurosvt.ops.attention import spike_attention
from neurosvt.ops.lif import backend_named
from neurosvt.ops.recording import is_recorded


@dataclass(frozen=True)
class DySViTConfig:
    """Shape and stabilisers of one DySViT."""

    kind: Literal["dysvit"] = "dysvit"
    """What tells its settings from those of other models."""
    classes: int = 10
    image_size: int = 32
    """Pixels per side."""
    patch_size: int = 4
    width: int = 256
    depth: int = 4
    heads: int = 4
    mlp_ratio: float = 4.0
    slope: Literal["token", "layer"] | float = "token"
    """Surrogate slope: learnt for every token of every layer or for every layer, in [1, 5]; or a
    number."""
    pre_norm: bool = True
    """Batch norm before the neurons that each branch of a block begins with."""
    residual_scale: float = 0.5
    """What a branch is multiplied by before it is added."""
    nan_guard: bool = True
    """A value of a branch that is not finite counts as 0."""

    def __post_init__(self) -> None:
        for name in ("image_size", "patch_size", "width", "depth", "heads", "mlp_ratio"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        if self.classes < 2:
            raise ValueError(f"classes must be at least 2, got {self.classes}")
        if self.image_size % self.patch_size:
            raise ValueError(
                f"image_size {self.image_size} is not a multiple of patch_size {self.patch_size}"
            )
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        self.slopes()

    def slopes(self) -> Callable[[int], nn.Module]:
        """Makes what chooses the slopes of a layer, from the layer's width."""
        slope = self.slope
        if slope == "token":
            return TokenSlope
        if slope == "layer":
            return lambda width: LayerSlope()
        if isinstance(slope, str):
            raise ValueError(f"slope {slope!r} is unknown; choose token, layer or a number")
        fixed = FixedSlope(slope)
        return lambda width: fixed

    @property
    def tokens(self) -> int:
        """Patches of an image."""
        return (self.image_size // self.patch_size) ** 2


class DySViTBlock(nn.Module):
    """Membrane shortcut: what is added up is current, what is projected is spikes."""

    def __init__(self, cfg: DySViTConfig):
        super().__init__()
        width, hidden, slope = cfg.width, round(cfg.width * cfg.mlp_ratio), cfg.slopes()
        self.heads, self.tokens = cfg.heads, cfg.tokens
        self.scale, self.guard = cfg.residual_scale, cfg.nan_guard
        self.fire_attention = BatchNormSpike(width, slope(width), norm=cfg.pre_norm)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.fire_qkv = BatchNormSpike(3 * width, slope(3 * width))
        self.fire_mixed = BatchNormSpike(width, slope(width))
        self.out = nn.Linear(width, width, bias=False)
        self.fire_in = BatchNormSpike(width, slope(width), norm=cfg.pre_norm)
        self.expand = nn.Linear(width, hidden, bias=False)
        self.fire_hidden = BatchNormSpike(hidden, slope(hidden))
        self.contract = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Float[Tensor, "R D"]) -> Float[Tensor, "R D"]:
        qkv = self.fire_qkv(self.qkv(self.fire_attention(x)))
        x = self.add(x, self.out(self.fire_mixed(self.mix(qkv))))
        return self.add(x, self.contract(self.fire_hidden(self.expand(self.fire_in(x)))))

    def mix(self, qkv: Float[Tensor, "R E"]) -> Float[Tensor, "R D"]:
        """Attention within every image."""
        # One copy into the order of the products, rather than one before each.
        q, k, v = rearrange(
            qkv, "(B N) (three H K) -> three B H N K", N=self.tokens, three=3, H=self.heads
        ).contiguous()
        mixed = rearrange(spike_attention(q, k, v), "B H N K -> (B N) (H K)")
        weight = self.out.weight.dtype  # counts may come in more than a model in half has
        return mixed.to(weight) if weight.itemsize < mixed.dtype.itemsize else mixed

    def add(self, x: Float[Tensor, "R D"], branch: Float[Tensor, "R D"]) -> Float[Tensor, "R D"]:
        """The shortcut. A sum is finite where all its parts are, and is quicker than a look at
        each of them; to read it, a GPU would be waited for."""
        unread = is_recorded() or branch.is_cuda
        if self.guard and (unread or not branch.sum(dtype=torch.float32).isfinite()):
            branch = torch.nan_to_num(branch, 0.0, 0.0, 0.0)
        return torch.add(x, branch, alpha=self.scale)


class DySViT(Pretrained, model_type="dysvit", config_type=DySViTConfig):
    """Images in, class scores out, in one time step.

    Args:
        num_classes, dim, depth: classes, width and blocks, as in the published constructor.
        config: everything, in place of these three.
        backend: how neurons and norms are computed, see `ops.native`.

    Raises:
        ValueError: a setting that is out of range, or an unknown backend; names it.

    Source: the card of Dy-SViT; spike-driven attention as in Spikformer (Zhou et al., ICLR 2023),
    the membrane shortcut as in Spike-driven Transformer V2 (Yao et al., ICLR 2024).
    """

    def __init__(
        self,
        num_classes: int = 10,
        dim: int = 256,
        depth: int = 4,
        *,
        config: DySViTConfig | None = None,
        backend: str = "auto",
    ):
        super().__init__()
        if config is None:
            config = DySViTConfig(classes=num_classes, width=dim, depth=depth)
        self.config = cfg = config
        self.backend = backend_named(backend)
        self.embed = nn.Conv2d(3, cfg.width, cfg.patch_size, cfg.patch_size)
        self.positions = nn.Parameter(torch.randn(cfg.tokens, cfg.width) * 0.1)
        self.blocks = nn.ModuleList(DySViTBlock(cfg) for _ in range(cfg.depth))
        self.fire = BatchNormSpike(cfg.width, cfg.slopes()(cfg.width))
        self.head = nn.Linear(cfg.width, cfg.classes)
        for part in self.neurons().values():
            part.backend = self.backend

    def forward(self, images: Float[Tensor, "..."]) -> Float[Tensor, "B C"]:
        """Class scores, before any softmax, of normalised images (B, 3, Y, X).

        Raises:
            ValueError: as `forward_features`.
        """
        scores: Tensor = self.head(self.forward_features(images))
        return scores

    def forward_features(self, images: Float[Tensor, "..."]) -> Float[Tensor, "B D"]:
        """What the head reads of normalised images (B, 3, Y, X): the share of an image's tokens
        that fired, for every channel.

        Raises:
            ValueError: images of another size, or without three colours.
        """
        self.check(images)
        x = rearrange(self.embed(images), "B D Y X -> B (Y X) D")
        x = (x + self.positions.to(x.dtype)).flatten(0, 1)
        for block in self.blocks:
            x = block(x)
        spikes: Tensor = rearrange(self.fire(x), "(B N) D -> B N D", N=self.config.tokens)
        return spikes.mean(1)

    def check(self, images: Any) -> None:
        """Raise a ValueError, of one line, if these are not images for this model."""
        side, like = self.config.image_size, self.positions
        if not isinstance(images, Tensor) or images.layout != torch.strided:
            kind = str(images.layout) if isinstance(images, Tensor) else type(images).__name__
            raise ValueError(f"images must be a dense tensor, got {kind}")
        if images.ndim != 4 or images.shape[1:] != (3, side, side):
            raise ValueError(
                f"images must be (B, 3, {side}, {side}), three colours of {side} x {side} pixels; "
                f"got {tuple(images.shape)}"
            )
        if images.device != like.device:
            raise ValueError(f"images are on {images.device}, the model on {like.device}")
        mixed = torch.is_autocast_enabled(like.device.type) and images.is_floating_point()
        if images.dtype != like.dtype and not mixed:
            kinds = [str(t.dtype).removeprefix("torch.") for t in (images, like)]
            raise ValueError(
                f"images are {kinds[0]}, the model is {kinds[1]}: normalise them as in training, "
                f"and give them as {kinds[1]}"
            )
        if self.training and not len(images):
            raise ValueError("images must be at least one in training mode, got 0")

    @property
    def num_classes(self) -> int:
        """As many as its head has rows, also of a head that was put in by hand."""
        linear = isinstance(self.head, nn.Linear)
        return self.head.out_features if linear else int(self.config.classes)

    def new_classes(self, classes: int) -> None:
        """Put a new head of `classes` rows in place of the old."""
        self.head = with_class_rows(self.head, self.num_classes, classes)

    def neurons(self) -> dict[str, BatchNormSpike]:
        """Its spiking layers, by name, in the order in which they fire."""
        return {
            name: part for name, part in self.named_modules() if isinstance(part, BatchNormSpike)
        }

    @torch.no_grad()
    def slopes(self, images: Float[Tensor, "B 3 Y X"]) -> dict[str, Float[Tensor, "B N"]]:
        """The surrogate slope that every token of every spiking layer would be trained with.

        In training mode currents are normalised over these images, else by running moments, which
        stay as they are.
        """
        found: dict[str, Tensor] = {}

        def look(name: str) -> Callable[..., None]:
            def hook(module: BatchNormSpike, inputs: Any) -> None:
                found[name] = module.slope(inputs[0]).reshape(len(images), -1)

            return hook

        hooks = [
            part.register_forward_pre_hook(look(name)) for name, part in self.neurons().items()
        ]
        try:
            # Copies of the running moments take what a forward pass in training mode adds to them.
            moments = {name: moment.clone() for name, moment in self.named_buffers()}
            functional_call(self, moments, (images,))
        finally:
            for hook in hooks:
                hook.remove()
        return found

    def deployed(self) -> "DySViT":
        """A copy in eval mode without what serves training alone: the same scores, to the bit, in
        the same type and on the same device."""
        plain = plain_copy(self)
        plain.config = replace(self.config, slope=1.0)
        for part in plain.neurons().values():
            part.slope = FixedSlope(1.0)
        return plain

    def extra_files(self) -> dict[str, bytes]:
        """The deployed network for machines without neurosvt: weights, and a file of PyTorch."""
        weights = io.BytesIO()
        plain = {n: t.cpu() for n, t in self.deployed().state_dict().items()}
        torch.save(plain, weights)
        alone = files(__package__).joinpath("dysvit_standalone.py").read_bytes()
        return {TORCH_WEIGHTS: weights.getvalue(), "model.py": alone}

    @classmethod
    def config_from(
        cls, settings: Mapping[str, Any], weights: Mapping[str, Tensor]
    ) -> DySViTConfig:
        """The config that plain settings describe. Weights without slope networks, such as those of
        `pytorch_model.bin`, give the deployed network."""
        config: DySViTConfig = super().config_from(settings, weights)
        if isinstance(config.slope, str) and not any(".slope." in key for key in weights):
            config = replace(config, slope=1.0)
        return config
