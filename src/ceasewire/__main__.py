"""`python -m ceasewire`."""

import sys

from ceasewire.cli import main

sys.exit(main())
