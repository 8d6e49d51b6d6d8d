"""The compiled kernels; everything else about the package stands in pyproject.toml.

PYHH_FAST_BUILD chooses how they are compiled:

    optimised  as shipped; what is built where nothing is said
    checked    index checks on, C asserts live
    sanitize   checked, and with the address and undefined-behaviour sanitizers (gcc, clang)
"""

import hashlib
import os
import shutil
import sys
import sysconfig
from pathlib import Path

SOURCES = ["setup.py", "src/*.pyx", "src/*.pxi", "src/*.pxd", "src/*.h"]

# Identical results everywhere: nothing is contracted to a fused multiply-add unless written.
# A switch over an enum that lacks a case is an error.
if sys.platform == "win32":
    LANGUAGE = ["/std:c11", "/fp:precise", "/we4062"]
    FLAVOURS = {"optimised": ["/O2"], "checked": ["/O2", "/UNDEBUG"]}
else:
    LANGUAGE = ["-std=c11", "-ffp-contract=off", "-Werror=switch"]
    FLAVOURS = {
        "optimised": ["-O3", "-fno-math-errno", "-DNDEBUG", "-g0"],
        "checked": ["-O1", "-g", "-UNDEBUG"],
        "sanitize": [
            # Python's own flags may hold -fwrapv, which would hide an overflow of an int.
            *["-O1", "-g", "-UNDEBUG", "-fno-omit-frame-pointer", "-fno-wrapv"],
            *["-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"],
        ],
    }

# Time loops are compiled once for each level of instruction set; _cpu.pyx knows which CPU has what.
# For Windows it cannot tell yet, and a universal binary of macOS is for two CPUs at once.
if not sysconfig.get_platform().endswith(("x86_64", "amd64")):
    LEVELS = {"base": []}
elif sys.platform == "win32":
    LEVELS = {"v2": []}
else:
    V3 = ["-mavx2", "-mfma"]
    LEVELS = {"v2": ["-msse4.2"], "v3": V3, "v4": [*V3, "-mavx512f", "-mavx512dq", "-mavx512vl"]}
NAMES = ("_cpu", "_equilibria", "_features", "_rate_tables", "_stimuli")
KERNELS = {name: [] for name in NAMES} | {
    f"_loops_{level}": flags for level, flags in LEVELS.items()
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


def build() -> None:
    """Hand the kernels to setuptools, whose build_ext has Cython translate them."""
    from setuptools import Extension, setup

    flavour = os.environ.get("PYHH_FAST_BUILD") or "optimised"
    if flavour not in FLAVOURS:
        raise SystemExit(f"PYHH_FAST_BUILD must be one of {list(FLAVOURS)}; got {flavour!r}.")
    flags = FLAVOURS[flavour]
    checks = flavour != "optimised"
    macros = [
        ("PYHH_FAST_SOURCES", f'"{source_digest(Path())}"'),
        ("PYHH_FAST_FLAVOUR", f'"{flavour}"'),
        ("PYHH_FAST_LEVELS", f'"{" ".join(LEVELS)}"'),
    ]
    options = {
        "build_ext": {
            "cython_c_in_temp": True,
            "cython_directives": {
                "language_level": 3,
                "boundscheck": checks,
                "wraparound": False,
                "initializedcheck": checks,
                "cdivision": True,
                "freethreading_compatible": True,
                "embedsignature": True,
            },
        }
    }
    if STABLE_ABI:
        macros.append(("Py_LIMITED_API", "0x030B0000"))
        options["bdist_wheel"] = {"py_limited_api": "cp311"}
    extensions = [
        Extension(
            f"pyhh_fast.{name}",
            [f"src/{name}.pyx"],
            include_dirs=["src"],
            define_macros=macros,
            extra_compile_args=LANGUAGE + flags + level_flags,
            extra_link_args=[flag for flag in flags if flag.startswith("-fsanitize")],
            py_limited_api=STABLE_ABI,
        )
        for name, level_flags in KERNELS.items()
    ]
    # The age of a file does not tell whether a flag has changed or a source is gone.
    shutil.rmtree("build", ignore_errors=True)
    setup(ext_modules=extensions, options=options)


if __name__ == "__main__":
    build()
