"""What the machine must not change: how wide and coloured the output is, what a busy one fails."""

import os

from hypothesis import settings

# At import, so that processes that the tests start inherit it.
for name in ("FORCE_COLOR", "COLUMNS", "LINES"):
    os.environ.pop(name, None)
os.environ["TERM"] = "xterm"

# No test judges a time, as Hypothesis would.
settings.register_profile("untimed", parent=settings(), deadline=None)
settings.load_profile("untimed")
