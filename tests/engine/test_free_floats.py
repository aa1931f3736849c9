"""A model with its weights as they are: engine and PyTorch part within a hair of a threshold alone.

Their sums are added up in another order. So a neuron that parts has been within rounding of its
threshold; what follows from it, in later layers and steps, is not asked.
"""

from copy import deepcopy

import pytest
import torch

from neurosvt import load, make_scenes
from neurosvt.engine import Engine
from neurosvt.engine.library import engine_library
from neurosvt.nn.token_neuron import TokenLIF

pytestmark = pytest.mark.skipif(engine_library() is None, reason="the engine was not built")

HAIR = 1e-5
"""Of a threshold, which is 1."""


class Charges:
    """Charge of every neuron of a step before it fires, by layer; 0 where a token is not touched.

    Axes: N tokens, D width.
    """

    def __init__(self, model):
        self.layers = []
        for part in model.modules():
            if isinstance(part, TokenLIF):
                part.register_forward_hook(self.note)

    def note(self, part, given, out):
        current, v, ctx, *norms = given
        at = ctx.rows.position
        charge = torch.zeros_like(v[0])
        for norm in norms:
            current = norm(current)
        charge[at] = ctx.keep * v[0, at] + current
        self.layers.append(charge)

    def taken(self):
        layers, self.layers = self.layers, []
        return layers


def membranes(state):
    """(N, D) of every layer, in the order in which they fire."""
    return [v[0] for v in (state.embed, *(v for block in state.blocks for v in block), state.read)]


@torch.no_grad()
def first_to_part(model, other, frames):
    """Distances from the threshold of the neurons that part first, each time that some do; and how
    many neurons have been asked. From a step in which some parted, both go on from one state.

    Args:
        model: runs on PyTorch.
        other: runs in the engine.
    """
    model = deepcopy(model)
    charges, distances, asked = Charges(model), [], 0
    session, state = Engine(other, weights="float32").session(), None
    for frame in frames:
        _, state = model(frame[None, None], state)
        session.push(frame, asked=False)
        layers = zip(charges.taken(), membranes(session.state()), membranes(state), strict=False)
        for charge, mine, theirs in layers:
            asked += torch.count_nonzero(charge)
            # One was reset and the other was not, so that they are a threshold apart.
            parted = (mine - theirs).abs() > 0.5
            if parted.any():
                distances += (charge[parted] - 1).abs().tolist()
                session.restore(state)
                break
    return distances, int(asked)


@pytest.fixture(scope="module")
def film():
    scenes = make_scenes("curtain", seed=5, batch=1, seen=30, hidden=10, after=10)
    return torch.from_numpy(scenes.frames[:, 0])


def test_neurons_part_first_within_a_hair_of_their_threshold(film):
    model = load("permanence").model
    distances, asked = first_to_part(model, model, film)
    assert asked > 500_000
    assert max(distances, default=0) < HAIR
    assert len(distances) < 100


def test_a_weight_that_differs_by_a_thousandth_parts_them_farther_off(film):
    model = load("permanence").model
    other = deepcopy(model)
    other.blocks[0].expand.weight.data.mul_(1.001)
    distances, _ = first_to_part(model, other, film)
    assert max(distances) > HAIR
