"""Where results are kept, as a user types it: a path or a URI."""

import os
import re
from pathlib import Path

from dalbt_ray.errors import InputError
from dalbt_ray.results.storage.local_disk import LocalStorage
from dalbt_ray.results.storage.protocol import Storage

URI = re.compile("[A-Za-z][A-Za-z0-9+.-]*://[^/]")


def open_storage(root: str | Path) -> Storage:
    """The storage of a path or a URI. Relative paths are resolved now, since workers run elsewhere."""
    text = str(root)
    if text.startswith("file://"):
        text = text.removeprefix("file://")
    if "://" in text:
        if not URI.match(text):
            raise InputError("results", text, "is no URI", remedy="as in s3://bucket/folder")
        from dalbt_ray.results.storage.object_store import RemoteStorage  # fsspec is slow to import

        return RemoteStorage(text.rstrip("/"))
    try:
        path = Path(text).expanduser().absolute()
        if b"\0" in os.fsencode(path):
            raise InputError("results", text, "is no path", remedy="name another folder")
    except RuntimeError:
        raise InputError("results", text, "names no user's home", remedy="write the path out") from None
    except UnicodeEncodeError:
        raise InputError("results", text, "is no path", remedy="name another folder") from None
    return LocalStorage(path)
