"""Found by the Pythons that tests start: syncing guards against dead machines, not dead processes.

On a slow disk it would take most of the tests' time.
"""

import os

os.fsync = lambda _descriptor: None
