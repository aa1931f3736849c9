import pytest
import torch

from neurosvt.ops.tracks import THRESHOLDS, UNIT_STEPS, fitted_tracks

STEP = 1 / UNIT_STEPS


def votes_of(place, start=None, **changes):
    """Arguments of one track that is told these places (T, 2), one a step."""
    steps = len(place)
    ones = torch.ones(steps, 1, 1)
    given = {
        "place": place.reshape(steps, 1, 1, 2), "weight": ones, "opened": ones,
        "emptied": torch.zeros(steps, 1, 1),
        "start": torch.zeros(1, 1, 8) if start is None else start,
        "forget": torch.tensor([0.05]), "ridge": torch.tensor([1e-4]), "step": STEP,
    }  # fmt: skip
    return given | changes


def drawn(steps, batch, tracks, silent=0.3):
    """Arguments with everything in them, closed and silent steps too."""
    weight = torch.rand(steps, batch, tracks)
    return {
        "place": torch.rand(steps, batch, tracks, 2) - 0.5,
        "weight": weight * (torch.rand(steps, batch, 1) > silent),
        "opened": (torch.rand(steps, batch, tracks) < 0.7).float(),
        "emptied": (torch.rand(steps, batch, tracks) < 0.1).float(),
        "start": torch.rand(batch, tracks, 8) - torch.tensor([0.2, 0, 0.2, 0, 0, 0, 0, 0]),
        "forget": torch.rand(tracks) * 0.5,
        "ridge": torch.rand(tracks) * 0.1 + 0.01,
    }


@pytest.mark.parametrize("noisy", [True, False])
@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 3, 2), (60, 5, 8)])
def test_the_kernel_agrees_with_the_definition_forwards_and_backwards(shape, noisy):
    given = {name: x.requires_grad_() for name, x in drawn(*shape).items()}
    noise = 0.01 * torch.randn(*shape, 7) if noisy else None
    found, weight = [], torch.randn(*shape, 8)
    for backend in ("auto", "reference"):
        after = fitted_tracks(**given, step=STEP, noise=noise, backend=backend)
        grads = torch.autograd.grad((weight * after).sum(), list(given.values()))
        found.append((after, dict(zip(given, grads, strict=True))))
    (after, grads), (expected, expected_grads) = found
    torch.testing.assert_close(after, expected, rtol=1e-5, atol=1e-5)
    for name, gradient in expected_grads.items():
        scale = gradient.abs().max().item()
        torch.testing.assert_close(grads[name], gradient, rtol=1e-3, atol=1e-5 * scale + 1e-6)


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_chunks_give_the_same_to_the_bit(backend):
    given = drawn(40, 3, 4)
    whole = fitted_tracks(**given, step=STEP, backend=backend)
    start, parts = given["start"], []
    for begin, end in ((0, 1), (1, 17), (17, 40)):
        part = {n: x[begin:end] for n, x in given.items() if n in
                ("place", "weight", "opened", "emptied")}  # fmt: skip
        rest = {n: given[n] for n in ("forget", "ridge")}
        after = fitted_tracks(**part, **rest, start=start, step=STEP, backend=backend)
        start = after[-1]
        parts.append(after)
    assert torch.equal(torch.cat(parts), whole)


def test_it_finds_the_line_that_is_there_and_reads_it_on_in_the_dark():
    seen, dark = 30, 1000
    when = torch.arange(seen)[:, None] * STEP
    line = torch.tensor([[-0.4, 0.1]]) + when * torch.tensor([[0.2, -0.05]])
    place = torch.cat([line, torch.zeros(dark, 2)])
    weight = torch.cat([torch.ones(seen), torch.zeros(dark)]).reshape(-1, 1, 1)
    track = fitted_tracks(**votes_of(place, weight=weight, opened=torch.ones_like(weight)))[:, 0, 0]
    torch.testing.assert_close(track[seen - 1, 3:5], line[-1], rtol=0, atol=2e-3)
    torch.testing.assert_close(track[-1, 5:7], torch.tensor([0.2, -0.05]), rtol=0, atol=2e-3)
    assert torch.equal(track[-1, :7], track[seen - 1, :7])
    assert track[-1, 7].item() == pytest.approx(dark * STEP, rel=1e-5)


def test_it_is_least_squares_with_forgetting():
    """Against the normal equations, solved at once."""
    torch.manual_seed(0)
    steps, forget = 40, 0.1
    place, weight = torch.randn(steps, 2).double(), torch.rand(steps).double() + 0.1
    one = votes_of(place, weight=weight.reshape(-1, 1, 1), forget=torch.tensor([forget]),
                   ridge=torch.tensor([0.0]))  # fmt: skip
    one = {n: x.double() if torch.is_tensor(x) else x for n, x in one.items()}
    # Two votes make a line; one alone has no velocity, and its ridge is all that it has.
    one["ridge"] = one["ridge"] + 1e-12
    found = fitted_tracks(**one, backend="reference")[-1, 0, 0]
    ago = STEP * torch.arange(steps - 1, -1, -1).double()
    left = weight * (1 - forget) ** torch.arange(steps - 1, -1, -1).double()
    rows = torch.stack([torch.ones_like(ago), -ago], 1)
    normal = rows.T @ (left[:, None] * rows)
    line = torch.linalg.solve(normal, rows.T @ (left[:, None] * place))
    torch.testing.assert_close(found[3:7], line.flatten(), rtol=2e-2, atol=2e-2)


def test_emptied_it_begins_anew_with_what_it_sees():
    place = torch.tensor([[0.1, 0.1]] * 10 + [[-0.3, 0.2]])
    emptied = torch.zeros(11, 1, 1)
    emptied[-1] = 1
    last = fitted_tracks(**votes_of(place, emptied=emptied))[-1, 0, 0]
    torch.testing.assert_close(last[3:7], torch.tensor([-0.3, 0.2, 0.0, 0.0]), rtol=0, atol=1e-3)


def test_closed_or_without_votes_it_only_ages():
    given = drawn(5, 2, 3)
    for name in ("opened", "weight"):
        after = fitted_tracks(**(given | {name: torch.zeros(5, 2, 3)}), step=STEP)
        assert torch.equal(after[-1, ..., :7], given["start"][..., :7])
        torch.testing.assert_close(after[-1, ..., 7], given["start"][..., 7] + 5 * STEP)


def test_numbers_of_few_bits_are_multiples_of_their_steps_and_near():
    torch.manual_seed(0)
    place = 0.3 * torch.linspace(-1, 1, 30)[:, None].expand(-1, 2)
    exact = fitted_tracks(**votes_of(place))[-1, 0, 0]
    coarse = fitted_tracks(**votes_of(place), bits=8)[-1, 0, 0]
    levels = coarse[:7] / torch.tensor(THRESHOLDS) / 0.5
    torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-3)
    torch.testing.assert_close(coarse[3:5], exact[3:5], rtol=0, atol=2 / 64)
