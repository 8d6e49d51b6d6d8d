"""Run a script written for pyHH, unchanged, on this package.

The script sees what `python SCRIPT ARGS...` would show it, but for three frames of this package at
the beginning of a traceback, and for other interpreters that it starts. Processes that
`multiprocessing` spawns find this package too, except under a fork server that preloads `__main__`.
"""

import builtins
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import SourceFileLoader
from types import ModuleType

# Kept alive: after an error the interpreter still uses this module, but no longer owns it.
_CONSOLE_SCRIPT = sys.modules["__main__"]


def run_script(script: str, arguments: Sequence[str]) -> int:
    """Run a Python script as the main program, with `import pyhh` redirected to this package.

    From here on the process is the script's: `sys.argv`, `sys.path` and the main module are
    replaced for good, and what the script raises is raised.

    Parameters
    ----------
    script : str
        Path of the source file, as typed.
    arguments : sequence of str
        What the script finds in `sys.argv[1:]`.

    Returns
    -------
    int
        Exit code of the process: 0, or 2 if the file cannot be read or is a notebook.
    """
    if script.lower().endswith(".ipynb"):  # its JSON may be valid Python, which does nothing
        print(
            f"pyhh-fast: script must be a Python file; got the notebook {script!r}. Make a script "
            f"of it first: jupyter nbconvert --to script {shlex.quote(script)}",
            file=sys.stderr,
        )
        return 2

    # The interpreter makes paths absolute without tidying them, and tracebacks show it. On
    # Windows it does tidy them, but follows no links to the script's folder.
    if sys.platform == "win32":
        path = real_path = os.path.abspath(script)
    else:
        path, real_path = os.path.join(os.getcwd(), script), os.path.realpath(script)

    try:
        with open(path, "rb") as file:
            source = file.read()  # bytes: compile() knows about encodings
    except OSError as error:
        reason = f"[Errno {error.errno}] {error.strerror}"
        print(f"pyhh-fast: can't open file {path!r}: {reason}", file=sys.stderr)
        return 2

    _redirect_pyhh()
    sys.argv = [script, *arguments]
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(real_path)
    main = _main_module(path)
    sys.modules["__main__"] = sys.modules["__mp_main__"] = main  # multiprocessing has two names
    exec(compile(source, path, "exec", dont_inherit=True), vars(main))
    return 0


def _main_module(path: str) -> ModuleType:
    """Make an empty main module, like the one the interpreter makes for a script."""
    main = ModuleType("__main__")
    main.__loader__ = SourceFileLoader("__main__", path)
    if sys.version_info < (3, 14):  # from then on they are computed when read
        main.__annotations__ = {}
    vars(main).update(__builtins__=builtins, __file__=path, __cached__=None)
    return main


def _redirect_pyhh() -> None:
    """Have every form of `import pyhh` find this package, in spawned processes as well."""
    from multiprocessing import spawn

    import pyhh_fast
    from pyhh_fast import models, simulations

    sys.modules["pyhh"] = pyhh_fast
    sys.modules["pyhh.models"] = models
    sys.modules["pyhh.simulations"] = simulations

    # A spawned process unpickles this before it imports the script again.
    get_preparation_data = spawn.get_preparation_data
    spawn.get_preparation_data = lambda name: {
        **get_preparation_data(name),
        "pyhh": _RedirectPyhh(),
    }


class _RedirectPyhh:
    """Calls `_redirect_pyhh` where it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return _redirect_pyhh, ()
