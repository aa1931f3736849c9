"""What a sequence leaves behind: as large as its numbers, saved, moved, and checked."""

import io
import pickle

import pytest
import torch

from neurosvt.models.neurosvt import NeuroSVT
from neurosvt.models.neurosvt_state import State, changed
from neurosvt.nn.heads import Belief

memories = pytest.mark.parametrize("memory", ["leaky", "lif", "none"])


def tensors_of(state):
    found = []
    state.map(lambda t: found.append(t) or t)
    return found


@pytest.fixture
def seen(make, events):
    """A model, and the state that it is left with by twelve steps."""

    def look(memory="leaky"):
        model = make(memory)
        with torch.no_grad():
            return model, model(events(share=0.1))[1]

    return look


@memories
@pytest.mark.parametrize("inference", [True, False])
def test_a_state_keeps_nothing_but_its_numbers_alive(make, events, memory, inference):
    model = make(memory)
    with torch.inference_mode(inference), torch.no_grad():
        _, state = model(events(50))
    for tensor in tensors_of(state):
        assert tensor.untyped_storage().nbytes() == tensor.nbytes


def test_a_saved_belief_is_read_as_plain_data(make, events):
    file = io.BytesIO()
    with torch.no_grad():
        torch.save(make()(events())[0], file)
    file.seek(0)
    again = torch.load(file, weights_only=True)
    assert type(again) is Belief
    assert again.position.shape == (12, 2, 2)


@memories
def test_a_saved_state_is_read_as_plain_data(seen, memory, events, assert_same_state):
    model, state = seen(memory)
    file = io.BytesIO()
    torch.save(state, file)
    numbers = sum(t.nbytes for t in tensors_of(state))
    assert len(file.getvalue()) < numbers + 1024 * len(tensors_of(state))
    file.seek(0)
    again = torch.load(file, weights_only=True)
    assert type(again) is State
    for back in (again, pickle.loads(pickle.dumps(state))):
        with torch.no_grad():
            assert_same_state(model(events(3), back)[1], model(events(3), state)[1])


def test_a_detached_state_cuts_the_past_off(make, events):
    model = make()
    _, state = model(events(share=0.1))
    assert state.memory.requires_grad
    cut = state.detached()
    assert not any(t.requires_grad for t in tensors_of(cut))
    assert all(map(torch.equal, tensors_of(cut), tensors_of(state)))
    assert state.memory.requires_grad, "the state itself is not written to"


def test_a_state_moves_between_types_and_devices(seen):
    _, state = seen()
    wide = state.to(dtype=torch.float64)
    assert wide.embed.dtype == wide.memory.dtype == wide.blocks[1][4].dtype == torch.float64
    assert wide.since_patch_event.dtype == torch.long
    assert all(t.is_meta for t in tensors_of(state.to("meta")))


def test_tuples_of_tensors_are_changed_however_deep():
    nested = (torch.ones(2), (torch.ones(1), (torch.ones(3),)), 5)
    twice = changed(nested, lambda t: 2 * t)
    assert torch.equal(twice[1][1][0], 2 * torch.ones(3))
    assert twice[2] == 5


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (tuple, "state must be the State of an earlier call, got tuple"),
        (State._asdict, "state must be the State of an earlier call, got dict"),
        (lambda s: s.map(lambda t: t[:1]), "the state is of a batch of 1, the frames of 2"),
        (lambda s: s.to(dtype=torch.float64), r"holds float64 .* keeps float32 \(2, 16, 16\)"),
        (lambda s: s.to(dtype=torch.float16), "holds float16"),
        (lambda s: s.map(torch.Tensor.byte), "holds uint8 .* keeps int64"),
        (lambda s: s.to("meta"), "the state is on meta, the model on cpu"),
        (lambda s: s._replace(blocks=s.blocks[:1]), "of 1 blocks, this model has 2"),
        (lambda s: s._replace(memory=s.memory[:, :5]), r"\(2, 5\) where .* \(2, 12\)"),
        (lambda s: s._replace(memory=s.memory.double()), "holds float64"),
        (lambda s: NeuroSVT("tiny").start(2), r"\(2, 64\) where this model keeps int64 \(2, 16\)"),
    ],
)
def test_a_state_that_is_of_another_model_is_refused_in_one_line(seen, events, spoil, named):
    model, state = seen()
    like = model.membranes_like()
    # As forward does, which the types that tests check would stop here and there.
    with pytest.raises(ValueError, match=named) as error:
        model.state_shape().check(spoil(state), 2, like, model.memory.start(2, like))
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="the state is of a batch of 2, the frames of 1"):
        model(events(3, 1), state)


@memories
@pytest.mark.parametrize("training", [True, False])
def test_a_batch_of_no_samples_has_no_beliefs(make, memory, training):
    model, frames = make(memory), torch.zeros(5, 0, 2, 16, 16)
    moments = {n: b.clone() for n, b in model.named_buffers()}
    model.train(training)
    belief, state = model(frames)
    belief, state = model(frames, state)
    model.eval()
    assert [tuple(part.shape) for part in belief] == [(5, 0, 3), (5, 0, 2), (5, 0, 5)]
    assert all(len(t) == 0 for t in tensors_of(state))
    assert all(torch.equal(b, moments[n]) for n, b in model.named_buffers())
