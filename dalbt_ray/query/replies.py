"""What a person can say of an image."""

from dataclasses import dataclass

NOT_OURS = "__ood__"
"""The label of an image that belongs to no class of the pool."""

UNUSABLE = "__skip__"
"""The label of an image that nobody can label: blurred, empty, broken."""

NO_CLASS = frozenset({NOT_OURS, UNUSABLE})


@dataclass(frozen=True)
class Reply:
    """One answer.

    Attributes:
        id: of the image.
        label: a class, `NOT_OURS` or `UNUSABLE`.
        source: the file that it came in.
    """

    id: str
    label: str
    source: str

    @property
    def is_class(self) -> bool:
        """Whether the image belongs to a class of the pool."""
        return self.label not in NO_CLASS
