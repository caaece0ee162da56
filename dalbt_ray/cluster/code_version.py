"""Which code a process runs, so that a worker with other code than its driver is refused instead of trusted.

A cluster's nodes get the package by file mounts (`cluster.yaml`) or by `runtime_env`; Ray brings only some
of them up to date in some cases (ray-project/ray issues 6693, 10216 and 47916).
"""

from hashlib import sha256
from pathlib import Path

import dalbt_ray


def code_hash(package: Path = Path(dalbt_ray.__file__).parent) -> str:
    """SHA-256 over the relative paths and contents of every `.py` file below `package`.

    Args:
        package: a folder; the installed `dalbt_ray` by default.

    Returns:
        64 hex digits, the same wherever the folder lies and in whatever order the files are listed.
    """
    digest = sha256()
    sources = {path.relative_to(package).as_posix(): path for path in package.rglob("*.py")}
    for name, path in sorted(sources.items()):
        content = path.read_bytes()
        # Names and lengths delimit the contents: text that moves from one file to the next changes the hash.
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
