from dataclasses import replace

import pytest
import torch

from neurosvt.energy.count import Meter
from neurosvt.models.neurosvt_config import NeuroSVTConfig
from neurosvt.models.vit import ViT, ViTConfig, twin_of
from neurosvt.nn.leaky_memory import LeakyMemoryConfig
from neurosvt.nn.readout import ReadoutConfig
from neurosvt.nn.weights import load_weights
from neurosvt.presence import Presence

SMALL = NeuroSVTConfig(
    image_size=32,
    kernel_size=8,
    width=8,
    heads=2,
    depth=2,
    memory=LeakyMemoryConfig(channels=6),
    readout=ReadoutConfig(width=8),
)
TRACKS = replace(
    SMALL,
    memory=LeakyMemoryConfig(channels=6, write_gates=2, tracks=2, forget_range=(0.03, 0.9)),
)
CONFIGS = {
    "tiny": ViTConfig(image_size=32, width=12, depth=2),
    **{f"twin, {looks}": twin_of(SMALL, looks) for looks in ("all", "frames", "tokens")},
    "twin, tracks": twin_of(TRACKS, "frames"),
}
configs = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


def some_frames(steps=6, batch=3, share=0.05):
    frames = torch.rand(steps, batch, 2, 32, 32) < share
    frames[2] = False
    return frames


def made(config):
    torch.manual_seed(0)
    return ViT(config).eval()


@configs
@torch.no_grad()
def test_stopping_and_going_on_changes_nothing(config):
    model, frames = made(config), some_frames()
    whole, end = model(frames)
    first, state = model(frames[:4])
    second, last = model(frames[4:], state)
    for parts, all_of_it in zip(zip(first, second, strict=True), whole, strict=True):
        torch.testing.assert_close(torch.cat(parts), all_of_it)
    if end is not None:
        torch.testing.assert_close(last, end)


@configs
@torch.no_grad()
def test_samples_do_not_know_each_other(config):
    model, frames = made(config), some_frames()
    together, _ = model(frames)
    alone, _ = model(frames[:, 1:2])
    for one, all_of_them in zip(alone, together, strict=True):
        torch.testing.assert_close(one, all_of_them[:, 1:2])


@torch.no_grad()
def test_frames_that_are_not_looked_at_change_no_other_answer():
    frames = some_frames()
    every, gated = (
        ViT(ViTConfig(image_size=32, width=12, depth=2, looks=looks)) for looks in ("all", "frames")
    )
    gated.load_state_dict(every.state_dict())
    one, other = every.eval()(frames)[0], gated.eval()(frames)[0]
    seen = gated.look(frames)[1].frame.unique()
    assert 0 < len(seen) < 18
    torch.testing.assert_close(one.position.flatten(0, 1)[seen], other.position.flatten(0, 1)[seen])
    assert not other.presence_logits[2].any()  # nothing learnt, nothing looked at


@configs
@torch.no_grad()
def test_lone_events_are_seen_by_none(config):
    model, frames = made(replace(config, least_neighbours=1)), some_frames()
    frames[3] = False
    before, _ = model(frames)
    frames[3, :, 0, 5, 7] = True  # two events that are no neighbours
    frames[3, :, 0, 20, 7] = True
    after, _ = model(frames)
    for one, other in zip(before, after, strict=True):
        assert torch.equal(one, other)


@configs
def test_every_parameter_learns(config):
    torch.manual_seed(0)
    model = ViT(config)
    belief, _ = model(some_frames(batch=8))
    sum(part.square().sum() for part in belief).backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not silent


def test_looking_at_less_costs_less():
    frames = some_frames(share=0.01)
    spent = []
    for looks in ("all", "frames", "tokens"):
        with torch.no_grad(), Meter(ViT(twin_of(SMALL, looks)).eval(), batch_axes=2) as meter:
            meter.model(frames)
        assert not meter.unknown
        spent.append(meter.total.macs)
    assert spent[0] > spent[1] > spent[2] > 0


@pytest.mark.parametrize("looks", ["all", "frames", "tokens"])
@torch.no_grad()
def test_sequences_cost_the_same_alone_and_together(looks):
    """Reads of weights included, however many tokens each frame has."""
    model, frames = ViT(twin_of(SMALL, looks)).eval(), some_frames(share=0.01)
    with Meter(model, batch_axes=2) as whole:
        model(frames)
    with Meter(model, batch_axes=2) as alone:
        for i in range(frames.shape[1]):
            model(frames[:, i : i + 1])
    assert alone.total == whole.total


@torch.no_grad()
def test_older_weights_say_hidden_or_in_view_and_nothing_else_also_where_it_does_not_look():
    """They had one number for it: what is in view scores 0, and what is hidden that number."""
    model = ViT(ViTConfig(image_size=32, width=12, depth=2, looks="frames")).eval()
    sizes = {"answer.weight": (11, 12), "answer.bias": (11,), "nothing": (11,)}
    older = {**model.state_dict(), **{name: torch.randn(size) for name, size in sizes.items()}}
    load_weights(model, older, "the older weights")
    belief, _ = model(some_frames())
    torch.testing.assert_close(belief.unseen_logit[2], older["nothing"][-1].expand(3))
    said = belief.presence_logits.argmax(-1)
    assert torch.equal(said == Presence.HIDDEN, belief.unseen_logit > 0)
    assert torch.equal(said == Presence.IN_VIEW, belief.unseen_logit <= 0)


def test_its_operations_are_those_of_its_formula():
    """ViT-Tiny with one token more for the class; event frames are spikes to the first layer."""
    model = ViT(ViTConfig(looks="all", least_neighbours=0)).eval()
    frames = torch.rand(2, 1, 2, 64, 64) < 0.2
    with torch.no_grad(), Meter(model, batch_axes=2) as meter:
        model(frames)
    tokens, width = 17, 192
    block = tokens * width * (3 + 1 + 4 + 4) * width + 2 * tokens * tokens * width
    assert meter.total.macs == 2 * (12 * block + width * 15)
    assert meter.total.acs == 192 * frames.sum()
    assert 5.4e6 < model.parameter_count() < 5.7e6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patch_size": 15}, "image_size 64 is not a multiple of patch_size 15"),
        ({"heads": 5}, "width 192 is not a multiple of heads 5"),
        ({"depth": 0}, "depth must be above 0"),
    ],
)
def test_what_cannot_be_built_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        ViTConfig(**settings)
