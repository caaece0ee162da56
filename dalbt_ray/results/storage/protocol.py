"""What a results folder is kept on: a directory, or any store that fsspec knows (`s3://bucket/path`)."""

from typing import Protocol

JSON_BYTES = 64 * 2**20
"""The most that is read of a file whose size nothing tells: a round with a million acquired images has 50 MB."""


class Storage(Protocol):
    """Files by name, relative to the root, with `/` between folders.

    A file appears whole or not at all, and once a call returns, a power cut does not undo it. Nothing is cached: what
    another process wrote is seen.
    """

    @property
    def location(self) -> str:
        """The root, as a user would type it."""

    def prepare(self) -> None:
        """Make the root if it is missing, and prove that it can be written.

        Raises:
            InputError: it cannot; names the folder and the remedy.
        """

    def read(self, name: str, at_most: int = JSON_BYTES) -> bytes:
        """The file's bytes.

        Raises:
            FileNotFoundError: there is none.
            DamagedError: what is there is no file (a link, a folder, a pipe), or has more than `at_most` bytes; it is
                not read.
            OSError: it cannot be read: no permission, a disk or a server that fails.
        """

    def write(self, name: str, data: bytes) -> None:
        """Create or replace a file."""

    def create(self, name: str, data: bytes) -> bool:
        """Create a file unless there is one of this name; whether it was created. Never replaces."""

    def delete(self, name: str) -> None:
        """Remove a file if it is there. A power cut does not bring it back."""

    def delete_folder(self, name: str) -> None:
        """Remove a folder and everything in it, if it is there."""

    def move(self, name: str, target: str) -> None:
        """Rename a file or a folder."""

    def entries(self, folder: str) -> list[str]:
        """Names in a folder, sorted; those of folders end with `/`. Empty if the folder is missing."""

    def sweep(self) -> int:
        """Remove what crashed writers left half-written; how many files."""
