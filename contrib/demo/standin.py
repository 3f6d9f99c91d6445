# SPDX-License-Identifier: PostgreSQL
"""A generated stand-in for the package index, for systems without one: the same tables, invented rows."""

import random

import index

KNOWN = ["libc6", "zlib1g", "libstdc++6", "libgcc-s1", "libssl3", "perl", "bash", "git", "python3", "dpkg", "coreutils",
         "debconf", "ca-certificates", "openssl", "curl", "gcc", "make", "tar", "sed", "grep", "gzip", "postgresql"]
COUNT = 40000


def generate(count=COUNT, seed=1):
    """Popular packages come first and are wanted most, as in the real thing."""
    dice = random.Random(seed)
    sections = list(index.SECTIONS)
    weights = [1.0 / (place + 1) for place in range(len(sections))]
    dice.shuffle(sections)
    names = KNOWN + [f"invented-{number:05}" for number in range(count - len(KNOWN))]
    packages, wants = [], []
    for place, name in enumerate(names):
        section = dice.choices(sections, weights)[0]
        priority = "required" if place < 12 else dice.choices(["standard", "optional"], [1, 60])[0]
        size = int(dice.lognormvariate(5.5, 2))
        packages.append((name, f"{dice.randint(0, 9)}.{dice.randint(0, 30)}-{dice.randint(1, 9)}", section, priority,
                         dice.choice(["amd64", "all"]), size, size * 300, f"Maintainer {dice.randint(1, 900)}", None,
                         f"invented package number {place}"))
        for position in range(1, min(place, dice.randint(0, 9)) + 1):
            other = names[int(place * dice.random() ** 4)]
            wants.append((name, dice.choice(["Depends", "Depends", "Recommends"]), position, 1, other, None))
    return index.tables(packages, wants)
