"""Python code in another process, and what it needs to import helpers and test modules."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
FOLDERS = sorted({str(path.parent) for path in TESTS.rglob("*.py")})
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(FOLDERS)}


def python(code, *arguments, options=("-W", "error"), folder=sys.prefix, **environment):
    """Run code in a fresh interpreter, outside the source tree; return stdout and stderr."""
    done = subprocess.run(
        [sys.executable, *options, "-c", code, *map(str, arguments)],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr
