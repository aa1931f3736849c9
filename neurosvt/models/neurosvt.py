"""NeuroSVT: the spiking vision transformer with a leaky memory, whole, in one file.

Event frames -> patch tokens -> blocks of spike-driven attention -> memory -> what, where, presence.

Everything up to the memory is carried as rows, one for each token and step at which something
happened to that token (see `ops.rows`): a frame without events has no rows and costs nothing, and
a forward pass does what an event-driven machine would do.

Axes: T time steps, B batch, Y X pixels, N tokens (one a patch), D width, R rows, M memory channels.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from neurosvt.models.neurosvt_config import SIZES, NeuroSVTConfig, positive
from neurosvt.models.neurosvt_state import State, StateShape, compact
from neurosvt.models.pretrained import Pretrained, with_class_rows
from neurosvt.nn.block import Block
from neurosvt.nn.distributed import tied
from neurosvt.nn.embed import (
    EventFilter,
    Positions,
    SpikingPatchEmbed,
    any_fired,
    checked_frames,
)
from neurosvt.nn.folding import folded_copy
from neurosvt.nn.heads import Belief, Heads
from neurosvt.nn.memory import Memory, MemoryStep
from neurosvt.nn.norm import FixedScale
from neurosvt.nn.token_neuron import TokenNeuron, row_context
from neurosvt.ops.lif import backend_named
from neurosvt.ops.precision import at_least_float32
from neurosvt.ops.rows import Rows, by_frame, gather_rows, pack, scatter_rows


class NeuroSVT(Pretrained, model_type="neurosvt", config_type=NeuroSVTConfig):
    """Event frames in; class and position of an object out, also while the object is hidden.

    Args:
        config: shape and time constants, or the name of a size: a key of `SIZES`.
        backend: how neurons, norms and memory are computed, see `ops.native`.
        memory: in place of the config's; what stands between tokens and heads.
        neuron: makes a layer of neurons of a width, in place of the config's.
        heads: in place of the config's; `heads(charge, asked) -> Belief`, as `nn.heads.Heads`.

    Raises:
        UserError: a size that is unknown.
    """

    def __init__(
        self,
        config: NeuroSVTConfig | str | None = None,
        backend: str = "auto",
        *,
        memory: Memory | None = None,
        neuron: Callable[[int], TokenNeuron] | None = None,
        heads: nn.Module | None = None,
    ):
        super().__init__()
        config = SIZES[config] if isinstance(config, str) else config
        self.config = cfg = NeuroSVTConfig() if config is None else config
        self.backend = backend_named(backend)
        given = {"memory": memory, "neuron": neuron, "heads": heads}
        self.passed_in = tuple(name for name, part in given.items() if part is not None)
        """Parts that the config does not describe."""
        neuron = neuron or cfg.neuron.build
        self.filter = EventFilter(cfg.windows(), cfg.least_neighbours)
        self.embed = SpikingPatchEmbed(cfg.windows(), cfg.width, neuron)
        self.positions = Positions(cfg.patches, cfg.width)
        self.blocks = nn.ModuleList(
            Block(cfg.width, cfg.heads, cfg.mlp_ratio, neuron) for _ in range(cfg.depth)
        )
        self.fire = neuron(cfg.width)
        self.memory = memory or cfg.memory.build(cfg.grid, cfg.width)
        self.heads = heads or cfg.readout.build(
            self.memory.channels, cfg.classes, self.memory.tracks
        )
        for part in self.modules():
            if isinstance(getattr(part, "backend", None), str):
                part.backend = self.backend  # type: ignore[assignment]

    @property
    def tokens(self) -> int:
        """Tokens per frame: the patches and, behind them, those that the memory adds."""
        patches: int = self.config.patches
        return patches + self.memory.extra_tokens

    def start(self, batch: int) -> State:
        """The state of `batch` samples that have seen nothing."""
        like = self.membranes_like()
        return self.state_shape().rested(batch, like, self.memory.start(batch, like))

    def state_shape(self) -> StateShape:
        """How large a state is."""
        blocks = tuple(block.widths for block in self.blocks)
        return StateShape(self.config.patches, self.tokens, self.config.width, blocks)  # type: ignore[arg-type]

    def membranes_like(self) -> Tensor:
        """A tensor of the type that membranes have, where they are."""
        return at_least_float32(self.positions.table.detach())

    def forward(
        self,
        frames: Shaped[Tensor, "T B 2 Y X"],
        state: State | None = None,
        *,
        state_noise: float = 0.0,
        state_bits: int = 32,
        frame_ms: float | None = None,
        asked: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Belief, State]:
        """Beliefs after every step, and the state to go on from.

        Args:
            frames: binary event frames, OFF then ON; bool, or numbers that are 0 or 1, which get
                a gradient if they require one. Of no samples (B = 0) there are no beliefs.
            state: what an earlier call returned; None for samples that have seen nothing.
            state_noise: standard deviation of noise on the state at every step, in thresholds; in
                training on the memory alone.
            state_bits: bits of a number of the leaky memory: 32 for floats, 2 to 16 for whole
                numbers as in `ops.memory.leaky_memory_stepwise`.
            frame_ms: length of these frames; None for that of the config.
            asked: which beliefs are wanted; the others mean nothing. None for all.

        Raises:
            ValueError: frames of another size than the model's, or not binary, a state of another
                batch, model, type or device, a frame length or a number of bits that is none, or
                weights in half precision.
        """
        charge, state = self.forward_features(
            frames, state, state_noise=state_noise, state_bits=state_bits, frame_ms=frame_ms
        )
        return self.heads(tied(charge, self.parameters()), asked), state

    def forward_features(
        self,
        frames: Shaped[Tensor, "T B 2 Y X"],
        state: State | None = None,
        *,
        state_noise: float = 0.0,
        state_bits: int = 32,
        frame_ms: float | None = None,
    ) -> tuple[Float[Tensor, "T B M"], State]:
        """What the heads read after every step, and the state; otherwise as `forward`."""
        frames = self.checked(frames)
        steps, batch = frames.shape[:2]
        if state is None:
            state = self.start(batch)
        else:
            like = self.membranes_like()
            self.state_shape().check(state, batch, like, self.memory.start(batch, like))
        if state_bits != 32 and not 2 <= state_bits <= 16:
            raise ValueError(f"state_bits must be 32, or 2 to 16, got {state_bits}")
        rate = 1.0 if frame_ms is None else positive("frame_ms", frame_ms) / self.config.frame_ms
        if not batch:
            return state.embed.new_zeros(steps, 0, self.memory.channels), state
        spatial_noise = 0.0 if self.training else state_noise
        spikes, rows, events, state = self.encode(frames, state, spatial_noise, rate)
        step = MemoryStep(state_noise, rate, state_bits, events)
        return self.update_memory(spikes, rows, state, step)

    def step(
        self, frame: Shaped[Tensor, "B 2 Y X"], state: State | None = None, **options: Any
    ) -> tuple[Belief, State]:
        """`forward` for one frame, without the time axis."""
        belief, state = self(frame[None], state, **options)
        return Belief(*(part[0] for part in belief)), state

    def encode(
        self, frames: Tensor, state: State, noise: float, rate: float
    ) -> tuple[Float[Tensor, "R D"], Rows, Float[Tensor, "R 3"] | None, State]:
        """The spatial part: spikes of the tokens that fired, and their patches' events if the
        memory has tracks; `frames` as `checked`."""
        cfg = self.config
        decay = (1 - 1 / cfg.neuron.tau) ** rate
        seen = pack(self.filter(frames.bool()), state.since_patch_event)
        state = state._replace(since_patch_event=seen.since_event)
        spikes = state.read.new_zeros((0, cfg.width))
        events = spikes.new_zeros((0, 3))
        if seen.anywhere:
            pixels = self.filter.pixels(frames, seen, state.embed.dtype)
            ctx = row_context(seen, decay, noise, self.backend)
            spikes, embed = self.embed(pixels, state.embed, ctx)
            state = state._replace(embed=embed)
            events = self.embed.windows.patch_events(pixels) if self.memory.tracks else events
        x, rows, told = self.select_active(spikes, events, seen, state)
        state = state._replace(since_token_event=rows.since_event)
        if not rows.anywhere:
            return x, rows, told, state
        ctx = row_context(rows, self.decays(decay, rate), noise, self.backend)
        frames_of_rows = by_frame(rows)
        left = []
        for block, v in zip(self.blocks, state.blocks, strict=True):
            x, v = block(x, v, ctx, frames_of_rows)
            left.append(v)
        spikes, read = self.fire(x, state.read, ctx)
        return spikes, rows, told, state._replace(blocks=tuple(left), read=read)

    def select_active(
        self, spikes: Float[Tensor, "R D"], events: Float[Tensor, "S 3"], seen: Rows, state: State
    ) -> tuple[Float[Tensor, "r D"], Rows, Float[Tensor, "r 3"] | None]:
        """Current into the blocks, and events, from the patches that fired: a patch whose few
        events did not make one neuron fire ends here, which keeps sensor noise cheap."""
        steps, batch, patches = seen.shape
        place = seen.frame * patches + seen.position
        active = torch.zeros(steps * batch * patches, dtype=torch.bool, device=place.device)
        active[place[any_fired(spikes)]] = True
        active = active.reshape(seen.shape)
        if extra := self.memory.extra_tokens:
            active = torch.cat([active, active.any(-1, keepdim=True).expand(-1, -1, extra)], -1)
        rows = pack(active, state.since_token_event)
        x = self.positions(spikes, seen)
        source = torch.empty(steps * batch * patches, dtype=torch.long, device=place.device)
        source[place] = torch.arange(len(seen), device=place.device)
        patch = (rows.position < patches).nonzero()[:, 0]
        source = source[rows.frame[patch] * patches + rows.position[patch]]
        x = gather_rows(x, source)
        if extra:
            token = (rows.position >= patches).nonzero()[:, 0]
            currents = self.memory.currents()[rows.position[token] - patches]
            x = scatter_rows(x, patch, len(rows)) + scatter_rows(currents, token, len(rows))
        return x, rows, gather_rows(events, source) if self.memory.tracks else None

    def decays(self, decay: float, rate: float) -> float | Tensor:
        """What each token's membranes keep per step: those of the memory have their own."""
        if not self.memory.extra_tokens:
            return decay
        decays = self.positions.table.new_full((self.tokens,), decay, dtype=torch.float64)
        decays[self.config.patches :] = (1 - 1 / self.memory.token_tau) ** rate
        return decays

    def update_memory(
        self, spikes: Float[Tensor, "R D"], rows: Rows, state: State, step: MemoryStep
    ) -> tuple[Float[Tensor, "T B M"], State]:
        """What the heads read after every step."""
        charge, memory = self.memory(spikes, rows, state.memory, step)
        step.check_taken(self.memory)
        return charge, state._replace(memory=compact(memory))

    def checked(self, frames: Any) -> Tensor:
        """Frames as `nn.embed.checked_frames` gives them, for this model."""
        return checked_frames(frames, self.config.sensor, self.positions.table)

    def on_grid(self) -> "NeuroSVT":
        """A copy whose norms are folded and whose weights are multiples of 2^-12.

        Sums of spikes are then exact in any order: chunks, batches and engines agree to the bit in
        every spike and in the state. Beliefs are read by products of real numbers, and agree to
        about 1e-6. The copy can be trained: its weights leave the grid, and its norms are gone.

        Raises:
            ValueError: the memory has no such form, a norm is of a kind that does not fold, or a
                weight is computed in a way that `nn.plain_copy` does not know.
        """
        if not self.memory.has_grid_form:
            raise ValueError(f"{type(self.memory).__name__} cannot be put on the grid")
        return folded_copy(self)

    @property
    def folded(self) -> bool:
        return any(isinstance(part, FixedScale) for part in self.modules())

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Tensor], prefix: str, *rest: Any
    ) -> None:
        norm = f"{prefix}blocks.0.attention.norm."
        if self.folded and f"{norm}gain" in state_dict:
            raise ValueError(
                "these weights are not on the grid, and this model is: load them into a "
                "NeuroSVT(config) and take its on_grid()"
            )
        if not self.folded and f"{norm}scale" in state_dict:
            raise ValueError(
                "these weights are on the grid, and this model is not: load them into "
                "NeuroSVT(config).on_grid()"
            )
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def deployed(self) -> "NeuroSVT":
        """As it is counted and shipped: on the grid where it has such a form, else as it is."""
        return self.on_grid() if self.memory.has_grid_form else self

    @property
    def num_classes(self) -> int:
        """As many as its heads tell apart."""
        return int(self.heads.classes if isinstance(self.heads, Heads) else self.config.classes)

    def new_classes(self, classes: int) -> None:
        """New rows for the classes; those of position and presence are kept."""
        if not isinstance(self.heads, Heads):
            raise NotImplementedError(f"{type(self.heads).__name__} has no rows for classes")
        self.heads.answer = with_class_rows(self.heads.answer, self.heads.classes, classes)
        self.heads.classes = classes
