"""Fuzzing: odd input to everything public, and what comes of it.

For any input there must be a result with its documented properties, or a ValueError or
TypeError that was raised on purpose. All else is unexplained: other exceptions, errors
that a library below stumbled into, warnings that are not ours, numbers that are not
finite, an estimator that is half-fitted, a case that does not end.

    python benchmarks/fuzz.py --cases 20000 --seed 0
    python benchmarks/fuzz.py --seed 0 --only 1234

A family of cases maps a generator to a description, what is to be called, and a check
of the result. Each case has a generator of its own, made of the seed and its number.
"""

import argparse
import faulthandler
import importlib
import multiprocessing
import queue
import re
import resource
import signal
import sys
import threading
import time
import traceback
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from _refusals import on_purpose, place_of

SECONDS = 20  # of the CPU that a case may take
SILENCE = 180  # seconds until a case is killed that does not hear of it
MEMORY = 4 * 2**30  # bytes that cases may take beyond what is taken at first
TRIES = 50  # to make a case
SHOWN = 3  # cases of each kind of failure
EXPLAINED_WARNINGS = (
    "the objective .* is left out",
    "the explicit feedback of .* is not known",
    "objectives leave out those of",
    ".* is not known in .* rows, which are left out",
    "the columns .* hold dates and are taken as categories",
    "pandas.DataFrame with sparse columns found",
    "X does not have valid feature names",
    "X has feature names, but",
    "A column-vector y was passed",
    "lbfgs failed to converge",
    "Ill-conditioned matrix",
    "An ill-conditioned matrix detected",
)
CASTS = (
    "sklearn/utils/_array_api.py"  # of weights to the float32 of what is beside them
)


class Outcome(NamedTuple):
    """What came of a case: its kind, and what is told of it."""

    kind: str
    explained: bool
    text: str


class TookTooLongError(BaseException):
    """A case has not ended in time."""


def families():
    """All families of cases by name, and how often each is drawn."""
    found, shares = {}, {}
    for name in ("_fuzz_estimators", "_fuzz_functions"):
        if (Path(__file__).parent / f"{name}.py").exists():
            module = importlib.import_module(name)
            found |= module.FAMILIES
            shares |= getattr(module, "SHARES", {})
    return found, [shares.get(name, 1) for name in found]


def case_of(seed, number, only=None):
    """The family of a case, and the case."""
    rng = np.random.default_rng([seed, number])
    found, shares = families()
    names = [name for name in found if only in (None, name)]
    shares = [s for name, s in zip(found, shares, strict=True) if name in names]
    name = rng.choice(names, p=np.array(shares) / sum(shares))
    for _ in range(TRIES):
        try:
            with warnings.catch_warnings(action="ignore"):
                return str(name), found[name](rng)
        except Exception:  # no library can make it
            continue
    raise RuntimeError(f"the family {name} makes no cases.")


def outcome_of(seed, number, only=None):
    """Run a case; its family, and what came of it."""
    name, (told, call, check) = case_of(seed, number, only)

    def stop(*_):
        raise TookTooLongError

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            outcome = _tried(call, check)
    except TookTooLongError as error:
        outcome = Outcome(f"hang at {place_of(error)}", False, trace_of(error))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return name, told, with_warnings(outcome, caught)


def _tried(call, check):
    try:
        check(call())
    except AssertionError as error:
        kind = re.sub(r"[-\d.e\[\] ]+$", "", str(error).split(":")[0])
        return Outcome(f"broken: {kind}", False, trace_of(error))
    except (KeyboardInterrupt, TookTooLongError):
        raise
    except BaseException as error:  # such as a panic of polars
        return refusal(error)
    return Outcome("result", True, "")


def refusal(error):
    """What an exception is."""
    if on_purpose(error):
        kind = "ValueError" if isinstance(error, ValueError) else "TypeError"
        return Outcome(kind, True, str(error))
    kind = f"{type(error).__name__} at {place_of(error)}"
    return Outcome(kind, False, trace_of(error))


def with_warnings(outcome, caught):
    """An outcome, unexplained if there was a warning that is not ours."""
    odd = [
        warning
        for warning in caught
        if not any(re.match(e, str(warning.message)) for e in EXPLAINED_WARNINGS)
        and not (
            warning.filename.endswith(CASTS) and "overflow" in str(warning.message)
        )
    ]
    if not odd or not outcome.explained:
        return outcome
    first = odd[0]
    where = "/".join(Path(first.filename).parts[-2:])
    kind = f"{first.category.__name__} at {where}:{first.lineno}"
    return Outcome(kind, False, str(first.message))


def trace_of(error):
    """The whole of an exception as text."""
    return "".join(traceback.format_exception(error))


def work(seed, numbers, only, pipe):
    """Run cases, and tell of each before and after."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    for number in numbers:
        pipe.send((number, None))
        pipe.send((number, outcome_of(seed, number, only)))
    pipe.send((None, None))


def run(seed, numbers, only):
    """Outcomes of cases, which run in a process that is replaced where it hangs."""
    context, numbers = multiprocessing.get_context("fork"), list(numbers)
    while numbers:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(seed, numbers, only, theirs))
        process.start()
        theirs.close()
        number = numbers[0]
        try:
            while ours.poll(SILENCE):
                number, outcome = ours.recv()
                if number is None:
                    process.join()
                    return
                if outcome is not None:
                    yield number, *outcome
            kind = "hang that hears nothing"
        except EOFError:
            process.join()
            kind = f"crash with exit code {process.exitcode}"
        process.kill()
        process.join()
        name, (told, *_) = case_of(seed, number, only)
        yield number, name, told, Outcome(kind, False, "")
        numbers = numbers[numbers.index(number) + 1 :]


def side_by_side(seed, numbers, only, jobs):
    """Outcomes of cases, of several processes at a time."""
    found = queue.SimpleQueue()

    def put(part):
        for outcome in run(seed, part, only):
            found.put(outcome)
        found.put(None)

    for first in range(jobs):
        threading.Thread(target=put, args=(numbers[first::jobs],), daemon=True).start()
    while jobs:
        outcome = found.get()
        if outcome is None:
            jobs -= 1
        else:
            yield outcome


def until_stopped(outcomes):
    """Outcomes until there are no more, or the fuzzer is told to stop."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield from outcomes
    except KeyboardInterrupt:
        print("stopped before the last case")


def report(outcomes):
    """Tell of outcomes; whether all are explained."""
    table, failures = defaultdict(Counter), defaultdict(list)
    for number, name, told, outcome in outcomes:
        column = outcome.kind if outcome.explained else "unexplained"
        table[name][column] += 1
        if not outcome.explained:
            failures[name, outcome.kind].append((number, told, outcome.text))
    for (name, kind), cases in sorted(failures.items(), key=lambda f: -len(f[1])):
        print(f"\n== {name}: {kind}: {len(cases)} cases")
        for number, told, _ in cases[:SHOWN]:
            print(f"   {number}: {told}")
        print("   " + cases[0][2][-700:].strip().replace("\n", "\n   "))
    columns = ["result", "ValueError", "TypeError", "unexplained"]
    rows = [(name, [counts[c] for c in columns]) for name, counts in table.items()]
    total = [sum(row[i] for _, row in rows) for i in range(len(columns))]
    print(f"\n{'family':24}" + "".join(f"{c:>13}" for c in columns))
    for name, row in [*sorted(rows), ("all", total)]:
        print(f"{name:24}" + "".join(f"{number:13}" for number in row))
    print(f"unexplained: {total[-1]} of {sum(total)}")
    return not failures


def main():
    """Run the fuzzer from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--family", help="the only family to draw cases from")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--only", type=int, help="number of the only case to run")
    options = parser.parse_args()
    faulthandler.enable()
    families()
    if options.only is not None:
        name, told, outcome = outcome_of(options.seed, options.only, options.family)
        print(f"{name}: {told}\n{outcome.kind}\n{outcome.text}")
        sys.exit(not outcome.explained)
    began = time.monotonic()
    numbers = range(options.first, options.first + options.cases)
    chosen = options.seed, numbers, options.family, options.jobs
    explained = report(until_stopped(side_by_side(*chosen)))
    print(f"{options.cases / (time.monotonic() - began):.1f} cases per second")
    sys.exit(not explained)


if __name__ == "__main__":
    main()
