"""Which fault strikes whom, when and for how long: all of it decided by the seed."""

import dataclasses
import random

SECONDS = (1.5, 4.0)
CHANCE_OF_TWO = 0.3


@dataclasses.dataclass(frozen=True)
class Strike:
    faults: tuple    # of (kind, victim: a name or "leader", its own seed)
    seconds: float
    apart: float     # of these, until the second fault begins


def strikes(seed, kinds, names):
    """Without end: in each round every kind comes once, in any order; sometimes a second one joins it, which must not
    want the same facility and comes to another victim."""
    rng = random.Random(seed)
    while True:
        for kind in rng.sample(kinds, len(kinds)):
            faults = [(kind, rng.choice(["leader", "leader", *names]), rng.random())]
            partners = [other for other in kinds if other is not kind and (other.needs or other) != (kind.needs or kind)]
            if partners and rng.random() < CHANCE_OF_TWO:
                faults.append((rng.choice(partners), rng.choice(names), rng.random()))
            seconds = rng.uniform(*SECONDS)
            yield Strike(tuple(faults), seconds, rng.uniform(0, seconds / 2))
