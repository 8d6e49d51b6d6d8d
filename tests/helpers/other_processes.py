"""What another process needs to import helpers and test modules."""

import os
from pathlib import Path

TESTS = Path(__file__).parents[1]
FOLDERS = sorted({str(path.parent) for path in TESTS.rglob("*.py")})
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(FOLDERS)}
