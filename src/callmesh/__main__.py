"""`python -m callmesh`."""

import sys

from callmesh.cli import main

sys.exit(main())
