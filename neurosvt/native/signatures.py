"""What every kernel takes, declared once: kinds of numbers, and shapes that have to agree.

    T x[R, D]        an array of the call's own type; the same letter is the same size
    f32 v[S, D]!     one that is written to
    u8 bytes[R]?     one that may be left out
    R                a size, taken from the arrays that have it
    float threshold  a number
    -> count         behind the last: a whole number comes back

From this come the C types, and what `ops.native.call` holds every argument against.
"""

import ctypes
import re
from typing import Any, NamedTuple

GIVEN = {str(size): size for size in (1, 2, 5, 7, 8)}
"""Axes whose size is given."""

NUMBERS: dict[str, Any] = {"float": ctypes.c_float, "int": ctypes.c_int}

_PART = re.compile(
    r"(?P<kind>\w+) (?P<name>\w+)(\[(?P<axes>[^\]]*)\])?(?P<written>!)?(?P<optional>\?)?"
    r"|(?P<size>[A-Z])"
)


class Argument(NamedTuple):
    """One argument of a kernel."""

    name: str
    kind: str
    """Of an array's elements: T, f32, f64, i64 or u8; or "size"; or a key of `NUMBERS`."""
    axes: tuple[str, ...] = ()
    """Of an array: letters for sizes, or digits for one that is given."""
    optional: bool = False


class Signature(NamedTuple):
    """A kernel, as C and its callers see it. The number of threads comes last everywhere."""

    name: str
    arguments: tuple[Argument, ...]
    answers: bool
    """Whether a number comes back; below 0, what was wrong (kernel.hpp)."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Types that it is compiled for."""
        own_type = any(a.kind == "T" for a in self.arguments)
        return ("f32", "bf16") if own_type else ("f32",)

    @property
    def c_types(self) -> list[Any]:
        """Its arguments in C."""
        plain = [
            ctypes.c_void_p if a.axes else NUMBERS.get(a.kind, ctypes.c_int64)
            for a in self.arguments
        ]
        return [*plain, ctypes.c_int]


def _parsed(name: str, text: str) -> Signature:
    arguments = []
    takes, _, answers = " ".join(text.split()).partition(" -> ")
    for part in re.split(r",\s*(?![^\[]*\])", takes):
        found = _PART.fullmatch(part)
        assert found, f"{name}: {part!r}"
        if found["size"]:
            arguments.append(Argument(found["size"], "size"))
            continue
        axes = tuple(axis for axis in (found["axes"] or "").replace(" ", "").split(",") if axis)
        arguments.append(Argument(found["name"], found["kind"], axes, bool(found["optional"])))
    return Signature(name, tuple(arguments), bool(answers))


# R rows, D channels, S streams, K ranks, T steps, B batch, M memory channels, G gates, F frames.
SIGNATURES = {
    name: _parsed(name, text)
    for name, text in {
        "lif_forward": """
            T current[R, D], f32 scale[D]?, f32 v[S, D]!, i64 sizes[K], K, R, S, D,
            f32 keep_rows[R, 1]?, f32 keep_channels[1, D]?, float keep, float threshold, int soft,
            T spikes[R, D]!?, u8 bytes[R, D]!? -> count""",
        "lif_backward": """
            T grad_spikes[R, D], T current[R, D], f32 scale[D]?, f32 v[S, D], f32 grad_v[S, D]!,
            i64 sizes[K], K, R, S, D, f32 keep_rows[R, 1]?, f32 keep_channels[1, D]?, float keep,
            float threshold, int soft, int surrogate, float slope, T grad[R, D]!,
            f32 grad_keep[1, D]!?, f32 along[D]!? -> count""",
        "column_sums": "T x[R, D], T y[R, D], R, D, f32 sums[D]!, i64 filled[1]!",
        "filled_rows": "T x[R, D], R, D, i64 filled[1]!",
        "scale_rows": "T x[R, D], f32 scale[D], R, D, T y[R, D]!",
        "scale_backward": "T grad[R, D], T x[R, D], f32 scale[D], f32 pull[D], R, D, T out[R, D]!",
        "moments": "T x[R, D], R, D, f32 mean[D]!, f32 variance[D]!",
        "batch_fire": """
            T x[R, D], f32 factor[D], f32 shift[D], R, D, float threshold, T spikes[R, D]!""",
        "through_spike": """
            T grad_spikes[R, D], T x[R, D], f32 factor[D], f32 shift[D], f32 slope[R, 1],
            f32 mean[D], R, D, float threshold, T grad_u[R, D]!, f32 grad_slope[R, 1]!,
            f32 partial[P, 2, D]!""",
        "through_norm": """
            T grad[R, D]!, T x[R, D], f32 factor[D], f32 on_x[D], f32 constant[D], R, D""",
        "gather_rows": """
            T spikes[R, D]?, u8 bytes[R, D]?, f32 weight[D, E], R, D, E, f32 out[R, E]!""",
        "gather_gradient": """
            T spikes[R, D]?, u8 bytes[R, D]?, f32 grad[R, E], R, D, E, f32 on_weight[D, E]!""",
        "group_sums": """
            T x[R, D], f32 weight[G, D, E], i64 group[R], i64 home[R], R, D, E, G, F,
            f32 out[F, E]! -> count""",
        "group_gradient": """
            T x[R, D], f32 grad[F, E], i64 group[R], i64 home[R], R, D, E, G, F,
            f32 on_weight[G, D, E]! -> count""",
        "attention_forward": """
            T qkv[R, 3, H, W], i64 order[R], i64 start[L], R, L, H, W, T out[R, H, W]! -> count""",
        "attention_backward": """
            T qkv[R, 3, H, W], T grad[R, H, W], i64 order[R], i64 start[L], R, L, H, W,
            T on_qkv[R, 3, H, W]! -> count""",
        "neighbours": "u8 frames[F, 2, Y, X], F, Y, X, int least, u8 out[F, 2, Y, X]!",
        "simulate": """
            u8 frames[T, B, 2, Y, Y]!, B, Y, W, int substeps, int steps, O, int side, int bands,
            f64 position[O, K, B, 2], f32 sprites[O, B, 2, I], f32 background[B, W, W],
            f32 scene[B, W, W]!, f32 layers[N, B, W, W]!?, f32 edges[K, B, E, 2],
            f32 distance[B, W, W]?, f32 curtain[B, W, W]?, f32 log_light[K, B],
            f32 threshold[B, W, W], f32 reference[B, W, W]!""",
        "tally": "T x[R, D], R, D, i64 frame[R]?, int frames, i64 found[5]! -> count",
        "active_windows": """
            u8 frames[F, 2, Y, X], F, Y, X, int kernel, int stride, int border, int company,
            int least, N, u8 active[F, N]!""",
        "window_pixels": """
            u8 frames[F, 2, Y, X], i64 frame[R], i64 position[R], i64 order[R], F, R, Y, X,
            int kernel, int stride, int border, int company, u8 out[R, 2, Q]! -> count""",
        "count_touches": "u8 active[T, S], T, S, i64 counts[S]!",
        "pack": """
            u8 active[T, S], i64 first[K], i64 place[S], T, S, K, R, int batch, i64 since[S]!,
            i64 frame[R]!, i64 position[R]!, i64 elapsed[R]!, i64 order[R]!""",
        "gated_forward": """
            f32 drive[T, B, M], f32 gate[T, B, M], f32 write[T, B, G], f32 noise[T, B, M]?,
            f32 v[B, M], f32 decay[M], f32 look[M, G]?, f32 forget[M]?, u8 said[T, B]?,
            T, B, M, G, f32 wants[T, B, G]!, f32 charge[T, B, M]!""",
        "gated_backward": """
            f32 grad[T, B, M], f32 grad_wants[T, B, G], f32 charge[T, B, M], f32 drive[T, B, M],
            f32 gate[T, B, M], f32 wants[T, B, G], f32 v[B, M], f32 decay[M], f32 look[M, G]?,
            f32 forget[M]?, u8 said[T, B]?, T, B, M, G,
            f32 on_drive[T, B, M]!, f32 on_gate[T, B, M]!, f32 on_write[T, B, G]!, f32 on_v[B, M]!,
            f32 on_decay[B, M]!, f32 on_look[B, M, G]!?,
            f32 on_forget[B, M]!?""",
        "tracks_forward": """
            f32 place[T, B, J, 2], f32 weight[T, B, J], f32 opened[T, B, J], f32 emptied[T, B, J],
            f32 noise[T, B, J, 7]?, f32 start[B, J, 8], f32 forget[J], f32 ridge[J], float step,
            T, B, J, f32 after[T, B, J, 8]!""",
        "tracks_backward": """
            f32 grad[T, B, J, 8], f32 after[T, B, J, 8], f32 place[T, B, J, 2], f32 weight[T, B, J],
            f32 opened[T, B, J], f32 emptied[T, B, J], f32 start[B, J, 8], f32 forget[J],
            f32 ridge[J], float step, T, B, J, f32 on_place[T, B, J, 2]!, f32 on_weight[T, B, J]!,
            f32 on_opened[T, B, J]!, f32 on_emptied[T, B, J]!, f32 on_start[B, J, 8]!,
            f32 on_forget[B, J]!, f32 on_ridge[B, J]!""",
        "memory_forward": """
            f32 drive[T, B, M], f32 gate[T, B, M], f32 v[B, M], f32 decay[M], T, B, M,
            f32 charge[T, B, M]!""",
        "memory_backward": """
            f32 grad[T, B, M], f32 charge[T, B, M], f32 gate[T, B, M], f32 v[B, M], f32 decay[M],
            T, B, M, f32 on_drive[T, B, M]!, f32 on_gate[T, B, M]!, f32 on_v[B, M]!,
            f32 on_decay[M]!""",
    }.items()
}
"""Every kernel, by its name."""
