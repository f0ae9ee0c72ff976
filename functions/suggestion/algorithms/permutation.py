"""A random order of 0 … n-1 that needs no memory: where an index goes is computed, not looked up."""

from hashlib import shake_128

ROUNDS = 4
"""Luby and Rackoff: four rounds of a Feistel network cannot be told from a random permutation."""


def permute(index: int, size: int, seed: int) -> int:
    """Return the index-th number of 0 … size-1 in the order that belongs to the seed.

    A Feistel network permutes the next power of four, which is less than four times as large; what falls outside
    is permuted again. That ends, as a permutation's cycles do, and takes less than four steps on average.
    """
    half_bits = max(1, ((size - 1).bit_length() + 1) // 2)
    index = _encrypt(index, half_bits, seed)
    while index >= size:
        index = _encrypt(index, half_bits, seed)
    return index


def _encrypt(index: int, half_bits: int, seed: int) -> int:
    mask = (1 << half_bits) - 1
    left, right = index >> half_bits, index & mask
    for number in range(ROUNDS):
        digest = shake_128(f"{seed}/{number}/{right}".encode()).digest((half_bits + 7) // 8)
        left, right = right, left ^ (int.from_bytes(digest, "big") & mask)
    return left << half_bits | right
