"""`python -m linkbalancer` is the command `linkbalancer`."""

import sys

from linkbalancer.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
