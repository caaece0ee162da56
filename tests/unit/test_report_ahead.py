"""The report's libraries, imported while the last trial runs."""

import subprocess
import sys

_TOLD = """
import sys
from threading import enumerate as threads
from dalbt_ray.launch.report_ahead import ReportAhead
told = []
ahead = ReportAhead(3, lambda *what: told.append(what))
for what in (("a", 0), ("a", None), ("b", 0)):
    ahead(*what)
assert "matplotlib" not in sys.modules
ahead("b", None)
for thread in threads():
    if thread.name == "report ahead":
        thread.join()
assert "dalbt_ray.report.build" in sys.modules and "matplotlib.backends.backend_pdf" in sys.modules
ahead("c", None)
assert told == [("a", 0), ("a", None), ("b", 0), ("b", None), ("c", None)]
"""


def test_they_are_imported_when_one_trial_is_left() -> None:
    """Not before: every trial's time is its own. And all that is told goes on."""
    subprocess.run([sys.executable, "-c", _TOLD], check=True)
