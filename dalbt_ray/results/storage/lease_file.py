"""The lease on a file system: `filelock`'s soft lease, which works on NFS too."""

from datetime import UTC, datetime

from filelock import SoftFileLease, Timeout

from dalbt_ray.results.storage.lease import Lease, Patience
from dalbt_ray.results.storage.local_disk import LocalStorage
from dalbt_ray.results.storage.sealed import DamagedError, NewerFormatError, seal, unseal

LOCK = "lease.lock"
CARD = "lease.json"


class FileClaim:
    """A claim by `lease.lock`. A dead owner on this host is replaced at once; `lease.json` says since when it held."""

    def __init__(self, storage: LocalStorage, patience: Patience, lease: Lease) -> None:
        self._storage = storage
        self._path = storage.root / LOCK
        self._lock = SoftFileLease(
            self._path,
            lease_duration=patience.expiry,
            heartbeat_interval=patience.heartbeat,
            on_compromise=lambda _: lease.lose(),
            thread_local=False,
        )

    def attempt(self) -> bool:
        """See `Claim`."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        since = datetime.now(UTC).isoformat(timespec="seconds")
        self._storage.write(CARD, seal("lease", {"token": self._lock.token, "since_utc": since}))
        return True

    def signs(self) -> object:
        """See `Claim`."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_ino

    def owner(self) -> str:
        """See `Claim`."""
        owner = self._lock.owner
        if owner is None:
            return "one that is just starting or leaving"
        try:
            card = unseal("lease", self._storage.read(CARD))
        except (FileNotFoundError, DamagedError, NewerFormatError):
            card = {}
        since = card["since_utc"] if card.get("token") == owner.token else "a moment ago"
        return f"host {owner.hostname}, pid {owner.pid}, since {since}"

    def release(self) -> None:
        """See `Claim`."""
        if self._lock.is_lock_held_by_us:
            self._storage.delete(CARD)
        self._lock.release()
