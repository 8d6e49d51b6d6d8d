"""What another process needs to import test modules and helpers, as pytest lets this one do."""

import os
import sys
from pathlib import Path

TESTS = str(Path(__file__).parents[1])
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path.startswith(TESTS))
}
