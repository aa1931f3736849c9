"""Models on the grid follow their weights: trained, loaded into, written to, saved."""

import copy
import json
import pickle

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.utils import prune
from torch.nn.utils.parametrizations import weight_norm

from neurosvt.config import UserError
from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.saved_folder import load_pretrained
from neurosvt.ops.products import UNIT

memories = pytest.mark.parametrize("memory", ["leaky", "lif", "none"])


def logits(model, frames):
    with torch.no_grad():
        return model(frames)[0].class_logits


@pytest.fixture
def frames(events):
    return events(share=0.1)


@pytest.fixture
def pair(make, frames):
    """Two models on the grid that have answered, and disagree."""
    one = copy.deepcopy(make(grid=True))
    free = copy.deepcopy(make())
    with torch.no_grad():
        for weight in free.parameters():
            weight.mul_(1 + 0.3 * torch.randn_like(weight))
    other = free.on_grid()
    assert not torch.equal(logits(one, frames), logits(other, frames))
    return one, other


def swap_data(one, other):
    for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
        mine.data = theirs.data.clone()


def write_data(one, other):
    for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
        mine.data.copy_(theirs)


def swap_parameters(one, other):
    for mine, theirs in zip(one.modules(), other.modules(), strict=True):
        for name, weight in theirs.named_parameters(recurse=False):
            setattr(mine, name, nn.Parameter(weight.detach().clone()))


def by_inference(one, other):
    with torch.inference_mode():
        write_data(one, other)


@pytest.mark.parametrize(
    "change",
    [
        lambda one, other: one.load_state_dict(other.state_dict()),
        lambda one, other: one.load_state_dict(other.state_dict(), assign=True),
        swap_data, write_data, swap_parameters, by_inference,
    ],
    ids=["load", "assign", "swap data", "write data", "swap parameters", "inference mode"],
)  # fmt: skip
def test_a_model_on_the_grid_answers_by_the_weights_it_has_now(pair, frames, change):
    one, other = pair
    # Whichever way was quickest would do, were it not for the layouts behind them.
    with torch.no_grad():
        for linear in (m for m in one.modules() if hasattr(m, "grid")):
            assert linear.grid() is not None
    fixed = {n: b.clone() for n, b in other.named_buffers()}
    change(one, other)
    for name, buffer in one.named_buffers():
        buffer.copy_(fixed[name])
    assert torch.equal(logits(one, frames), logits(other, frames))
    for mine, theirs in zip(one.modules(), other.modules(), strict=True):
        if hasattr(mine, "grid"):
            assert torch.equal(mine.grid().by_input, theirs.grid().by_input)


def test_weights_that_are_lent_for_a_call_are_used_in_it_alone(pair, frames):
    one, other = pair
    own = logits(one, frames)
    lent = {**dict(other.named_parameters()), **dict(other.named_buffers())}
    with torch.no_grad():
        said = functional_call(one, lent, (frames,))[0].class_logits
    assert torch.equal(said, logits(other, frames))
    assert torch.equal(logits(one, frames), own)


def test_weights_that_are_trained_leave_the_grid_and_come_back(make, frames):
    model = copy.deepcopy(make(grid=True)).train()
    before = logits(model, frames)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    model(frames)[0].class_logits.square().sum().backward()
    optimizer.step()
    linear = model.blocks[0].expand
    assert linear.grid() is None, "off the grid, sums depend on their order"
    with torch.enable_grad():
        learnt = model(frames)[0].class_logits.detach()
    torch.testing.assert_close(logits(model, frames), learnt)
    assert not torch.equal(learnt, before)
    again = model.on_grid()
    assert again.blocks[0].expand.grid() is not None
    for name in ("memory.read.own", "positions.table", "embed.project.weight"):
        weight = again.get_parameter(name)
        assert torch.equal((weight / UNIT).round() * UNIT, weight)


def test_copies_and_pickles_answer_the_same(make, frames):
    model = make(grid=True)
    said, blocks = logits(model, frames), pickle.dumps(model.blocks[0].expand)
    assert len(blocks) < 3 * model.blocks[0].expand.weight.nbytes + 4096, "layouts are not kept"
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(logits(twin, frames), said)


@pytest.mark.parametrize("kind", [torch.float64, torch.float32])
def test_a_model_on_the_grid_runs_in_another_type(make, frames, kind):
    model = copy.deepcopy(make(grid=True))
    said = logits(model, frames)
    torch.testing.assert_close(logits(model.to(kind), frames).float(), said, rtol=1e-4, atol=1e-5)


def test_computed_weights_are_folded_as_they_stand(make, frames):
    model = copy.deepcopy(make())
    weight_norm(model.blocks[0].expand)
    prune.l1_unstructured(model.blocks[1].attention.qkv, "weight", 0.3)
    prune.l1_unstructured(model.memory.read, "own", 0.3)
    weight_norm(model.heads.answer)
    model.train()(frames)[0].class_logits.sum().backward()
    model.eval()
    plain = copy.deepcopy(make())
    with torch.no_grad():
        plain.load_state_dict(model.state_dict(), strict=False)
        plain.blocks[0].expand.weight.copy_(model.blocks[0].expand.weight)
        plain.blocks[1].attention.qkv.weight.copy_(model.blocks[1].attention.qkv.weight)
        plain.memory.read.own.copy_(model.memory.read.own)
        plain.heads.answer.weight.copy_(model.heads.answer.weight)
    torch.testing.assert_close(logits(plain, frames), logits(model, frames))
    assert torch.equal(logits(plain.on_grid(), frames), logits(model.on_grid(), frames))
    assert torch.equal(logits(model, frames), logits(plain, frames)), "the model goes on"


@pytest.mark.parametrize("part", ["blocks.0.expand", "memory.read", "blocks.1.attention"])
def test_a_norm_of_another_kind_is_not_dropped_but_refused(make, part):
    model = copy.deepcopy(make())
    model.get_submodule(part).norm = nn.LayerNorm(3)
    with pytest.raises(UserError, match="a LayerNorm cannot be") as error:
        model.on_grid()
    assert "\n" not in str(error.value)


@memories
def test_a_folded_model_is_saved_and_loaded_to_the_bit(make, memory, frames, tmp_path):
    model = make(memory, grid=True)
    model.save_pretrained(tmp_path / "model")
    assert json.loads((tmp_path / "model/config.json").read_text())["folded"] is True
    for again in (load_pretrained(tmp_path / "model"), copy.deepcopy(make(memory)).on_grid()):
        again.load_state_dict(model.state_dict())
        assert again.folded
        assert not again.training
    again = NeuroSVT.from_pretrained(tmp_path / "model")
    assert again.folded
    assert torch.equal(logits(again, frames), logits(model, frames))


def test_a_free_model_is_saved_as_before(make, tmp_path):
    make().save_pretrained(tmp_path / "model")
    assert "folded" not in json.loads((tmp_path / "model/config.json").read_text())
    assert not NeuroSVT.from_pretrained(tmp_path / "model").folded


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("onto_grid", [True, False])
@pytest.mark.parametrize("inside", [True, False])
def test_weights_of_the_other_form_are_refused_in_one_line(make, strict, onto_grid, inside):
    free, grid = copy.deepcopy(make()), copy.deepcopy(make(grid=True))
    to, of = (grid, free) if onto_grid else (free, grid)
    if inside:
        to, of = nn.Sequential(to), nn.Sequential(of)
    before = copy.deepcopy(to.state_dict())
    with pytest.raises(ValueError, match="on the grid, and this model is") as error:
        to.load_state_dict(of.state_dict(), strict=strict)
    assert "\n" not in str(error.value)
    assert all(torch.equal(t, before[n]) for n, t in to.state_dict().items())


def test_a_folder_that_lies_about_its_form_is_told(make, tmp_path):
    make().save_pretrained(tmp_path / "model")
    path = tmp_path / "model/config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"folded": True}))
    with pytest.raises(UserError, match=r"lacks 'blocks\.0\.attention\.norm\.scale'"):
        NeuroSVT.from_pretrained(tmp_path / "model")


def test_on_the_grid_one_s_own_random_numbers_are_left_alone(make):
    state = torch.get_rng_state()
    make().on_grid()
    assert torch.equal(torch.get_rng_state(), state)


def test_beliefs_on_the_grid_agree_to_a_millionth_in_any_chunks(make, frames):
    """The state to the bit, as test_neurosvt.py says; what reads it is products of real numbers."""
    model = make(grid=True)
    whole = logits(model, frames)
    state, parts = None, []
    with torch.no_grad():
        for frame in frames:
            belief, state = model.step(frame, state)
            parts.append(belief.class_logits)
    torch.testing.assert_close(torch.stack(parts), whole, rtol=1e-5, atol=1e-5)
