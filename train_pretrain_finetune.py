"""PiDog from a gait to a fine-tuned policy: ``sb3-mimic train --env pidog`` with the same flags."""

import sys

from sb3_mimic.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", "--env", "pidog", *sys.argv[1:]]))
