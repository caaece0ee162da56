"""JSON files that know whether they are whole: the last entry is the SHA-256 of everything before it.

Every JSON file of a results folder has this form: the manifests, the committed rounds, `sweep.json`. It stays plain
JSON for people and other programs, and a flipped bit anywhere in it is found.
"""

import json
import re
from hashlib import sha256
from typing import Any

from dalbt_ray.results.storage.json_bounds import DESCRIPTION_BYTES, PARSED_BYTES, refuse_json_bomb

VERSION = 1
"""Version of the results format: raised only when older programs must not read it. Readers refuse a higher one."""

_DESCRIPTIONS = ("trial", "running", "error", "index", "results")
"""Kinds of files that hold no list of images or trials."""

_SEAL = re.compile(rb',\n"sha256": "([0-9a-f]{64})"\n\}\n\Z')
_SEAL_LENGTH = len(',\n"sha256": ""\n}\n') + 64


class DamagedError(ValueError):
    """A file that is torn, altered or not ours; the message says which of these."""


class NewerFormatError(ValueError):
    """A file whose bytes are those that were written, but that this version cannot use: it stays where it is."""


def seal(kind: str, content: dict[str, Any]) -> bytes:
    """The bytes of a file that holds `content`.

    Args:
        kind: what the file is; `unseal` asks for it again.
        content: JSON values. Equal content gives equal bytes.

    Raises:
        ValueError: a NaN or an infinity, with the field it is in.
    """
    document = {"format": f"dalbt-{kind}", "version": VERSION, **content}
    try:
        entries = [f"{json.dumps(key)}: {_encode(value)}" for key, value in document.items()]
    except ValueError as error:
        raise ValueError(f"{kind}: {_not_finite(content) or error}") from error
    body = ("{\n" + ",\n".join(entries)).encode()
    return body + f',\n"sha256": "{sha256(body).hexdigest()}"\n}}\n'.encode()


def unseal(kind: str, data: bytes) -> dict[str, Any]:
    """The content of a sealed file.

    Raises:
        DamagedError: the bytes are not those that were sealed, or are of another kind.
        NewerFormatError: they are, by a newer version of the format, or take more memory than any file of this one.
    """
    seal_found = _SEAL.search(data, max(0, len(data) - _SEAL_LENGTH))
    if seal_found is None:
        raise DamagedError("is torn or not a file of this format" if data else "is empty")
    end = seal_found.start()
    if sha256(memoryview(data)[:end]).hexdigest().encode() != seal_found[1]:
        raise DamagedError("was altered: its SHA-256 differs from the recorded one")
    try:
        refuse_json_bomb(data, DESCRIPTION_BYTES if kind in _DESCRIPTIONS else PARSED_BYTES)
    except ValueError as error:
        raise NewerFormatError(str(error)) from None
    try:
        content = json.loads(data[:end] + b"}")
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"is not JSON: {error}") from error
    if content.pop("format", None) != f"dalbt-{kind}":
        raise DamagedError(f"is not a {kind} file")
    version = content.pop("version", None)
    if version != VERSION:
        raise NewerFormatError(f"has version {version!r} of the format; this program knows version {VERSION}")
    return dict(content)


def _encode(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(", ", ": "), allow_nan=False)


def _not_finite(value: object, path: str = "") -> str:
    """Where the first NaN or infinity is, as text; empty if there is none."""
    if isinstance(value, float) and not _is_finite(value):
        return f"{path.lstrip('.')} is {value}; record null and say why in `status` or `note`"
    children: list[tuple[str, object]] = []
    if isinstance(value, dict):
        children = [(f".{key}", child) for key, child in value.items()]
    elif isinstance(value, list | tuple):
        children = [(f"[{index}]", child) for index, child in enumerate(value)]
    return next((found for key, child in children if (found := _not_finite(child, path + key))), "")


def _is_finite(value: float) -> bool:
    return value - value == 0
