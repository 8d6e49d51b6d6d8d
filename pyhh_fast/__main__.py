"""``python -m pyhh_fast`` is ``pyhh-fast``."""

import sys

from pyhh_fast.cli.main import main

sys.exit(main())
