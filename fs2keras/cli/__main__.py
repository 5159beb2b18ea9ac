"""`python -m fs2keras.cli`: the same as the command."""

import sys

from fs2keras.cli import main

if __name__ == "__main__":
    sys.exit(main())
