#!/usr/bin/env python3
"""Write the stubs (those of the API, and Gazebo's messages) from protos/, or, with --check, tell whether they are current."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
# The package of each kind of protos, and what is written for it.
PACKAGES = {
    Path("robot_fleet/api/v1"): ("python", "pyi", "grpc_python"),
    Path("robot_fleet/sim/gazebo/v1"): ("python", "pyi"),
}
INIT = '"""Generated from protos/{} by `make stubs`; not written by hand."""\n'


def generate(package: Path, kinds: tuple[str, ...], into: Path) -> dict[str, bytes]:
    """Run protoc on every proto of a package; return the stubs by file name."""
    from grpc_tools import protoc

    sources = sorted(str(path.relative_to(PROTOS)) for path in (PROTOS / package).glob("*.proto"))
    arguments = ["protoc", f"--proto_path={PROTOS}", f"--proto_path={files('grpc_tools') / '_proto'}"]
    with contextlib.suppress(ModuleNotFoundError):
        import google.rpc

        arguments += [f"--proto_path={Path(folder).parent.parent}" for folder in google.rpc.__path__]
    arguments += [f"--{kind}_out={into}" for kind in kinds]
    if protoc.main([*arguments, *sources]) != 0:
        sys.exit("protos: protoc refused the protos (see above); nothing was written")
    stubs = {path.name: path.read_bytes() for path in (into / package).iterdir() if path.is_file()}
    stubs["__init__.py"] = INIT.format(package).encode()
    return stubs


def main() -> int:
    """Write or check; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 where the stubs are not current")
    check = parser.parse_args().check
    return max(renew(package, kinds, check) for package, kinds in PACKAGES.items())


def renew(package: Path, kinds: tuple[str, ...], check: bool) -> int:
    """Write or check the stubs of one package; return the exit code."""
    if not any((PROTOS / package).glob("*.proto")):
        print(f"protos: there is no proto of {package} here yet, so there are no stubs")
        return 0
    target = ROOT / package
    with tempfile.TemporaryDirectory() as folder:
        wanted = generate(package, kinds, Path(folder))
    present = {path.name: path.read_bytes() for path in target.glob("*.py*") if path.is_file()}
    differing = sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))
    if check:
        if differing:
            print(f"protos: not current in {package}: {', '.join(differing)}", file=sys.stderr)
            print("        Run `make stubs` and commit what it writes.", file=sys.stderr)
            return 1
        print(f"protos: {len(wanted)} stub files of {package} are current")
        return 0
    target.mkdir(parents=True, exist_ok=True)
    for name in differing:
        if name in wanted:
            (target / name).write_bytes(wanted[name])
        else:
            (target / name).unlink()
    print(f"protos: {len(wanted)} stub files of {package}, {len(differing)} changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
