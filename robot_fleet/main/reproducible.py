"""Numbers that are the same on every machine of a kind: a night that is told by its seed can be passed again elsewhere.

numpy, OpenBLAS and OpenCV choose their loops by the processor, which differ in the last digit: soon a night is another one.
"""

from __future__ import annotations

import os
from pathlib import Path

# What numpy has loops for beyond AVX2, which every server of the last ten years has.
_BEYOND = ("AVX512F", "AVX512CD", "AVX512_SKX", "AVX512_CLX", "AVX512_CNL", "AVX512_ICL")
_CPUINFO = Path("/proc/cpuinfo")


def reproducible_numbers(cpuinfo: Path = _CPUINFO) -> dict[str, str]:
    """Holds this process and its children to what processors with AVX2 have in common; to be called before numpy is loaded.

    Returns what it has set. Elsewhere, on ARM say, it sets nothing: there numbers are the same on machines of one kind.
    """
    try:
        features = set(cpuinfo.read_text().split())
    except OSError:
        return {}
    wanted = {}
    if {"avx2", "fma"} <= features:
        wanted["OPENBLAS_CORETYPE"] = "Haswell"
    if "avx2" in features:
        # Intel's loops in OpenCV go by the number of processors, too. That they are not used is no reason for a warning.
        wanted |= {"OPENCV_IPP": "disabled", "OPENCV_LOG_LEVEL": "ERROR"}
    if "avx512f" in features:
        wanted["NPY_DISABLE_CPU_FEATURES"] = " ".join(_BEYOND)
    chosen = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(chosen)
    return chosen
