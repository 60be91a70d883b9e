"""Tests of changed modules, in forks of a process that has imported all else."""

import os
import pickle
import resource
import select
import signal
import sys
import tempfile
import traceback
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from importlib.util import spec_from_file_location

import hypothesis
import pytest

MEMORY = 4 * 2**30  # bytes that a fork may ask for, beyond what it is born with
LATE = 6  # by how much the clock may run ahead of the CPU time that is allowed
hypothesis.settings.register_profile(
    "mutants",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=25,
    phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
    suppress_health_check=list(hypothesis.HealthCheck),
)
OPTIONS = ["-x", "-q", "--tb=no", "--assert=plain", "--hypothesis-profile=mutants"]
UNUSED = "cacheprovider", "xdist", "unraisableexception"


class Changed(SourceFileLoader):
    """Loads one module from a changed text; asked before all other loaders."""

    def __init__(self, name, path, source):
        super().__init__(name, path)
        self.source = source

    def find_spec(self, name, path=None, target=None):
        """A spec of the module that is changed, none of others."""
        if name == self.name:
            return spec_from_file_location(name, self.path, loader=self)

    def get_code(self, fullname):
        """The code of the changed text."""
        return compile(self.source, self.path, "exec", dont_inherit=True)


class Chosen:
    """Runs only the chosen tests, in the order given, and tells the first to fail."""

    def __init__(self, tests):
        self.rank = {test: place for place, test in enumerate(tests)}
        self.failed = None

    def pytest_collection_modifyitems(self, items):
        """Choose and order."""
        chosen = [item for item in items if item.nodeid in self.rank]
        items[:] = sorted(chosen, key=lambda item: self.rank[item.nodeid])

    def pytest_runtest_logreport(self, report):
        """Keep the name of a test that fails."""
        if report.failed:
            self.failed = report.nodeid


class Watched:
    """Keeps how long tests take, and tells `coverage` which of them runs."""

    def __init__(self, coverage):
        self.coverage = coverage
        self.seconds = {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item):
        """Each test is a context of its own."""
        self.coverage.switch_context(item.nodeid)
        yield
        self.coverage.switch_context("")

    def pytest_runtest_logreport(self, report):
        """Sum the durations of set-up, call and tear-down."""
        spent = self.seconds.get(report.nodeid, 0)
        self.seconds[report.nodeid] = spent + report.duration


def run_tests(files, plugin):
    """The exit status of pytest on some files."""
    options = OPTIONS + [f"-pno:{name}" for name in UNUSED]
    return int(pytest.main([*options, *files], plugins=[plugin]))


def run_changed(name, path, source, tests):
    """Whether a changed module passes tests, and the one that fails first."""
    sys.meta_path.insert(0, Changed(name, str(path), source))
    chosen = Chosen(tests)
    files = list(dict.fromkeys(test.split("::")[0] for test in tests))
    return run_tests(files, chosen) == 0, chosen.failed


def in_fork(work, cpu_seconds):
    """What a function returns in a fork; None if it dies, "timeout" if it goes on.

    The fork and what it has started itself are ended. What it raises is raised here.
    """
    with tempfile.NamedTemporaryFile() as file:
        process = os.fork()
        if process == 0:
            answer_and_leave(work, file, cpu_seconds)
        watch = os.pidfd_open(process)
        ended, _, _ = select.select([watch], [], [], LATE * cpu_seconds)
        os.close(watch)
        end_group(process)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        if not ended or status == -signal.SIGXCPU:
            return "timeout"
        file.seek(0)
        answer = pickle.load(file) if status == 0 else None
    if isinstance(answer, Exception):
        raise answer
    return answer


def answer_and_leave(work, file, cpu_seconds):
    """Work quietly, within limits, write the answer and end the process."""
    os.setpgid(0, 0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    limit(resource.RLIMIT_CPU, cpu_seconds)
    limit(resource.RLIMIT_AS, address_space() + MEMORY)
    try:
        answer = work()
    except Exception:
        answer = RuntimeError(traceback.format_exc())
    pickle.dump(answer, file)
    file.flush()
    os._exit(0)


def limit(kind, amount):
    """Set a limit of this process."""
    resource.setrlimit(kind, (int(amount), resource.getrlimit(kind)[1]))


def address_space():
    """Bytes of the address space of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def end_group(process):
    """Kill a fork and its own children."""
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
