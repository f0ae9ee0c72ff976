"""Wilcoxon's signed-rank test: how likely differences so large are if their median is zero.

It is SciPy's `wilcoxon(differences, alternative="greater", zero_method="zsplit")`, to which a test holds it. SciPy
itself takes a second to load and 80 MB, which the function that records metrics would pay at each cold start.
"""

from collections import Counter
from collections.abc import Sequence
from math import erfc, sqrt

EXACT_COUNT = 50
EXACT_COUNT_WITH_TIES = 13
"""Differences of which the exact distribution is taken, as in SciPy; above them, the normal one."""
_BITS = 64
"""The number of ways to each sum, at most 2 ** 50, has so many bits in one long integer."""


def p_greater(differences: Sequence[float]) -> float:
    """Return the probability of these differences, or larger ones, if as many were negative as positive."""
    ranks = _doubled_ranks([abs(it) for it in differences])
    zeros = sum(rank for rank, it in zip(ranks, differences, strict=True) if it == 0)
    above = 2 * sum(rank for rank, it in zip(ranks, differences, strict=True) if it > 0)
    is_plain = zeros == 0 and len(set(ranks)) == len(ranks)
    if len(ranks) <= (EXACT_COUNT if is_plain else EXACT_COUNT_WITH_TIES):
        signed = [rank for rank, it in zip(ranks, differences, strict=True) if it != 0]
        return _exact(signed, above // 2)
    return _normal(ranks, (above + zeros) / 4)


def _doubled_ranks(sizes: Sequence[float]) -> list[int]:
    """Return twice the rank of each, the mean rank where several are equal."""
    ordered = sorted(sizes)
    counts = Counter(sizes)
    first = {size: index for index, size in reversed(list(enumerate(ordered, start=1)))}
    return [2 * first[size] + counts[size] - 1 for size in sizes]


def _exact(ranks: Sequence[int], at_least: int) -> float:
    """Return the share of all choices of signs whose positive ranks come to so much.

    One long integer holds the number of choices for each sum; its remainder modulo 2 ** 64 - 1 adds them up.
    """
    ways = 1
    for rank in ranks:
        ways += ways << (_BITS * rank)
    chosen: int = (ways >> (_BITS * at_least)) % (2**_BITS - 1)
    return chosen / (1 << len(ranks))


def _normal(ranks: Sequence[int], positive: float) -> float:
    """Return the normal distribution's answer, corrected for ties."""
    count = len(ranks)
    ties = sum(many**3 - many for many in Counter(ranks).values())
    deviation = sqrt((count * (count + 1) * (2 * count + 1) - ties / 2) / 24)
    return 0.5 * erfc((positive - count * (count + 1) / 4) / deviation / sqrt(2))
