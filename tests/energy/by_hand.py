"""Operations counted one by one, in loops."""

import itertools


def attention_by_hand(q, k, v, order="cheaper"):
    """One head of one frame (N, K), spike by spike."""
    tokens, width = range(q.shape[0]), range(q.shape[1])
    meetings = [
        (i, j) for i, j, c in itertools.product(tokens, tokens, width) if q[i, c] and k[j, c]
    ]
    through = [1 for _, j in set(meetings) for c in width if v[j, c]]
    keys_first = len(meetings) + len(through)
    pairs = [1 for j, a, b in itertools.product(tokens, width, width) if k[j, a] and v[j, b]]
    reached = [1 for i, a, _ in itertools.product(tokens, width, width) if q[i, a]]
    values_first = len(pairs) + len(reached)
    by_order = {"keys first": keys_first, "values first": values_first}
    return min(by_order.values()) if order == "cheaper" else by_order[order]


def convolution_by_hand(layer, spikes):
    """Additions of a two-dimensional convolution, transposed or not, spike by spike."""
    out = layer(spikes.float()).shape[2:]
    (sy, sx), (py, px), (dy, dx) = layer.stride, layer.padding, layer.dilation
    filters = layer.out_channels // layer.groups
    taps = list(itertools.product(*map(range, layer.kernel_size)))
    count = 0
    for _, _, y, x in spikes.nonzero().tolist():
        for ky, kx in taps:
            if layer.transposed:
                v, u = y * sy - py + ky * dy, x * sx - px + kx * dx
                hit = 0 <= v < out[0] and 0 <= u < out[1]
            else:
                v, u = y + py - ky * dy, x + px - kx * dx
                hit = v % sy == 0 == u % sx and 0 <= v // sy < out[0] and 0 <= u // sx < out[1]
            count += filters * hit
    return count
