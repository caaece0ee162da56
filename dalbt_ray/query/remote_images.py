"""Images that a list names by URI, `s3://bucket/a.jpg`: read by fsspec, with patience while the store is away."""

import errno
from collections.abc import Iterable
from http.client import responses
from typing import Any

from dalbt_ray.data.bounds import IMAGE_FILE_BYTES, refuse_large_image
from dalbt_ray.errors import InputError
from dalbt_ray.results.storage.outages import http_status, is_outage, patiently

_ENOUGH = IMAGE_FILE_BYTES + 1
"""Bytes that are asked for; one more than an image may have tells that it is none."""

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
        OSError: nothing is there, or it is closed to this user. Of http, any answer that is no image's: there, every
            URI may be a site of its own.
        BadImageError: it is too large to be an image.
        InputError: the store gives no answer, or wants other credentials: so would all that follow.
    """
    import fsspec

    def fetch() -> bytes:
        store, path = fsspec.core.url_to_fs(uri)
        return _streamed(store, path) if _is_http(uri) else bytes(store.cat_file(path, start=0, end=_ENOUGH))

    try:
        data = patiently(fetch, uri)
    except Exception as error:  # a store's own library raises what it likes
        if isinstance(error, OSError) and not is_outage(error):
            raise
        if _is_http(uri) and not is_outage(error):
            raise OSError(errno.EACCES, _answer(error), uri) from error
        raise InputError("POOL", uri, f"cannot be read ({error})", remedy=GO_ON) from error
    refuse_large_image(len(data))
    return data


def _is_http(uri: str) -> bool:
    return uri.startswith(("http://", "https://"))


def _streamed(store: Any, path: str) -> bytes:
    """A server may ignore the range that it is asked for, and send for ever: no more is taken than an image has."""
    data = bytearray()
    with store.open(
        path, block_size=0, size=1
    ) as stream:  # sizes that say: one request, nothing asked before it
        while len(data) < _ENOUGH and (part := stream.read(2**20)):
            data += part
    return bytes(data[:_ENOUGH])


def _answer(error: Exception) -> str:
    """What the server said, or what else is wrong with the URI."""
    status = http_status(error)
    if status is None:
        return " ".join(f"{type(error).__name__} {error}".split())[:100]
    return f"HTTP {status} {responses.get(status, '')}".strip()
