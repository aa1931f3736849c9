"""Intervals of shares: how far the share that was counted may be from the one that holds.

Axes: E events (one answer each).
"""

import numpy as np

Z95 = 1.959963984540054
"""Half-width of a 95 % interval, in standard deviations of a normal distribution."""


def wilson_interval(share: float, answers: float | int) -> tuple[float, float]:
    """95 % score interval of a share of independent answers.

    With s = `share`, n = `answers` and z = `Z95` its ends are

        (s + z^2 / 2n -+ z sqrt(s (1 - s) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    It does not vanish where all or nothing is right: 132 of 132 is 97.2 to 100 %.

    Args:
        share: of the answers that are right, in [0, 1].
        answers: how many there are, above 0; an effective number may be a fraction.

    Returns:
        Low and high end, in [0, 1], around `share`.

    Raises:
        ValueError: a share outside [0, 1], or no answer.

    Source: Wilson, J. Am. Stat. Assoc. 22 (1927); recommended by Brown, Cai and DasGupta,
    Statistical Science 16 (2001).
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must be in [0, 1], got {share}")
    if not answers > 0:
        raise ValueError(f"answers must be above 0, got {answers}")
    spread = Z95**2 / answers
    middle = share + spread / 2
    half = (spread * share * (1 - share) + spread**2 / 4) ** 0.5
    low, high = (middle - half) / (1 + spread), (middle + half) / (1 + spread)
    return max(0.0, min(low, share)), min(1.0, max(high, share))  # rounding


def share_interval(right: np.ndarray, sequence: np.ndarray | None = None) -> tuple[float, float]:
    """95 % interval of the share of events that are right.

    Where each event has a sequence of its own, it is Wilson's. Where events share sequences, it
    is Wilson's with as many answers as `effective_answers` finds them worth.

    Args:
        right: (E,) bool, E at least 1.
        sequence: (E,) int, which sequence each belongs to; None where everyone has its own.

    Raises:
        ValueError: no event.
    """
    right = np.asarray(right, bool)
    if not len(right):
        raise ValueError("no event, no interval")
    answers = float(len(right)) if sequence is None else effective_answers(right, sequence)
    return wilson_interval(float(right.mean()), answers)


def effective_answers(right: np.ndarray, sequence: np.ndarray) -> float:
    """How many independent answers tell as much as these, of which some share a sequence.

    n answers count as n / deff. The design effect deff is the variance of their share between
    sequences, over the variance of a share of n independent answers (Korn and Graubard 1998).
    It lies between 1, where a sequence's answers go their own ways, and sum(n_i^2) / n, where
    all n_i answers of a sequence agree (Kish 1965).

    For its estimate one sequence that is all right and one that is all wrong are added, both of
    mean size, as Agresti and Coull (1998) add answers. So deff exists where all or nothing is
    right, and is then the largest: m sequences of equal size count as m answers.

    Args:
        right: (E,) bool.
        sequence: (E,) int.

    Source: Korn and Graubard, Survey Methodology 24 (1998); with Wilson's interval Dean and
    Pagano, J. Survey Statistics and Methodology 3 (2015). Kish, Survey Sampling (1965), sec. 8.2.
    """
    right = np.asarray(right, bool)
    _, index = np.unique(sequence, return_inverse=True)
    sizes, hits = np.bincount(index).astype(float), np.bincount(index, right)
    largest = float((sizes**2).sum() / sizes.sum())
    if largest == 1:
        return float(len(right))
    size = sizes.mean()
    sizes, hits = np.append(sizes, [size, size]), np.append(hits, [size, 0.0])
    share = hits.sum() / sizes.sum()
    between = ((hits - share * sizes) ** 2).sum() * len(sizes) / (len(sizes) - 1)
    effect = between / (share * (1 - share) * sizes.sum())
    return len(right) / float(np.clip(effect, 1, largest))
