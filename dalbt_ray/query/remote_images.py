"""Images that a list names by URI, `s3://bucket/a.jpg`: read by fsspec, with patience while the store is away."""

from collections.abc import Iterable

from dalbt_ray.errors import InputError
from dalbt_ray.results.storage.outages import is_outage, patiently

GO_ON = "check address, network and credentials; what is embedded is kept, the same command goes on"


def is_uri(path: str) -> bool:
    """Whether a path of a pool is a URI."""
    return "://" in path


def check_kinds(uris: Iterable[str]) -> None:
    """Refuse URIs that nothing here can read, before the first image is.

    Raises:
        InputError: with the package that is missing.
    """
    import fsspec

    for kind in sorted({uri.partition("://")[0] for uri in uris}):
        try:
            fsspec.get_filesystem_class(kind)
        except (ImportError, ValueError) as error:
            remedy = "pip install 'dalbt-ray[s3]' for s3://"
            raise InputError("POOL", f"{kind}://", f"cannot be read ({error})", remedy=remedy) from None


def read_uri(uri: str) -> bytes:
    """What lies at `uri`.

    Raises:
        OSError: nothing is there, or it is closed to this user.
        InputError: the store gives no answer, or wants other credentials: so would all that follow.
    """
    import fsspec

    def fetch() -> bytes:
        store, path = fsspec.core.url_to_fs(uri)
        return bytes(store.cat_file(path))

    try:
        return patiently(fetch, uri)
    except Exception as error:  # a store's own library raises what it likes
        if isinstance(error, OSError) and not is_outage(error):
            raise
        raise InputError("POOL", uri, f"cannot be read ({error})", remedy=GO_ON) from error
