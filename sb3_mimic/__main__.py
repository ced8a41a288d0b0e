"""``python -m sb3_mimic`` is the command ``sb3-mimic``."""

import sys

from sb3_mimic.cli import main

if __name__ == "__main__":
    sys.exit(main())
