"""What `dalbt data verify` says: is each set what it was when it was sealed?"""

from collections.abc import Iterator
from pathlib import Path

from dalbt_ray.data.seal import SEAL, changes, read_seal, write_seal
from dalbt_ray.data.sources import set_folder, set_names
from dalbt_ray.data.split_file import file_sha256
from dalbt_ray.errors import InputError


def data_verify(name: str, data_root: Path | None, *, seal: bool = False) -> tuple[str, bool]:
    """A line for each split of a set, or of all; and whether every sealed one is what it was.

    Args:
        name: of one set; empty for all that are there.
        data_root: the folder of sets.
        seal: afterwards, seal the sets as they are: those without a seal, and the named one in any case.

    Raises:
        InputError: no such set is here.
    """
    names = [name] if name else [each for each in set_names(data_root) if set_folder(each, data_root)]
    lines, intact = [], True
    for each in names:
        folder = set_folder(each, data_root)
        if folder is None:
            raise InputError("set", each, "is not here", remedy="run `dalbt data list` to see what is")
        try:
            told = list(_splits(folder))
            lines += [f"{each} {split}: {verdict}" for split, verdict, _ in told]
            intact &= all(fine for _, _, fine in told)
            if seal and (name or read_seal(folder) is None):
                write_seal(folder)
                lines.append(f"{each}: sealed as it is now")
                intact |= bool(name)
        except InputError as error:
            lines.append(f"{each}: {error}")
            intact = False
    return "\n".join(lines), intact


def _splits(folder: Path) -> Iterator[tuple[str, str, bool]]:
    """Each split's name, what became of it, and whether that is fine."""
    sealed = read_seal(folder)
    there = {path.stem: path for path in sorted(folder.glob("[!.]*.parquet"))}
    for split in sorted({*there, *(sealed or {})}):
        path = there.get(split)
        if path is None:
            yield split, f"is missing, though it is in {SEAL}", False
            continue
        link = f"; a link to {path.resolve()}" if path.is_symlink() else ""
        if sealed is None or split not in sealed:
            yield split, f"has no seal (--seal writes one){link}", True
        elif sealed[split].sha256 == file_sha256(path):
            yield split, f"as sealed, {sealed[split].rows:,} images{link}", True
        else:
            yield split, f"CHANGED: {changes(sealed[split], path)}{link}", False


def set_notes(names: list[str], data_root: Path | None) -> list[str]:
    """What a person who uses these sets should know: no seal, or files that lie somewhere else."""
    notes = []
    for name in names:
        folder = set_folder(name, data_root)
        if folder is None:
            continue
        if read_seal(folder) is None:
            notes.append(
                f"{name} has no seal, so changes to its files go unnoticed: `dalbt data verify {name} --seal` makes one"
            )
        home = folder.resolve()
        notes += [
            f"{name}: {path.name} is a link to {path.resolve()}"
            for path in sorted(folder.glob("[!.]*.parquet"))
            if not path.resolve().is_relative_to(home)
        ]
    return notes
