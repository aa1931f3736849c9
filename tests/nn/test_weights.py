import pytest
import torch
from torch import nn

from neurosvt.config import UserError
from neurosvt.nn.weights import load_weights


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: (w.pop("0.weight"), w.pop("0.bias")), r"lacks '0\.bias'; lacks '0\.weight'$"),
        (lambda w: w.update(extra=torch.zeros(1)), r"has unknown 'extra'$"),
        (
            lambda w: w.update({"1.weight": torch.zeros(2, 4), "1.bias": torch.zeros(3)}),
            r"'1\.bias' is \(3,\), the model wants \(2,\); '1\.weight' is \(2, 4\), the model",
        ),
    ],
    ids=["missing", "unknown", "shape"],
)
def test_weights_that_do_not_fit_are_named_one_by_one_and_none_is_taken(change, message):
    model = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))
    before = {name: t.clone() for name, t in model.state_dict().items()}
    weights = {name: torch.zeros_like(t) for name, t in before.items()}
    change(weights)
    with pytest.raises(UserError, match=message) as error:
        load_weights(model, weights, "runs/a/best.safetensors")
    assert str(error.value).startswith("runs/a/best.safetensors does not fit: ")
    assert "\n" not in str(error.value)
    assert all(torch.equal(t, before[name]) for name, t in model.state_dict().items())


def test_weights_take_the_precision_of_the_model():
    model, half = nn.Linear(3, 5), nn.Linear(3, 5).bfloat16()
    load_weights(model, half.state_dict(), "x")
    assert model.weight.dtype == torch.float32
    assert torch.equal(model.weight, half.weight.float())
