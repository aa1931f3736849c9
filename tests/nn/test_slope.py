import pytest
import torch

from neurosvt.nn.slope import LEAST, MOST, FixedSlope, LayerSlope, TokenSlope
from neurosvt.ops.surrogate import spike


@pytest.mark.parametrize("make", [lambda: FixedSlope(3.0), LayerSlope, lambda: TokenSlope(5)])
def test_every_slope_starts_at_three(make):
    assert torch.equal(make()(torch.randn(7, 5)), torch.full((7, 1), 3.0))


def test_tokens_have_slopes_of_their_own_within_the_bounds():
    slope = TokenSlope(5)
    torch.nn.init.normal_(slope.answer.weight)
    found = slope(torch.randn(100, 5))
    assert found.shape == (100, 1)
    assert LEAST <= found.min() < found.max() <= MOST
    assert len(found.unique()) > 50


def test_what_is_read_carries_no_gradient():
    x = torch.randn(7, 5, requires_grad=True)
    slope = TokenSlope(5)
    slope(x).sum().backward()
    assert x.grad is None
    assert slope.answer.bias.grad.item() == pytest.approx(7.0)  # 4 s (1 - s) at s = 1/2, 7 times


@pytest.mark.parametrize("layer", [LayerSlope, lambda: TokenSlope(5)], ids=["layer", "token"])
def test_the_gradient_of_a_slope_is_that_of_the_soft_surrogate(layer):
    """Forwards a spike does not know its slope; backwards its soft stand-in does. The gradient is
    held against finite differences of the same sum with the soft stand-in in the spike's place."""
    torch.manual_seed(0)
    slope, (x, u, pull) = layer().double(), torch.randn(3, 7, 5, dtype=torch.double)
    if isinstance(slope, TokenSlope):
        torch.nn.init.normal_(slope.answer.weight)
    k = slope(x)
    (pull * spike(u, k.to(u.dtype), "sigmoid")).sum().backward()
    for parameter in slope.parameters():
        for i in range(parameter.numel()):
            sums = []
            for step in (1e-5, -1e-5):
                with torch.no_grad():
                    parameter.view(-1)[i] += step
                    sums.append((pull * torch.sigmoid(_exact(slope, x) * u)).sum())
                    parameter.view(-1)[i] -= step
            difference = (sums[0] - sums[1]) / 2e-5
            assert parameter.grad.view(-1)[i] == pytest.approx(difference.item(), abs=1e-4)


def _exact(slope, x):
    """The slope in double precision, for differences smaller than float32 can tell apart."""
    if isinstance(slope, LayerSlope):
        return 1 + 4 * torch.sigmoid(slope.raw)
    return 1 + 4 * torch.sigmoid(slope.answer(torch.relu(slope.hidden(x))))


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan")])
def test_a_slope_that_is_none_is_refused(bad):
    with pytest.raises(ValueError, match="slope must be above 0"):
        FixedSlope(bad)
