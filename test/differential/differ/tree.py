# SPDX-License-Identifier: PostgreSQL
"""SQL text as a tree whose nodes know simpler replacements, so that a failing statement can be made small by itself."""


class Tree:
    """Text and subtrees in order; `simpler` are replacements that keep the type of the node."""

    __slots__ = ("parts", "simpler", "type")

    def __init__(self, *parts, simpler=(), type=None):
        self.parts = list(parts)
        self.simpler = list(simpler)
        self.type = type

    def __str__(self):
        return "".join(str(part) for part in self.parts)

    def walk(self):
        """This node and all below it, from the top."""
        yield self
        for part in self.parts:
            if isinstance(part, Tree):
                yield from part.walk()


def optional(*parts):
    """A clause the statement can do without."""
    return Tree(*parts, simpler=[""])


def joined(separator, items):
    """Items with a separator; all but the first can go."""
    parts = []
    for number, item in enumerate(items):
        parts.append(item if number == 0 else optional(separator, item))
    return Tree(*parts)


def reduce(root, still_fails, attempts=150):
    """Replaces nodes by simpler ones as long as the statement keeps failing; changes the tree in place."""
    progress = True
    while progress and attempts > 0:
        progress = False
        for node in list(root.walk()):
            for candidate in sorted(node.simpler, key=lambda item: len(str(item))):
                if attempts <= 0:
                    return
                if len(str(candidate)) >= len(str(node)):
                    continue
                saved = node.parts, node.simpler
                node.parts = [candidate]
                node.simpler = []
                attempts -= 1
                if still_fails():
                    progress = True
                    break
                node.parts, node.simpler = saved
