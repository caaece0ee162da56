"""A model of a disk under a power cut: it mirrors the system calls and knows what each of them has made durable."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.crash_process import REAL


@dataclass
class Disk:
    """A model of what survives a power cut: for each folder its durable names, for each file its durable bytes."""

    root: Path
    names: dict[str, int] = field(default_factory=dict)
    durable_names: dict[str, int] = field(default_factory=dict)
    content: dict[int, bytes] = field(default_factory=dict)
    durable_content: dict[int, bytes] = field(default_factory=dict)
    promised: int = 0
    states: list[tuple[dict[str, int], dict[int, bytes], int]] = field(default_factory=list)
    _open: dict[int, str] = field(default_factory=dict)
    _inodes: int = 0

    FOLDER = -1

    def adopt(self) -> None:
        """What is there already, all of it durable."""
        for path in sorted(self.root.rglob("*")):
            self._inodes += 1
            self.names[str(path)] = self.FOLDER if path.is_dir() else self._inodes
            if path.is_file():
                self.content[self._inodes] = path.read_bytes()
        self.durable_names, self.durable_content = dict(self.names), dict(self.content)

    def install(self) -> None:
        """Record the calls from now on."""
        for name in REAL:
            setattr(os, name, self.wrap(name))

    def wrap(self, name: str) -> Callable[..., object]:
        """One call: done, then mirrored in the model."""

        def call(*arguments: object, **options: object) -> object:
            result = REAL[name](*arguments, **options)
            getattr(self, f"on_{name}")(result, *arguments, **options)
            state = (dict(self.durable_names), dict(self.durable_content), self.promised)
            if not self.states or self.states[-1] != state:  # only an fsync changes what survives
                self.states.append(state)
            return result

        return call

    def on_open(
        self, descriptor: int, path: object, flags: int, *_: object, dir_fd: int | None = None
    ) -> None:
        """A name appears, with an empty file."""
        where = self._where(path, dir_fd)
        self._open[descriptor] = where
        if flags & os.O_CREAT and where not in self.names:
            self._inodes += 1
            self.names[where] = self._inodes
            self.content[self._inodes] = b""

    def on_write(self, written: int, descriptor: int, data: bytes) -> None:
        """Bytes reach the cache."""
        if descriptor in self._open:
            self.content[self.names[self._open[descriptor]]] += bytes(data)[:written]

    def on_fsync(self, _: object, descriptor: int) -> None:
        """A file's bytes, or a folder's names, reach the disk."""
        where = self._open[descriptor]
        if where in self.names and self.names[where] != self.FOLDER:
            inode = self.names[where]
            self.durable_content[inode] = self.content[inode]
            return
        for names in (self.names, self.durable_names):
            for name in [name for name in names if os.path.dirname(name) == where]:  # noqa: PTH120
                if name in self.names:
                    self.durable_names[name] = self.names[name]
                else:
                    del self.durable_names[name]

    def on_replace(self, _: object, old: object, new: object) -> None:
        """A name moves."""
        self.names[self._where(new)] = self.names.pop(self._where(old))

    def on_link(self, _: object, old: object, new: object) -> None:
        """A second name."""
        self.names[self._where(new)] = self.names[self._where(old)]

    def on_unlink(self, _: object, path: object, dir_fd: int | None = None) -> None:
        """A name goes."""
        self.names.pop(self._where(path, dir_fd), None)

    def on_mkdir(self, _: object, path: object, *__: object) -> None:
        """A folder."""
        self.names[self._where(path)] = self.FOLDER

    def on_rmdir(self, _: object, path: object, dir_fd: int | None = None) -> None:
        """A folder goes."""
        self.names.pop(self._where(path, dir_fd), None)

    def build(self, state: tuple[dict[str, int], dict[int, bytes], int], target: Path) -> None:
        """The folder as it is found after the power comes back."""
        names, content, _ = state
        for name, inode in sorted(names.items()):
            path = target / Path(name).relative_to(self.root)
            if not path.parent.is_dir():
                continue  # its folder's own name was lost
            if inode == self.FOLDER:
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(content.get(inode, b""))

    @staticmethod
    def _where(path: object, dir_fd: int | None = None) -> str:
        text = os.fspath(path)  # type: ignore[call-overload]
        if dir_fd is not None:
            text = f"{os.readlink(f'/proc/self/fd/{dir_fd}')}/{text}"  # noqa: PTH115
        return str(text)
