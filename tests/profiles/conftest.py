"""Settings of these tests."""

from __future__ import annotations

import hypothesis

# A shared machine stalls for longer than hypothesis' 200 ms; slowness is measured elsewhere.
hypothesis.settings.register_profile("no_deadline", deadline=None)
hypothesis.settings.load_profile("no_deadline")
