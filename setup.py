"""The compiled kernels; everything else about the package stands in pyproject.toml.

PYHH_FAST_BUILD chooses how they are compiled:

    optimised  as shipped; what is built where nothing is said
    checked    index checks on, C asserts live
    sanitize   checked, and with the address and undefined-behaviour sanitizers (gcc, clang)
"""

import hashlib
import os
import sys
import sysconfig
from pathlib import Path

KERNELS = ["_cpu", "_euler", "_rates"]
SOURCES = ["setup.py", "src/*.pyx", "src/*.pxd", "src/*.h"]

# Identical results everywhere: nothing is contracted to a fused multiply-add unless written.
if sys.platform == "win32":
    LANGUAGE = ["/std:c11", "/fp:precise"]
    FLAVOURS = {"optimised": ["/O2"], "checked": ["/O2", "/UNDEBUG"]}
else:
    LANGUAGE = ["-std=c11", "-ffp-contract=off"]
    FLAVOURS = {
        "optimised": ["-O3", "-fno-math-errno", "-DNDEBUG"],
        "checked": ["-O1", "-g", "-UNDEBUG"],
        "sanitize": [
            *["-O1", "-g", "-UNDEBUG", "-fno-omit-frame-pointer"],
            *["-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"],
        ],
    }

# One binary serves every CPython from 3.11 on; free-threaded builds have no stable ABI yet.
STABLE_ABI = sys.implementation.name == "cpython" and not sysconfig.get_config_var(
    "Py_GIL_DISABLED"
)


def source_digest(root: Path) -> str:
    """Return a digest of all that is compiled; the kernels carry it, the tests compare it."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in SOURCES for path in root.glob(pattern)):
        digest.update(path.name.encode() + path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def chosen_flavour() -> str:
    """Return the flavour that PYHH_FAST_BUILD asks for."""
    name = os.environ.get("PYHH_FAST_BUILD") or "optimised"
    if name not in FLAVOURS:
        raise SystemExit(f"PYHH_FAST_BUILD must be one of {list(FLAVOURS)}; got {name!r}.")
    return name


def extensions(flavour: str, build_base: str):
    """Return the kernels, translated to C and ready to be compiled."""
    from Cython.Build import cythonize
    from setuptools import Extension

    macros = [
        ("PYHH_FAST_SOURCES", f'"{source_digest(Path())}"'),
        ("PYHH_FAST_FLAVOUR", f'"{flavour}"'),
    ]
    if STABLE_ABI:
        macros.append(("Py_LIMITED_API", "0x030B0000"))
    modules = [
        Extension(
            f"pyhh_fast.{name}",
            [f"src/{name}.pyx"],
            include_dirs=["src"],
            define_macros=macros,
            extra_compile_args=[*LANGUAGE, *FLAVOURS[flavour]],
            extra_link_args=[flag for flag in FLAVOURS[flavour] if flag.startswith("-fsanitize")],
            py_limited_api=STABLE_ABI,
        )
        for name in KERNELS
    ]
    checks = flavour != "optimised"
    return cythonize(
        modules,
        build_dir=build_base,
        force=True,
        include_path=["src"],
        compiler_directives={
            "language_level": 3,
            "boundscheck": checks,
            "wraparound": False,
            "initializedcheck": checks,
            "cdivision": True,
            "freethreading_compatible": True,
            "embedsignature": True,
        },
    )


if __name__ == "__main__":
    from setuptools import setup

    # Ages of files do not tell whether flags or flavour have changed: all is always built anew.
    flavour = chosen_flavour()
    options = {"build": {"build_base": f"build/{flavour}", "force": True}}
    if STABLE_ABI:
        options["bdist_wheel"] = {"py_limited_api": "cp311"}
    setup(ext_modules=extensions(flavour, options["build"]["build_base"]), options=options)
