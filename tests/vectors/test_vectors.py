"""The committed vectors are what their script writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_vectors_are_what_the_script_writes() -> None:
    """A vector edited by hand would bend both implementations to one mistake."""
    script = Path(__file__).parent / "make_vectors.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
