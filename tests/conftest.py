"""What holds for every test: a busy machine is no counterexample."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Read when a test is defined, so it has to be known before the first module is imported. No time limit for a single example, and
# none for drawing them: a shared machine stalls for longer than hypothesis' 200 ms; slowness is measured elsewhere.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
