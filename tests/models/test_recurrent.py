import pytest
import torch

from neurosvt.experiments.registry import load_run
from neurosvt.models.recurrent import RecurrentConfig, RecurrentNet
from neurosvt.nn.readout import ReadoutConfig

SMALL = {"image_size": 32, "width": 4, "units": 8, "readout": ReadoutConfig(width=8, depth=2)}
kinds = pytest.mark.parametrize("kind", ["gru", "lstm", "convlstm"])


def net(kind):
    torch.manual_seed(0)
    return RecurrentNet(RecurrentConfig(kind, **SMALL)).eval()


def frames(steps=9, batch=3):
    return torch.rand(steps, batch, 2, 32, 32) < 0.05


@kinds
@pytest.mark.parametrize("cut", [1, 4, 8])
def test_stopping_and_going_on_changes_nothing(kind, cut):
    model, shown = net(kind), frames()
    whole, _ = model(shown)
    first, state = model(shown[:cut])
    second, _ = model(shown[cut:], state)
    for one, two, both in zip(first, second, whole, strict=True):
        torch.testing.assert_close(torch.cat([one, two]), both)


@kinds
def test_what_is_said_depends_on_neither_neighbours_nor_the_future(kind):
    model, shown = net(kind), frames()
    whole, _ = model(shown)
    alone, _ = model(shown[:6, 1:2])
    for one, all_of_it in zip(alone, whole, strict=True):
        torch.testing.assert_close(one[:, 0], all_of_it[:6, 1])


@kinds
def test_silent_frames_looked_at_once_in_training_change_nothing(kind):
    model, shown = net(kind), frames()
    shown[2:5] = shown[7, 1] = False
    found = []
    for training in (True, False):
        belief, _ = model.train(training)(shown)
        model.zero_grad()
        torch.cat([part.flatten() for part in belief]).square().sum().backward()
        found.append([*belief, *(p.grad.clone() for p in model.parameters())])
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


@kinds
def test_it_remembers_and_can_learn(kind):
    model, shown = net(kind), frames()
    other = shown.clone()
    other[0] = ~other[0]
    said = [model(x)[0].class_logits[-1] for x in (shown, other)]
    assert not torch.allclose(*said)
    model(shown)[0].class_logits.square().sum().backward()
    assert all(p.grad is not None for n, p in model.named_parameters() if "answer" not in n)


@kinds
def test_those_of_the_benchmark_are_of_like_size(kind):
    """As NeuroSVT's 1.27 million parameters."""
    assert 1.0e6 < RecurrentNet(load_run(f"permanence_{kind}").model).parameter_count() < 1.5e6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_size": 33}, "image_size 33 must be a multiple of patch_size 8"),
        ({"width": 0}, "width must be above 0"),
        ({"frame_ms": 0.0}, "frame_ms must be above 0"),
        ({"classes": 1}, "classes must be at least 2"),
    ],
    ids=str,
)
def test_a_config_that_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        RecurrentConfig(**change)


@kinds
def test_noise_is_on_the_state_and_so_on_what_is_read(kind):
    model, shown = net(kind), frames()
    shown[3:] = False
    with torch.no_grad():
        clean, _ = model(shown)
        same, _ = model(shown, state_noise=1e-12)
        apart = []
        for noise in (1e-4, 1e-3):
            torch.manual_seed(1)
            noisy, _ = model(shown, state_noise=noise)
            apart.append((noisy.class_logits - clean.class_logits).abs().mean(-1))
    torch.testing.assert_close(same.class_logits, clean.class_logits)
    assert (apart[0] > 0).all()  # at every step, the first included
    assert (apart[1].mean() / apart[0].mean()).item() == pytest.approx(10, rel=0.2)
