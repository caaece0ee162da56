"""Open a page of ours in headless Chromium and ask it something."""

import json
import re
import shutil
import subprocess
import tempfile
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path; .ci/run installs it")

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--window-size=1400,1000", "--enable-logging=stderr", "--dump-dom",
)  # fmt: skip


def asked_page(page: Path, script: str, width: int) -> dict[str, Any]:
    """What `script` put into `result` after `page` loaded; an error, or anything on the console, fails the test.

    A frame sets the width, in pixels, since the browser's window has a smallest one.
    """
    hook = (
        "<script>const result = {}; window.addEventListener('error', e => { result.error = e.message; });"
        f"window.addEventListener('load', () => {{ {script};"
        "parent.document.body.dataset.result = JSON.stringify(result); });</script></body>"
    )
    framed = escape(page.read_text().replace("</body>", hook))
    outer = page.with_name(f"browser_{width}.html")
    outer.write_text(
        f'<!DOCTYPE html><body><iframe srcdoc="{framed}" width="{width}" height="900"></iframe></body>'
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [str(CHROMIUM), *_FLAGS, f"--user-data-dir={profile}", outer.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<body data-result="([^"]*)"', done.stdout)
    assert found, done.stderr
    result: dict[str, Any] = json.loads(unescape(found.group(1)))
    assert "error" not in result, result["error"]
    assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return result
