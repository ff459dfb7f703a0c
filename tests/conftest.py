"""What the machine's own settings must not change: how wide and how coloured the output is."""

import os

# At import, so that processes that the tests start inherit it.
for name in ("FORCE_COLOR", "COLUMNS", "LINES"):
    os.environ.pop(name, None)
os.environ["TERM"] = "xterm"
