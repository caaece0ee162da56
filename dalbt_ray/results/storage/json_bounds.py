"""How much memory a JSON document takes once it is parsed: two bytes may stand for an object of a hundred."""

PARSED_BYTES = 512 * 2**20
"""The most that one file may take: a round with a million acquired images takes three quarters of it."""

DESCRIPTION_BYTES = 64 * 2**20
"""The same of a file that describes one trial, one failure or the sweep: a million names in it are not of our making,
and take seconds to read."""

SMALL = 2**20
"""Bytes of a document that is not looked at."""

_COST = {b"{": 240, b"[": 96, b",": 40, b'"': 28}
"""Bytes of memory that each of these stands for at most (CPython 3.11 to 3.14): an object, a list, a number with its
place in a list, half a text."""


def parsed_bytes(document: bytes) -> int:
    """Bytes that a document takes once parsed, nearly: counts characters, those inside texts too.

    Millions of names take a tenth more, and a text of which one letter is no Latin one up to four times its length:
    what is read of a file at all (`JSON_BYTES`) bounds these.
    """
    return len(document) + sum(document.count(each) * cost for each, cost in _COST.items())


def refuse_json_bomb(document: bytes, limit: int = PARSED_BYTES) -> None:
    """Raise before a document is parsed that takes more memory than any of ours.

    Raises:
        ValueError: with both sizes.
    """
    size = len(document)
    needed = size if size <= SMALL or size > limit else parsed_bytes(document)
    if needed > limit:
        raise ValueError(
            f"takes up to {needed:,} bytes when it is read; this program takes {limit:,} at most"
        )
