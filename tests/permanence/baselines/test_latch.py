import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.nn.heads import Belief
from neurosvt.permanence.baselines.latch import Latch, hold
from neurosvt.presence import Presence

T, B, C = 9, 3, 4


def some_belief(seed=0, steps=T):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    presence = draw(steps, B, len(Presence))
    return Belief(draw(steps, B, C), draw(steps, B, 2).sigmoid(), presence)


def at(belief, *index):
    return Belief(*(part[index] for part in belief))


@given(seed=st.integers(0, 99), threshold=st.floats(-3, 3))
def test_what_is_held_is_the_last_answer_while_seen(seed, threshold):
    belief = some_belief(seed)
    held = hold(belief, threshold)
    assert torch.equal(held.presence_logits, belief.presence_logits)
    for sample in range(B):
        latest = 0
        for step in range(T):
            if belief.unseen_logit[step, sample] <= threshold:
                latest = step
            assert torch.equal(held.class_logits[step, sample], belief.class_logits[latest, sample])
            assert torch.equal(held.position[step, sample], belief.position[latest, sample])


@given(cut=st.integers(1, T - 1), seed=st.integers(0, 99), threshold=st.floats(-2, 2))
def test_stopping_and_going_on_changes_nothing(cut, seed, threshold):
    belief = some_belief(seed)
    whole = hold(belief, threshold)
    first = hold(at(belief, slice(cut)), threshold)
    second = hold(at(belief, slice(cut, None)), threshold, at(first, -1))
    for part, one, two in zip(whole, first, second, strict=True):
        assert torch.equal(part, torch.cat([one, two]))


def test_what_is_held_from_before_stays_while_nothing_is_seen():
    belief, before = some_belief(), at(some_belief(seed=1), 0)
    held = hold(belief, -100.0, before)
    assert torch.equal(held.class_logits, before.class_logits.expand(T, B, C))
    assert torch.equal(held.position, before.position.expand(T, B, 2))


def test_one_that_always_sees_holds_nothing():
    belief = some_belief()
    for part, same in zip(hold(belief, 100.0), belief, strict=True):
        assert torch.equal(part, same)


@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_a_latch_runs_in_any_chunks(chunk, make, events):
    model = make("none", grid=True)
    frames = events(steps=12, batch=3)
    frames[4:9] = False
    with torch.no_grad():
        unseen = model(frames)[0].unseen_logit
        latch = Latch(model, unseen.median().item()).eval()
        whole, end = latch(frames)
        parts, state = [], None
        for start in range(0, len(frames), chunk):
            belief, state = latch(frames[start : start + chunk], state)
            parts.append(belief)
    for part, *pieces in zip(whole, *parts, strict=True):
        torch.testing.assert_close(part, torch.cat(pieces), atol=1e-5, rtol=1e-5)
    for one, two in zip(end.held, state.held, strict=True):
        torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-5)


def test_a_latch_says_in_the_dark_what_it_said_last(make, events):
    """A memoryless model forgets in the dark, so what is said there was held."""
    model = copy.deepcopy(make("none"))
    frames = events(steps=8, batch=1, share=0.1)
    frames[5:] = False
    hidden = []
    hook = model.heads.answer.register_forward_hook(lambda _, given, __: hidden.append(given[0]))
    with torch.no_grad():
        before, _ = model(frames)
        hook.remove()
        seen, dark = hidden[0][4, 0], hidden[0][5, 0]
        # Teach it to tell dark from seen.
        model.heads.answer.weight[Presence.HIDDEN - len(Presence)] = dark - seen
        unseen, _ = model(frames)
        held, _ = Latch(model, unseen.unseen_logit[4:6].mean().item())(frames)
    assert not torch.equal(before.position[4], before.position[5])
    assert torch.equal(held.position[5:], before.position[4].expand(3, 1, 2))
    assert torch.equal(held.class_logits[5:], before.class_logits[4].expand(3, 1, -1))


def test_a_latch_passes_on_the_options_of_its_model(make, events):
    latch = Latch(make("none"), 0.0).eval()
    frames = events(steps=6)
    with torch.no_grad():
        quiet, _ = latch(frames)
        noisy, _ = latch(frames, state_noise=2.0)
    assert not torch.equal(quiet.position, noisy.position)


@pytest.mark.parametrize("memory", ["leaky", "lif"])
def test_a_latch_is_not_put_on_a_model_that_remembers(memory, make):
    with pytest.raises(ValueError, match=f"without memory, not '{memory}'"):
        Latch(make(memory), 0.0)
