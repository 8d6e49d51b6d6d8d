"""The compiled kernels; everything else about the package stands in pyproject.toml.

PYHH_FAST_BUILD chooses how they are compiled:

    (unset)    optimised, as shipped
    checked    index checks on, C asserts live
    sanitize   checked, and with the address and undefined-behaviour sanitizers
"""

import hashlib
import os
import sys
import sysconfig
from pathlib import Path

KERNELS = ["_cpu", "_euler", "_rates"]
SOURCES = ["*.pyx", "*.pxd", "*.h"]

FLAVOURS = {
    "": ["-O3", "-fno-math-errno", "-DNDEBUG"],
    "checked": ["-O1", "-g", "-UNDEBUG"],
    "sanitize": [
        *["-O1", "-g", "-UNDEBUG", "-fno-omit-frame-pointer"],
        *["-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"],
    ],
}


def source_digest(folder: Path) -> str:
    """Return a digest of all compiled sources; the kernels carry it, the tests compare it."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in SOURCES for path in folder.glob(pattern)):
        digest.update(path.name.encode() + path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def extensions():
    from Cython.Build import cythonize
    from setuptools import Extension

    src = Path("src")
    flavour = os.environ.get("PYHH_FAST_BUILD", "")
    if flavour not in FLAVOURS:
        raise SystemExit(f"PYHH_FAST_BUILD must be one of {list(FLAVOURS)}; got {flavour!r}.")
    # Identical results everywhere: nothing is contracted to a fused multiply-add unless written.
    flags = [*FLAVOURS[flavour], "-std=c11", "-ffp-contract=off"]
    links = [flag for flag in FLAVOURS[flavour] if flag.startswith("-fsanitize")]
    if sys.platform == "win32":
        flags, links = ["/O2", "/std:c11", "/fp:precise"], []
    macros = [("PYHH_FAST_SOURCES", f'"{source_digest(src)}"')]
    if STABLE_ABI:
        macros.append(("Py_LIMITED_API", "0x030B0000"))
    modules = [
        Extension(
            f"pyhh_fast.{name}",
            [str(src / f"{name}.pyx")],
            include_dirs=[str(src)],
            depends=[str(path) for pattern in SOURCES for path in src.glob(pattern)],
            define_macros=macros,
            extra_compile_args=flags,
            extra_link_args=links,
            py_limited_api=STABLE_ABI,
        )
        for name in KERNELS
    ]
    checks = flavour != ""
    directives = {
        "language_level": 3,
        "boundscheck": checks,
        "wraparound": False,
        "initializedcheck": checks,
        "cdivision": True,
        "freethreading_compatible": True,
        "embedsignature": True,
    }
    return cythonize(
        modules,
        build_dir=f"build/cython-{flavour or 'optimised'}",
        include_path=[str(src)],
        compiler_directives=directives,
    )


# One binary serves every CPython from 3.11 on; free-threaded builds have no stable ABI yet.
STABLE_ABI = sys.implementation.name == "cpython" and not sysconfig.get_config_var(
    "Py_GIL_DISABLED"
)

if __name__ == "__main__":
    from setuptools import setup

    setup(
        ext_modules=extensions(),
        options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE_ABI else {},
    )
