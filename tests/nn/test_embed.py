"""Windows of event frames against a convolution, and positions that respect silence."""

import pytest
import torch
from torch.nn import functional as F

from neurosvt.nn.embed import Positions, SpikingPatchEmbed, Windows
from neurosvt.nn.token_neuron import NeuronConfig, row_context
from neurosvt.ops.lif import lif
from neurosvt.ops.neighbours import with_neighbours_reference
from neurosvt.ops.rows import pack

cuts = pytest.mark.parametrize(
    ("kernel", "stride", "side"),
    [(1, 1, 5), (4, 4, 16), (8, 8, 16), (3, 3, 9), (6, 4, 16), (16, 8, 32), (9, 3, 9), (3, 1, 7)],
)

NEURON = NeuronConfig().build


def events(*shape, share=0.03):
    return torch.rand(shape) < share


def unfolded(frames, windows):
    """(T, B, N, P) pixels of every window, by PyTorch's own reading of a convolution."""
    steps, batch = frames.shape[:2]
    columns = F.unfold(
        frames.flatten(0, 1).float(),
        windows.kernel,
        stride=windows.stride,
        padding=(windows.kernel - windows.stride) // 2,
    )
    return columns.transpose(1, 2).reshape(steps, batch, columns.shape[2], columns.shape[1])


@cuts
def test_active_windows_are_those_with_an_event(kernel, stride, side):
    windows = Windows(kernel, stride)
    frames = events(5, 2, 2, side, side)
    expected = unfolded(frames, windows).any(-1)
    assert expected.shape == (5, 2, (side // stride) ** 2)
    assert torch.equal(windows.active(frames), expected)
    assert not windows.active(torch.zeros_like(frames)).any()


@cuts
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
def test_rows_hold_the_pixels_of_their_windows(kernel, stride, side, dtype):
    windows = Windows(kernel, stride)
    frames = events(5, 2, 2, side, side)
    rows = pack(windows.active(frames))
    expected = unfolded(frames, windows).flatten(0, 1)[rows.frame, rows.position]
    for way in (windows.rows, windows.rows_reference):
        found = way(frames, rows, dtype)
        assert found.dtype == dtype
        assert torch.equal(found, expected.to(dtype))


@cuts
@pytest.mark.parametrize("least", [1, 2])
@pytest.mark.parametrize("least_neighbours", [0, 1, 3, 9])
@pytest.mark.parametrize("share", [0.02, 0.3])
def test_windows_are_those_of_frames_without_lone_events(
    kernel, stride, side, least, least_neighbours, share
):
    windows = Windows(kernel, stride, least)
    frames = events(5, 2, 2, side, side, share=share)
    frames[1] = False
    kept = with_neighbours_reference(frames, least_neighbours)
    active = windows.active(frames, least_neighbours)
    assert torch.equal(active, windows.active_reference(kept))
    rows = pack(active)
    pixels = windows.rows(frames, rows, torch.uint8, least_neighbours)
    assert torch.equal(pixels, windows.rows_reference(kept, rows, torch.uint8))


@cuts
@pytest.mark.parametrize("least", [2, 3, 5])
def test_windows_with_too_few_events_count_as_empty(kernel, stride, side, least):
    frames = events(5, 2, 2, side, side, share=0.05)
    enough = unfolded(frames, Windows(kernel, stride)).sum(-1) >= least
    assert torch.equal(Windows(kernel, stride, least).active(frames), enough)
    full = torch.ones(1, 1, 2, side, side, dtype=torch.bool)
    everything = unfolded(full, Windows(kernel, stride)).sum(-1) >= least
    assert torch.equal(Windows(kernel, stride, least).active(full), everything)


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_frames_in_any_layout_have_the_same_windows(stride):
    """Cut out of a larger sensor, with time and batch swapped, or at an odd address."""
    windows = Windows(stride, stride)
    large = events(2, 5, 2, 24, 24)
    plain = large[..., 3:19, 5:21].transpose(0, 1).contiguous()
    shifted = torch.cat([torch.zeros(1, dtype=torch.bool), plain.flatten()])[1:]
    for frames in (large[..., 3:19, 5:21].transpose(0, 1), shifted.view(plain.shape)):
        assert torch.equal(windows.active(frames), windows.active(plain))
        rows = pack(windows.active(plain))
        assert torch.equal(windows.rows(frames, rows), windows.rows(plain, rows))


@pytest.mark.parametrize(("kernel", "stride"), [(4, 8), (5, 4), (0, 2)])
def test_windows_that_leave_pixels_out_are_refused(kernel, stride):
    with pytest.raises(ValueError, match=f"kernel_size {kernel} must be patch_size {stride} plus"):
        Windows(kernel, stride)
    with pytest.raises(ValueError, match="least_events must be at least 1, got 0"):
        Windows(4, 4, 0)


@pytest.mark.parametrize(("kernel", "stride"), [(4, 4), (8, 4)])
def test_patch_embedding_is_a_convolution_into_lif(kernel, stride):
    embed = SpikingPatchEmbed(Windows(kernel, stride), 5, NEURON).eval()
    embed.project.fold()  # sums on the grid are exact in any order
    with torch.no_grad():
        embed.project.weight.mul_(4)
    frames = events(9, 2, 2, 16, 16, share=0.05)
    rows = pack(embed.windows.active(frames))
    v = torch.zeros(2, 16, 5)
    spikes, left = embed(embed.windows.rows(frames, rows), v, row_context(rows, 0.5, 0.0, "auto"))
    current = F.conv2d(
        frames.flatten(0, 1).float(),
        embed.project.weight.reshape(5, 2, kernel, kernel),
        stride=stride,
        padding=(kernel - stride) // 2,
    )
    dense, end = lif(current.reshape(9, 2, 5, 16).transpose(2, 3), v, decay=0.5)
    assert torch.equal(dense.flatten(0, 1)[rows.frame, rows.position], spikes)
    assert dense.sum() == spikes.sum() > 0
    assert torch.equal(left * 0.5 ** (rows.since_event - 1)[..., None], end)


def test_positions_act_only_where_a_token_fired():
    rows = pack(torch.ones(2, 1, 4, dtype=torch.bool))
    spikes = torch.zeros(8, 3)
    spikes[2, 1] = spikes[5, 0] = 1
    positions = Positions(4, 3)
    x = positions(spikes, rows)
    fired = spikes.any(1)
    assert not x[~fired].any()
    assert torch.equal(x[fired], spikes[fired] + positions.table[rows.position[fired]])
