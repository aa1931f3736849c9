"""DySViT as it is deployed, in one file that needs PyTorch alone.

    import torch
    from model import DySViT

    model = DySViT(num_classes=10, dim=256, depth=4)
    model.load_state_dict(torch.load("pytorch_model.bin", map_location="cpu"))
    logits = model.eval()(images)  # (B, 3, 32, 32), colours in [0, 1] less MEAN, over DEVIATION

`DySViT.save_pretrained` of the package neurosvt puts it beside the weights, as `model.py`. What the
three arguments leave open it reads from `config.json` in its own folder. It runs in one time step
from rest, where a neuron is a comparison; it is not for training.

Axes: B batch, Y X pixels, N tokens (one a patch), D width, H heads, K width per head.
"""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

MEAN, DEVIATION = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)

SETTINGS: dict[str, Any] = {
    "image_size": 32, "patch_size": 4, "heads": 4, "mlp_ratio": 4.0, "pre_norm": True,
    "residual_scale": 0.5, "nan_guard": True,
}  # fmt: skip
_CONFIG = Path(__file__).with_name("config.json")
if _CONFIG.is_file():
    SETTINGS |= json.loads(_CONFIG.read_text(encoding="utf-8"))


class BatchNormSpike(nn.Module):
    """Normalises every channel by its running moments, and fires where it reaches 1."""

    mean: Tensor
    variance: Tensor

    def __init__(self, width: int, norm: bool = True):
        super().__init__()
        self.norm = norm
        if norm:
            self.weight = nn.Parameter(torch.ones(width))
            self.bias = nn.Parameter(torch.zeros(width))
            self.register_buffer("mean", torch.zeros(width))
            self.register_buffer("variance", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        if not self.norm:
            return (x >= 1).to(x.dtype)
        factor = self.weight * torch.rsqrt(self.variance + 1e-5)
        return (x * factor + (self.bias - self.mean * factor) >= 1).to(x.dtype)


class Block(nn.Module):
    """Spike-driven attention and a spiking MLP around a membrane shortcut."""

    def __init__(self, width: int):
        super().__init__()
        hidden, norm = round(width * SETTINGS["mlp_ratio"]), SETTINGS["pre_norm"]
        self.fire_attention = BatchNormSpike(width, norm)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.fire_qkv = BatchNormSpike(3 * width)
        self.fire_mixed = BatchNormSpike(width)
        self.out = nn.Linear(width, width, bias=False)
        self.fire_in = BatchNormSpike(width, norm)
        self.expand = nn.Linear(width, hidden, bias=False)
        self.fire_hidden = BatchNormSpike(hidden)
        self.contract = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        qkv = self.fire_qkv(self.qkv(self.fire_attention(x)))
        heads = qkv.reshape(batch, tokens, 3, SETTINGS["heads"], -1)
        q, k, v = heads.permute(2, 0, 3, 1, 4)  # B H N K, every one
        mixed = q @ k.mT @ v if tokens <= q.shape[-1] else q @ (k.mT @ v)
        mixed = mixed.transpose(1, 2).reshape(batch, tokens, width)
        x = self.add(x, self.out(self.fire_mixed(mixed)))
        return self.add(x, self.contract(self.fire_hidden(self.expand(self.fire_in(x)))))

    def add(self, x: Tensor, branch: Tensor) -> Tensor:
        if SETTINGS["nan_guard"]:
            branch = torch.nan_to_num(branch, 0.0, 0.0, 0.0)
        out: Tensor = x + SETTINGS["residual_scale"] * branch
        return out


class DySViT(nn.Module):
    """Normalised images (B, 3, Y, X) in, class scores (B, num_classes) out."""

    def __init__(self, num_classes: int = 10, dim: int = 256, depth: int = 4):
        super().__init__()
        side, patch = SETTINGS["image_size"], SETTINGS["patch_size"]
        self.embed = nn.Conv2d(3, dim, patch, patch)
        self.positions = nn.Parameter(torch.zeros((side // patch) ** 2, dim))
        self.blocks = nn.ModuleList(Block(dim) for _ in range(depth))
        self.fire = BatchNormSpike(dim)
        self.head = nn.Linear(dim, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        side = SETTINGS["image_size"]
        if images.shape[1:] != (3, side, side):
            raise ValueError(f"images must be (B, 3, {side}, {side}), got {tuple(images.shape)}")
        x = self.embed(images).flatten(2).transpose(1, 2) + self.positions
        for block in self.blocks:
            x = block(x)
        scores: Tensor = self.head(self.fire(x).mean(1))
        return scores
