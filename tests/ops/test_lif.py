"""Every backend against the definition, the definition against other people's neurons."""

import shutil

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurosvt.native import library
from neurosvt.ops import lif_native, native
from neurosvt.ops.lif import BACKENDS, backend_named, check_sizes, lif, lif_rows
from neurosvt.ops.rows import pack

# "compile" takes seconds for every shape and setting: one test of its own below, and all of these
# with `-m slow`.
inductor = pytest.mark.filterwarnings("ignore")  # what torch.compile itself warns of
SLOW = pytest.param("compile", marks=[pytest.mark.slow, inductor])
each = pytest.mark.parametrize("backend", [*sorted(BACKENDS.keys() - {"compile"}), SLOW])
others = pytest.mark.parametrize(
    "backend", [*sorted(BACKENDS.keys() - {"compile", "reference"}), SLOW]
)
resets = pytest.mark.parametrize("reset", ["hard", "soft"])
surrogates = pytest.mark.parametrize("surrogate", ["arctan", "sigmoid"])


def run(backend, current, v, decay=0.6, **options):
    """Spikes, the end membrane, and the gradients of all inputs under random weights."""
    leaves = [current.detach().requires_grad_(), v.detach().requires_grad_()]
    if isinstance(decay, torch.Tensor):
        decay = decay.detach().requires_grad_()
        leaves.append(decay)
    spikes, end = lif(leaves[0], leaves[1], decay=decay, backend=backend, **options)
    weights = torch.Generator().manual_seed(1)
    loss = (spikes * torch.randn(spikes.shape, generator=weights)).sum()
    loss = loss + (end * torch.randn(end.shape, generator=weights)).sum()
    return spikes, end, torch.autograd.grad(loss, leaves)


def assert_agree(result, reference, tolerance=1e-5):
    assert torch.equal(result[0], reference[0])
    torch.testing.assert_close(result[1:], reference[1:], rtol=tolerance, atol=tolerance)


# The definition.


def test_membrane_solved_by_hand():
    current = torch.tensor([0.5, 0.75, 0.5, 1.5, -1.0])[:, None]
    hard, v_hard = lif(current, decay=0.5, backend="reference")
    # h: 0.5, 1.0 (fires, at the threshold itself), 0.5, 1.75 (fires), -1.0
    assert hard[:, 0].tolist() == [0, 1, 0, 1, 0]
    assert v_hard.tolist() == [-1]
    soft, v_soft = lif(current, decay=0.5, reset="soft", backend="reference")
    # h: 0.5, 1.0 (leaves 0), 0.5, 1.75 (leaves 0.75), -0.625
    assert soft[:, 0].tolist() == [0, 1, 0, 1, 0]
    assert v_soft.tolist() == [-0.625]


@each
def test_decayed_input_is_input_divided_by_tau(backend):
    current, v = 4 * torch.randn(7, 5), torch.rand(5)
    divided = run(backend, current, v, 0.75, decay_input=True)
    plain = run(backend, current / 4, v, 0.75)
    assert torch.equal(divided[0], plain[0])
    assert torch.equal(divided[1], plain[1])
    torch.testing.assert_close(divided[2][0], plain[2][0] / 4)


@each
@resets
@given(cut=st.integers(1, 11), decay=st.floats(0, 0.99), seed=st.integers(0, 2**16))
def test_stopping_and_going_on_changes_nothing(backend, reset, cut, decay, seed):
    """The promise that streaming rests on."""
    current = 2 * torch.randn(12, 4, generator=torch.Generator().manual_seed(seed))
    options = {"decay": decay, "reset": reset, "backend": backend}
    whole, end = lif(current, **options)
    first, middle = lif(current[:cut], **options)
    second, end_again = lif(current[cut:], middle, **options)
    assert torch.equal(torch.cat([first, second]), whole)
    assert torch.equal(end, end_again)


@each
def test_silence_lets_a_membrane_decay_and_never_fires(backend):
    v = torch.rand(50) * 0.999
    spikes, end = lif(torch.zeros(30, 50), v, decay=0.5, backend=backend)
    assert not spikes.any()
    assert torch.equal(end, v * 2.0**-30)
    assert end.max() < 1e-8


@each
@resets
def test_gradient_is_exact_where_nothing_fires(backend, reset):
    """A step cannot be differentiated numerically, but below threshold LIF is linear."""
    current = torch.randn(5, 2, 3, dtype=torch.double, requires_grad=True)
    v = torch.randn(2, 3, dtype=torch.double, requires_grad=True)
    for shape in [(), (3,), (2, 1), (2, 3)]:
        decay = torch.rand(shape, dtype=torch.double, requires_grad=True)
        assert torch.autograd.gradcheck(
            lambda i, v, d: lif(i, v, decay=d, threshold=1e9, reset=reset, backend=backend)[1],
            (current, v, decay),
        )


# Backends against the definition.


@others
@resets
@surrogates
@pytest.mark.parametrize(
    "shape", [(1, 3), (5,), (7, 2, 5), (33, 1, 17, 3), (4, 0, 3), (0, 2)], ids=str
)
def test_backend_agrees_with_reference(backend, reset, surrogate, shape):
    current, v = 2 * torch.randn(shape), torch.rand(shape[1:])
    options = {"reset": reset, "surrogate": surrogate}
    reference = run("reference", current, v, **options)
    assert_agree(run(backend, current, v, **options), reference)
    assert current.numel() < 20 or 0 < reference[0].mean() < 1, "the test would say nothing"


@inductor
@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile wants a C++ compiler")
def test_the_compiled_loop_agrees_with_reference():
    current, v = 2 * torch.randn(7, 2, 5), torch.rand(2, 5)
    assert_agree(run("compile", current, v), run("reference", current, v))


@others
@resets
@surrogates
@pytest.mark.parametrize("shape", [(), (3,), (17, 1), (1, 17, 3)], ids=str)
def test_backend_agrees_on_a_learnt_decay(backend, reset, surrogate, shape):
    current, v, decay = 2 * torch.randn(9, 1, 17, 3), torch.rand(1, 17, 3), torch.rand(shape)
    options = {"reset": reset, "surrogate": surrogate}
    reference = run("reference", current, v, decay, **options)
    assert_agree(run(backend, current, v, decay, **options), reference)
    assert_agree(
        run(backend, current, v, decay, decay_input=True),
        run("reference", current, v, decay, decay_input=True),
    )


@others
@pytest.mark.parametrize("shape", [(9, 4, 1), (1, 1, 1), (1, 1, 5), (1, 3)], ids=str)
@pytest.mark.parametrize("each_neuron", [True, False])
def test_backend_agrees_on_few_neurons_with_a_learnt_decay(backend, shape, each_neuron):
    current, v = 2 * torch.randn(shape), torch.rand(shape[1:])
    decay = torch.rand(shape[1:]) if each_neuron else torch.rand(1)
    assert_agree(run(backend, current, v, decay), run("reference", current, v, decay))


def test_a_learnt_decay_of_channels_runs_on_the_kernels(monkeypatch):
    """It would be right without them as well, and slower."""
    if library() is None:
        pytest.skip("the kernels were not built")
    called = []
    call = lif_native.call
    monkeypatch.setattr(lif_native, "call", lambda name, *a: called.append(name) or call(name, *a))
    run("native", torch.randn(5, 2, 3), torch.rand(2, 3), torch.rand(3))
    assert called == ["lif_forward", "lif_backward"]


@others
@resets
def test_backend_agrees_over_a_thousand_steps(backend, reset):
    current, v = torch.randn(1000, 3), torch.rand(3)
    reference = run("reference", current, v, 0.9, reset=reset)
    assert_agree(run(backend, current, v, 0.9, reset=reset), reference)


@others
@pytest.mark.parametrize(("threshold", "slope"), [(0.1, 1.0), (0.7, 5.0), (3.0, 0.3)])
@resets
def test_backend_agrees_on_thresholds_and_slopes(backend, threshold, slope, reset):
    """Also for currents that meet a threshold exactly, one no float32 holds exactly."""
    current = 3 * threshold * torch.randn(9, 33)
    current[::2] = threshold
    options = {"threshold": threshold, "slope": slope, "reset": reset}
    reference = run("reference", current, torch.zeros(33), 0.0, **options)
    assert_agree(run(backend, current, torch.zeros(33), 0.0, **options), reference)
    if reset == "hard":
        assert reference[0][::2].all()


@others
def test_backend_agrees_on_inputs_in_another_layout(backend):
    current = (2 * torch.randn(5, 3, 2, 8)).permute(2, 1, 0, 3)[..., ::2]
    v = torch.rand(4, 5, 3).permute(2, 1, 0)
    decay = torch.rand(8)[::2]
    assert not current.is_contiguous()
    assert not v.is_contiguous()
    assert_agree(run(backend, current, v), run("reference", current, v))
    assert_agree(run(backend, current, v, decay), run("reference", current, v, decay))


@others
@resets
def test_backend_agrees_on_bfloat16_current(backend, reset):
    """Spikes have the current's type, membranes stay in float32."""
    current, v = (2 * torch.randn(33, 7)).bfloat16(), torch.rand(7)
    spikes, end, grads = run(backend, current, v, reset=reset)
    expected, expected_end, expected_grads = run("reference", current, v, reset=reset)
    assert (spikes.dtype, end.dtype, grads[0].dtype) == (torch.bfloat16, v.dtype, torch.bfloat16)
    assert torch.equal(spikes, expected)
    assert torch.equal(end, expected_end)
    torch.testing.assert_close(grads, expected_grads)  # within one rounding to bfloat16
    assert lif(current, decay=0.5, backend=backend)[1].dtype == torch.float32


@each
@resets
def test_spikes_in_bytes_are_the_same_spikes(backend, reset):
    current, v = 2 * torch.randn(9, 4, 7), torch.rand(4, 7)
    for decay in (0.6, torch.rand(7), torch.rand(4, 7)):
        options = {"decay": decay, "reset": reset, "backend": backend}
        spikes, end = lif(current, v, **options)
        in_bytes, same = lif(current.requires_grad_(), v, as_bytes=True, **options)
        assert (in_bytes.dtype, in_bytes.requires_grad) == (torch.uint8, False)
        assert torch.equal(in_bytes, spikes.detach().byte())
        assert torch.equal(same, end.detach())


@others
@resets
def test_backend_passes_nan_on_and_keeps_it_to_its_neuron(backend, reset):
    current = 2 * torch.randn(6, 5)
    current[2, 3] = torch.nan
    spikes, end = lif(current, decay=0.5, reset=reset, backend=backend)
    expected, expected_end = lif(current, decay=0.5, reset=reset, backend="reference")
    torch.testing.assert_close(spikes, expected, rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(end, expected_end, rtol=0, atol=0, equal_nan=True)
    assert spikes[2:, 3].isnan().all()
    assert not spikes[:, :3].isnan().any()


@others
def test_backend_leaves_its_inputs_alone(backend):
    current, v = 2 * torch.randn(7, 5), torch.rand(5)
    before = current.clone(), v.clone()
    spikes, end = lif(current.requires_grad_(), v.requires_grad_(), decay=0.5, backend=backend)
    (spikes.sum() + end.sum()).backward()
    assert torch.equal(current, before[0])
    assert torch.equal(v, before[1])


def test_without_kernels_the_native_backend_is_pytorch(monkeypatch):
    current, v = 2 * torch.randn(7, 2, 5), torch.rand(2, 5)
    with_kernels = run("native", current, v)
    monkeypatch.setattr(native, "BUILT", False)
    assert_agree(run("native", current, v), with_kernels)


# Touched tokens alone against all tokens.


@each
@resets
@pytest.mark.parametrize("share", [0.05, 0.3, 1.0])
def test_rows_alone_give_what_all_tokens_give(backend, reset, share):
    """Tokens without a row receive nothing; powers of one half round nowhere."""
    active = torch.rand(20, 2, 5) < share
    rows = pack(active)
    current = 2 * torch.randn(20, 2, 5, 3) * active[..., None]
    if reset == "soft":  # what a subtraction leaves above threshold would fire in the dark
        current = current.clamp(max=1)
    v = torch.rand(2, 5, 3)
    dense, end = lif(current, v, decay=0.5, reset=reset, backend="reference")
    flat = v.reshape(10, 3)
    spikes, left = lif_rows(
        current.reshape(40, 5, 3)[rows.frame, rows.position],
        flat[rows.sorted_indices],
        batch_sizes=rows.batch_sizes,
        keep=0.5 ** rows.elapsed[:, None].float(),
        reset=reset,
        backend=backend,
    )
    assert torch.equal(spikes, dense.reshape(40, 5, 3)[rows.frame, rows.position])
    assert dense.sum() == spikes.sum(), "a token that received nothing has fired"
    silent = (rows.since_event.reshape(10)[rows.sorted_indices] - 1)[:, None]
    assert torch.equal(left * 0.5**silent, end.reshape(10, 3)[rows.sorted_indices])


def test_the_compiled_loop_leaves_a_keep_of_each_row_to_the_plain_one():
    """As many rows as streams, and twice as many: it is compiled for neither."""
    current, v = 2 * torch.randn(4, 3), torch.rand(2, 3)
    keep = torch.tensor([0.1, 0.5, 0.9, 0.3])[:, None]
    for sizes in ([2, 2], [2]):
        rows = sum(sizes)
        options = {"batch_sizes": sizes, "keep": keep[:rows], "reset": "hard"}
        wanted = lif_rows(current[:rows], v, backend="reference", **options)
        found = lif_rows(current[:rows], v, backend="compile", **options)
        for one, other in zip(found, wanted, strict=True):
            assert torch.equal(one, other)


@others
def test_rows_have_the_gradients_of_the_reference(backend):
    rows = pack(torch.rand(12, 2, 5) < 0.4)
    current, v = 2 * torch.randn(len(rows), 3), torch.rand(len(rows.sorted_indices) + 1, 3)
    keep = (0.8 ** rows.elapsed[:, None]).float()
    weight = torch.randn(len(rows), 3)
    results = []
    for name in (backend, "reference"):
        leaves = [x.clone().requires_grad_() for x in (current, v, keep)]
        spikes, left = lif_rows(
            *leaves[:2], batch_sizes=rows.batch_sizes, keep=leaves[2], backend=name
        )
        grads = torch.autograd.grad((weight * spikes).sum() + left.square().sum(), leaves)
        results.append((spikes, left, grads))
    assert_agree(*results)


# Other people's neurons.


@each
@pytest.mark.parametrize(("reset", "mechanism"), [("hard", "zero"), ("soft", "subtract")])
@pytest.mark.parametrize("beta", [0.0, 0.37, 0.95])
def test_spikes_equal_those_of_snntorch(backend, reset, mechanism, beta):
    """snnTorch fires above the threshold, we at it, which differs for no current drawn here. Its
    subtraction repeats while a membrane stays above threshold, so membranes stay below two."""
    snntorch = pytest.importorskip("snntorch")
    current = torch.rand(100, 3, 7)
    neuron = snntorch.Leaky(beta=beta, reset_mechanism=mechanism, reset_delay=False)
    theirs, v = [], torch.zeros(3, 7)
    for i in current:
        spikes, v = neuron(i, v)
        theirs.append(spikes)
    ours, end = lif(current, decay=beta, reset=reset, backend=backend)
    assert torch.equal(ours, torch.stack(theirs))
    assert torch.equal(end, v)
    assert ours.any() == (beta > 0)


@each
@pytest.mark.parametrize(("reset", "v_reset"), [("hard", 0.0), ("soft", None)])
@pytest.mark.parametrize("tau", [1.1, 2.0, 20.0])
def test_spikes_equal_those_of_spikingjelly(backend, reset, v_reset, tau):
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    current = 1.5 * torch.randn(100, 3, 7)
    node = neuron.LIFNode(tau=tau, decay_input=False, v_reset=v_reset, step_mode="m")
    theirs = node(current)
    ours, end = lif(current, decay=1 - 1 / tau, reset=reset, backend=backend)
    assert torch.equal(ours, theirs)
    torch.testing.assert_close(end, node.v)


# What a caller can get wrong.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decay": 1.0}, r"decay must be in \[0, 1\), got 1.0"),
        ({"decay": -0.1}, "got -0.1"),
        ({"decay": float("nan")}, "got nan"),
        ({"threshold": 0.0}, "threshold must be > 0.*got 0.0"),
        ({"reset": "none"}, "reset 'none' is unknown.*hard.*soft"),
        ({"surrogate": "tanh"}, "surrogate 'tanh' is unknown.*arctan.*sigmoid"),
        ({"surrogate": "tanh", "slope": 2.0}, "surrogate 'tanh' is unknown.*arctan.*sigmoid"),
        ({"backend": "abacus"}, "backend 'abacus' is unknown.*auto.*native.*reference"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_named(options, message):
    with pytest.raises(ValueError, match=message) as error:
        lif(torch.zeros(2, 3), **{"decay": 0.5} | options)
    assert "\n" not in str(error.value)


def test_backend_names_are_checked_before_anything_runs():
    assert [backend_named(name) for name in ("auto", *BACKENDS)] == ["auto", *BACKENDS]
    with pytest.raises(ValueError, match=r"'cuda'.*choose from"):
        backend_named("cuda")


@pytest.mark.parametrize("sizes", [(2, 1), (3, 3), (2, 1, 2), (4, 1), (3, 3, -1)])
def test_ranks_that_do_not_fit_what_they_are_of_are_refused(sizes):
    """Five rows of at most three streams: as many in all, never more than before, none negative."""
    check_sizes((3, 2), 5, 3)
    check_sizes((3, 2, 0), 5, 3)
    with pytest.raises(ValueError, match="must not increase, start at most at v's 3 streams"):
        check_sizes(sizes, 5, 3)
