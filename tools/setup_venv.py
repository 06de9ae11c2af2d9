#!/usr/bin/env python3
"""Make .venv: pinned requirements, ROS 2 Jazzy, the interface packages, and this project itself (editable).

Run by `make setup`, with the Python that .venv shall have. Each step is skipped while what it is made from has not
changed, so a second run takes a fraction of a second. Only the standard library is used here, and only syntax that old
Pythons can read, so that the answer to a wrong Python is a sentence and no SyntaxError.
"""

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time

OLDEST, NEWEST = (3, 10), (3, 13)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
STAMPS = os.path.join(VENV, "stamps")
LOG = os.path.join(VENV, "setup.log")
INTERFACES = ("tf2_msgs", "nav2_msgs")


def fail(problem, *remedies):
    """Say what is wrong and what to do, and end."""
    sys.stderr.write("setup: " + problem + "\n")
    for remedy in remedies:
        sys.stderr.write("       " + remedy + "\n")
    sys.exit(1)


def say(text):
    """Write one progress line."""
    sys.stdout.write("setup: " + text + "\n")
    sys.stdout.flush()


def clean_environment():
    """Return this process's environment without another Python's paths and without what ROS wheels leave behind."""
    drop = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "_ROS_WHEELS_BOOTSTRAP_COMPLETE", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in drop}
    kept["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    return kept


def digest(*paths):
    """Return one hash over files and folders (names and content) and over the Python in use."""
    total = hashlib.sha256(sys.version.encode())
    for path in paths:
        full = os.path.join(ROOT, path)
        files = [full]
        if os.path.isdir(full):
            files = sorted(os.path.join(folder, name) for folder, _, names in os.walk(full) for name in names)
        for name in files:
            total.update(os.path.relpath(name, ROOT).encode())
            with open(name, "rb") as content:
                total.update(content.read())
    return total.hexdigest()


class Step:
    """One part of the set-up, with the mark it leaves once it is done."""

    def __init__(self, name, state):
        self.path = os.path.join(STAMPS, name)
        self.state = state

    def current(self):
        """Tell whether this step was done with exactly this content."""
        try:
            with open(self.path) as stamp:
                return stamp.read() == self.state
        except OSError:
            return False

    def done(self):
        """Leave the mark."""
        os.makedirs(STAMPS, exist_ok=True)
        with open(self.path, "w") as stamp:
            stamp.write(self.state)

    def undo(self):
        """Take the mark away, before the step is begun."""
        with contextlib.suppress(OSError):
            os.remove(self.path)


def run(what, about, command, environment=None, attempts=1):
    """Run a command with its output in the log; one line before, one after; on failure the log's tail."""
    say("%s (about %s)" % (what, about))
    started = time.time()
    for attempt in range(attempts):
        with open(LOG, "ab") as log:
            log.write(("\n== %s\n== %s\n" % (what, " ".join(command))).encode())
            log.flush()
            begin = log.tell()
            child = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment or clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            code = watch(child, started)
        if code == 0:
            say("  done in %.0f s" % (time.time() - started))
            return
        if attempt + 1 < attempts:
            say("  failed, once more")
            time.sleep(3)
    with open(LOG, "rb") as log:
        log.seek(begin)
        tail = log.read().decode(errors="replace").splitlines()[-25:]
    sys.stderr.write("".join("    | %s\n" % line for line in tail))
    fail("this failed: %s" % what, "The whole log is in %s" % LOG, "When the cause is gone, run make setup again.")


def answers(python):
    """Tell whether a Python can be started; the name alone is no proof."""
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.call([python, "-c", ""], **quiet) == 0


def watch(child, started):
    """Wait for a process; now and then say that it is still at work, and on what."""
    while True:
        try:
            return child.wait(timeout=30)
        except subprocess.TimeoutExpired:
            with open(LOG, "rb") as log:
                lines = log.read().decode(errors="replace").splitlines()
            lines = [line.strip() for line in lines if line.strip() and not line.startswith(("WARNING", "=="))]
            doing = lines[-1] if lines else "begun"
            say("  %.0f s: %s" % (time.time() - started, doing if len(doing) <= 80 else doing[:79] + "…"))
        except BaseException:
            child.terminate()
            child.wait()
            raise


def check_python():
    """Refuse a Python that nothing here was built for."""
    version = sys.version_info[:2]
    found = "%d.%d (%s)" % (version[0], version[1], sys.executable)
    if OLDEST <= version <= NEWEST:
        return
    others = [shutil.which("python3.%d" % minor) for minor in (12, 11, 13, 10)]
    others = [path for path in others if path and answers(path)]
    remedy = "Install one, for example with: sudo apt install python3.12 python3.12-venv python3.12-dev"
    if others:
        remedy = "There is one here: make PYTHON=%s setup" % others[0]
    fail("robot_fleet needs Python 3.10 to 3.13; python3 is %s." % found, remedy)


def importable(*names):
    """Return those of the modules that the chosen Python can import, in the environment as it is."""
    found = []
    for name in names:
        code = subprocess.call(
            [sys.executable, "-c", "import " + name],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if code == 0:
            found.append(name)
    return found


def find_ros():
    """Return "wheels" or the name of the ROS distribution that is installed on this system."""
    distribution = os.environ.get("ROS_DISTRO", "")
    if distribution and importable("rclpy"):
        needed = ["nav2_msgs.action", "tf2_msgs.msg"]
        missing = [name.split(".")[0] for name in needed if name not in importable(*needed)]
        if missing:
            packages = " ".join("ros-%s-%s" % (distribution, name.replace("_", "-")) for name in missing)
            fail(
                "ROS 2 %s is here, but %s is not." % (distribution, " and ".join(missing)),
                "sudo apt install " + packages,
            )
        return distribution
    if sys.platform == "linux" and platform.machine() == "x86_64" and sys.implementation.name == "cpython":
        if platform.libc_ver()[0] != "glibc":
            fail("The ROS 2 wheels need glibc (2.28 or newer).", "Use Debian, Ubuntu, Fedora or another glibc system.")
        return "wheels"
    remedies = ["Install ROS 2 Jazzy for this system, then: source /opt/ros/jazzy/setup.bash && make setup"]
    if distribution:
        remedies = ["ROS_DISTRO is %s, but %s cannot import rclpy." % (distribution, sys.executable)]
        remedies.append("Give the Python that ROS was built for: make PYTHON=/usr/bin/python3 setup")
    fail(
        "There are no ROS 2 wheels for %s on %s, only for Linux on x86-64." % (platform.machine(), sys.platform),
        *remedies,
    )
    return ""


def check_tools(ros):
    """Refuse to begin where a part of the system is missing that a later step needs."""
    dotted = "%d.%d" % sys.version_info[:2]
    system = sys.executable.startswith("/usr/bin/")
    debian = "python3" if system else "python" + dotted
    missing = []
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        missing.append(("Python's venv module", debian + "-venv"))
    if ros == "wheels":
        for variable, names, package in (
            ("CC", ("cc", "gcc", "clang"), "gcc"),
            ("CXX", ("c++", "g++", "clang++"), "g++"),
        ):
            asked = os.environ.get(variable, "").split()[:1]
            if not any(shutil.which(name) for name in asked or names):
                missing.append(("a C compiler" if variable == "CC" else "a C++ compiler", package))
        if not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")):
            missing.append(("Python's headers (Python.h)", debian + "-dev"))
    if missing:
        fail(
            "This system lacks " + ", ".join(what for what, _ in missing) + ".",
            "On Debian or Ubuntu: sudo apt install " + " ".join(package for _, package in missing),
        )


def make_venv(ros):
    """Make .venv, or keep it when it was made by this Python and can still run."""
    step = Step("venv", "%s %s %s %s" % (sys.version, os.path.realpath(sys.executable), VENV, ros))
    if step.current() and os.path.exists(PYTHON):
        return
    if os.path.isdir(VENV):
        say("making .venv anew: the Python, the place or the kind of ROS changed")
        shutil.rmtree(VENV)
    os.makedirs(VENV)
    command = [sys.executable, "-m", "venv", VENV]
    if ros != "wheels":
        command.append("--system-site-packages")
    run("making .venv with Python %s" % platform.python_version(), "5 s", command)
    step.done()


def install_requirements(ros):
    """Install the pinned packages."""
    names = ["run.txt", "dev.txt"] + (["ros.txt"] if ros == "wheels" else [])
    files = ["requirements/" + name for name in names]
    step = Step("requirements", digest("requirements/constraints.txt", *files))
    if step.current():
        return
    step.undo()
    command = [PYTHON, "-m", "pip", "install", "--no-input", "--progress-bar", "off", "--no-compile"]
    for name in files:
        command += ["-r", name]
    run("installing the pinned packages, 500 MB", "1 to 4 minutes", command, attempts=2)
    if ros == "wheels":
        # Two packages hold the module `lark`: the old lark-parser, which the wheels ask for, and lark, which must win.
        command = [
            PYTHON,
            "-m",
            "pip",
            "install",
            "--no-input",
            "--progress-bar",
            "off",
            "--no-deps",
            "--force-reinstall",
        ]
        run("putting lark over lark-parser", "2 s", [*command, pinned("ros.txt", "lark==")[0]], attempts=2)
    step.done()


def pinned(file, start):
    """Return the requirements of a file that begin so."""
    with open(os.path.join(ROOT, "requirements", file)) as source:
        return [line.split("#")[0].strip() for line in source if line.startswith(start)]


def name_this_python():
    """Put this Python into the wheels' exported CMake files, which name the one they were built with."""
    asked = "import sysconfig; paths = sysconfig.get_paths(); print(paths['include']); print(paths['purelib'])"
    include, purelib = subprocess.check_output([PYTHON, "-c", asked], env=clean_environment()).decode().split("\n")[:2]
    tag = "cp%d%d" % sys.version_info[:2]
    dotted = "python%d.%d" % sys.version_info[:2]
    built_with = "/opt/python/%s-%s/" % (tag, tag)
    changes = (
        (built_with + "include/" + dotted, include),
        (built_with + "lib/" + dotted + "/site-packages", purelib),
    )
    for folder, _, names in os.walk(os.path.join(VENV, "share")):
        for name in names:
            path = os.path.join(folder, name)
            if not name.endswith(".cmake"):
                continue
            with open(path, encoding="utf-8") as source:
                text = source.read()
            new = text
            for old, now in changes:
                new = new.replace(old, now)
            if new != text:
                with open(path, "w", encoding="utf-8") as target:
                    target.write(new)


def build_interfaces():
    """Build the interface packages, which exist as no wheel, into .venv."""
    wheels = pinned("ros.txt", "ros-") + pinned("constraints.txt", "ros-")
    step = Step("interfaces", digest("interfaces") + " " + " ".join(sorted(wheels)))
    if step.current():
        return
    step.undo()
    name_this_python()
    environment = clean_environment()
    environment["PATH"] = os.path.join(VENV, "bin") + os.pathsep + environment.get("PATH", "/usr/bin:/bin")
    environment["AMENT_PREFIX_PATH"] = VENV
    environment.pop("CMAKE_PREFIX_PATH", None)
    with tempfile.TemporaryDirectory(prefix="robot_fleet_interfaces_") as build:
        for name in INTERFACES:
            place = os.path.join(build, name)
            cmake = os.path.join(VENV, "bin", "cmake")
            configure = [cmake, "-G", "Ninja", "-S", os.path.join(ROOT, "interfaces", name), "-B", place]
            configure += ["-DCMAKE_PREFIX_PATH=" + VENV, "-DCMAKE_INSTALL_PREFIX=" + VENV]
            configure += ["-DPython3_EXECUTABLE=" + PYTHON, "-DPYTHON_EXECUTABLE=" + PYTHON]
            configure += ["-DBUILD_TESTING=OFF", "-DCMAKE_BUILD_TYPE=Release", "-Wno-dev"]
            run("preparing the interface package %s" % name, "10 s", configure, environment)
            compile_it = [cmake, "--build", place, "--target", "install"]
            run("building the interface package %s" % name, "30 s", compile_it, environment)
    step.done()


def install_project():
    """Install this project itself, editable, without asking a registry."""
    step = Step("project", digest("setup.py", "setup.cfg", "pyproject.toml", "package.xml"))
    if step.current() and os.path.exists(os.path.join(VENV, "bin", "robot-fleet")):
        return
    step.undo()
    command = [PYTHON, "-m", "pip", "install", "--no-input", "--no-deps", "--no-build-isolation", "-e", "."]
    run("installing robot_fleet itself", "5 s", command)
    step.done()


def main():
    """Do what is left to do."""
    check_python()
    started = time.time()
    # Two set-ups in one tree take turns. The lock lies on the folder itself, so that it leaves no file.
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another set-up is at work here; waiting for it")
        fcntl.flock(folder, fcntl.LOCK_EX)
    ros = find_ros()
    if not os.path.exists(os.path.join(STAMPS, "interfaces")):
        check_tools(ros)
    make_venv(ros)
    install_requirements(ros)
    if ros == "wheels":
        build_interfaces()
    install_project()
    if time.time() - started > 3:
        say("ready in %.0f s" % (time.time() - started))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        fail("interrupted; make setup goes on from here.")
