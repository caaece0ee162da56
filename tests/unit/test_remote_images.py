"""Stores that refuse everything end a command; what one URI lacks is that image's own trouble."""

from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import fsspec
import pytest
from fsspec import AbstractFileSystem

from dalbt_ray.data.bounds import IMAGE_FILE_BYTES
from dalbt_ray.data.decoding import BadImageError
from dalbt_ray.errors import InputError
from dalbt_ray.query.image_blocks import ImageBlocks
from dalbt_ray.query.looking import embed_unread
from dalbt_ray.query.pool_places import Place, open_pool
from dalbt_ray.query.reading import Reading
from dalbt_ray.query.remote_images import read_uri
from dalbt_ray.results.storage.local_disk import LocalStorage


class Locked(AbstractFileSystem):
    """A store whose library raises errors of its own, as botocore does without credentials."""

    protocol = "locked"

    def cat_file(self, path: str, *_: object, **__: object) -> bytes:
        """Never."""
        raise RuntimeError("unable to locate credentials")


def test_a_store_that_refuses_everything_ends_the_command(tmp_path: Path) -> None:
    """With what to check; no image is listed as unreadable."""
    fsspec.register_implementation("locked", Locked, clobber=True)
    (tmp_path / "list.txt").write_text("\n".join(f"locked://bucket/{place}.png" for place in range(20)))
    blocks = ImageBlocks(LocalStorage(tmp_path / "state"), "key")
    model = SimpleNamespace(model="none", preprocessing=SimpleNamespace(side=8), build=lambda: None)
    with pytest.raises(InputError, match=r"unable to locate credentials\); check address"):
        embed_unread(open_pool(str(tmp_path / "list.txt")), blocks, model, print)
    assert blocks.files() == []


def test_what_is_missing_is_an_ordinary_error() -> None:
    """As on a disk, so that the image is listed and the command goes on."""
    fsspec.filesystem("memory").pipe_file("/photos/there.png", b"bytes")
    assert read_uri("memory://photos/there.png") == b"bytes"
    with pytest.raises(FileNotFoundError):
        read_uri("memory://photos/missing.png")


class Site(BaseHTTPRequestHandler):
    """Answers with the status that the path names; `/endless` never ends."""

    def do_GET(self) -> None:
        """As the path says."""
        name = self.path.strip("/")
        self.send_response(int(name) if name.isdecimal() else 200)
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(b"bytes")
            while name == "endless":
                self.wfile.write(bytes(2**20))

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def site() -> Iterator[str]:
    """The address of a web server on loopback."""
    pytest.importorskip("aiohttp", reason="needs the extra s3")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("403", "HTTP 403 Forbidden"),
        ("401", "HTTP 401 Unauthorized"),
        ("410", "HTTP 410 Gone"),
        ("499", "HTTP 499"),
        ("404", "FileNotFoundError"),
    ],
)
def test_what_one_site_refuses_is_one_bad_image(path: str, why: str, site: str, tmp_path: Path) -> None:
    """With the server's answer as the reason; the other images of the list are read."""
    (tmp_path / "list.txt").write_text(f"{site}/a.png\n{site}/{path}\n")
    pool = open_pool(str(tmp_path / "list.txt"))
    reading = Reading(pool, SimpleNamespace(preprocessing=SimpleNamespace(side=8)), frozenset())  # type: ignore[arg-type]
    assert reading.opened(Place(f"{site}/{path}", 0, 0)).problem == f"cannot be read ({why})"
    assert pool.read(f"{site}/a.png") == b"bytes"


@pytest.mark.parametrize("uri", ["http://", "http://[/a.png", "http://127.0.0.1:99999/a.png"])
def test_an_address_that_is_none_is_one_bad_image(uri: str) -> None:
    """Not the end of the command."""
    pytest.importorskip("aiohttp", reason="needs the extra s3")
    with pytest.raises(OSError, match=r"\w"):
        read_uri(uri)


def test_of_what_never_ends_no_more_is_taken_than_an_image_has(site: str) -> None:
    """A server that sends for ever, whatever range it was asked for."""
    with pytest.raises(BadImageError, match=f"more bytes than the {IMAGE_FILE_BYTES:,}"):
        read_uri(f"{site}/endless")
