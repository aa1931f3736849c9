"""One layer of a spiking transformer: attention, then an MLP, each added to the current.

Axes: R rows, B batch, N tokens, D width.
"""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn

from neurosvt.nn.attention import SpikeAttention
from neurosvt.nn.linear import SpikeLinear
from neurosvt.nn.token_neuron import RowContext, TokenNeuron
from neurosvt.ops.rows import FrameSlots

BRANCH_GAIN = 0.2
"""Strength at which a branch starts. At 1 the branches drown the spikes of the embedding, which are
0 or 1, and classes are learnt more slowly."""


class Block(nn.Module):
    """Membrane shortcut: what is added up is current, what is projected is spikes.

    Source: Spike-driven Transformer V2 (Yao et al., ICLR 2024), sec. 3.2.
    """

    def __init__(
        self, width: int, heads: int, mlp_ratio: float, neuron: Callable[[int], TokenNeuron]
    ):
        super().__init__()
        hidden = round(width * mlp_ratio)
        self.fire_attention = neuron(width)
        self.attention = SpikeAttention(width, heads, neuron, BRANCH_GAIN)
        self.fire_in = neuron(width)
        self.expand = SpikeLinear(width, hidden)
        self.fire_hidden = neuron(hidden)
        self.contract = SpikeLinear(hidden, width, BRANCH_GAIN)
        self.widths = (width, 3 * width, width, width, hidden)
        """Channels of the membranes, in the order in which `forward` takes them."""

    def forward(
        self,
        x: Float[Tensor, "R D"],
        v: tuple[Tensor, ...],
        ctx: RowContext,
        frames: FrameSlots,
    ) -> tuple[Float[Tensor, "R D"], tuple[Tensor, ...]]:
        spikes, v_attention = self.fire_attention(x, v[0], ctx)
        y, v_inside = self.attention(spikes, (v[1], v[2]), ctx, frames)
        x = x + y
        spikes, v_in = self.fire_in(x, v[3], ctx)
        spikes, v_hidden = self.fire_hidden(
            self.expand(spikes, scaled=False), v[4], ctx, self.expand.norm
        )
        return x + self.contract(spikes), (v_attention, *v_inside, v_in, v_hidden)
