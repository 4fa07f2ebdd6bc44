"""`python -m outlast` is `outlast`."""

import sys

from outlast.cli.entry import main

sys.exit(main())
