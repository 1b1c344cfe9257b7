"""User without a name, whom the password file does not know (``docker run --user 12345``): called by number.

torch asks for the user's name, to name a folder by it, when it is first trained with or torchvision is imported.
"""

import getpass
import os

try:
    getpass.getuser()
except (KeyError, OSError):  # no such entry; OSError since Python 3.13
    os.environ["LOGNAME"] = str(os.getuid())  # processes started from here have it, too
