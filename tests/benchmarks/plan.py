"""Which figures there are, and how each is taken: what may run side by side does, what is small runs alone."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from linkbalancer.clock import MILLISECOND
from tests.benchmarks import (
    classified,
    cost,
    counting,
    editing,
    failover,
    following,
    linkcost,
    outages,
    quiet,
    steering,
)
from tests.benchmarks.cost import Load
from tests.benchmarks.crossing import Crossing, built, every
from tests.benchmarks.figures import Figure, Goal
from tests.benchmarks.job import Job, Series, Setting
from tests.benchmarks.outages import FAULTS, Fault, Measured
from tests.interop.makers import Gateway, Keepalived, Ours

MAKERS: dict[str, Callable[..., Gateway]] = {"ours": Ours, "peer": Keepalived}
INTERVALS_MS = (1000, 100, 10)
GROUPS = (1, 64, 255)


def jobs() -> list[Job]:
    """Return everything that can be measured."""
    found = []
    for interval_ms in INTERVALS_MS:
        found += [_outage_job(fault, interval_ms) for fault in FAULTS.values()]
    found.append(Job(("false-masters 10ms",), _false_masters, alone=True))
    found += failover.jobs()
    found += linkcost.jobs()
    found += following.jobs()
    found += classified.jobs()
    found += steering.jobs()
    found += editing.jobs()
    found += counting.jobs()
    found += [_cost_job(Load(groups, interval_ms)) for interval_ms in INTERVALS_MS[:2] for groups in GROUPS]
    return found


def chosen(words: Sequence[str]) -> list[Job]:
    """Return the jobs that have a figure with all of some words in its name."""
    return [job for job in jobs() if any(set(words) <= set(name.split()) for name in job.names)]


def run(wanted: Sequence[Job], setting: Setting) -> Iterator[Figure]:
    """Take figures; yield each when it is there."""
    together = [job for job in wanted if not job.alone]
    with ThreadPoolExecutor(max(1, len(together))) as pool:
        for task in [pool.submit(job.run, setting) for job in together]:
            yield from task.result()
    for job in wanted:
        if job.alone:
            yield from job.run(setting)


# ---------------------------------------------------------------------------------------------------------- outages


def _outage_job(fault: Fault, interval_ms: int) -> Job:
    names = [f"outage {fault.name} {interval_ms}ms"]
    if fault.returns:
        names.append(f"way-back {fault.name} {interval_ms}ms")
    return Job(
        tuple(names), lambda setting: _outages(fault, interval_ms, setting, names), alone=interval_ms < INTERVALS_MS[0]
    )


def _outages(fault: Fault, interval_ms: int, setting: Setting, names: Sequence[str]) -> list[Figure]:
    """Measure one fault for both makers, side by side unless the figures are too small for that."""
    phases = setting.phases(names[0])

    def measured(name: str) -> list[Measured]:
        @contextmanager
        def built_and_begun(files: Path) -> Iterator[Crossing]:
            with built(setting.makers[name], files, interval_ms) as crossing:
                outages.begin(crossing)
                yield crossing

        def measure(crossing: Crossing, phase: float) -> Measured:
            return outages.measure(crossing, fault, phase)

        words = f"{fault.name} {interval_ms}ms {name}"
        series = Series(words, built_and_begun, measure, lambda sample: f"{sample.outage:.1f} ms")
        return series.measured(setting, phases)

    with ThreadPoolExecutor(1 if interval_ms < INTERVALS_MS[1] else 2) as pool:
        samples = dict(zip(setting.makers, pool.map(measured, setting.makers), strict=True))
    ours, peer = (tuple(one.outage for one in samples[name]) for name in ("ours", "peer"))
    resolution = every(interval_ms) / MILLISECOND
    figures = [Figure(names[0], "ms", ours, peer, resolution, fault.goals.get(interval_ms))]
    if fault.returns:
        ours, peer = (tuple(one.way_back or 0.0 for one in samples[name]) for name in ("ours", "peer"))
        figures.append(Figure(names[1], "ms", ours, peer, resolution))
    return figures


# ----------------------------------------------------------------------------------------------- what nothing costs


def _false_masters(setting: Setting) -> list[Figure]:
    samples = {}
    for name, maker in setting.makers.items():
        files = setting.files / f"quiet-{name}"
        with built(maker, files, INTERVALS_MS[-1]) as crossing:
            outages.begin(crossing)
            samples[name] = tuple(quiet.false_masters(crossing, setting.repeat))
        setting.tell(f"false masters {name}: {sum(samples[name]):.0f}")
    return [Figure("false-masters 10ms", f"in {quiet.WINDOW_S:g} s", samples["ours"], samples["peer"], 1.0, Goal(1.0))]


def _cost_job(load: Load) -> Job:
    end = f"{load.groups}-groups {load.interval_ms}ms"
    names = tuple(f"{what} {role} {end}" for role in cost.ROLES for what in ("cpu", "memory"))
    return Job(names, lambda setting: _costs(load, setting, end), alone=True)


def _costs(load: Load, setting: Setting, end: str) -> list[Figure]:
    found = {}
    for name, maker in setting.makers.items():
        setting.tell(f"cost of {end}: {name}")
        found[name] = cost.measure(maker, setting.files / f"cost-{end.replace(' ', '-')}-{name}", load, setting.repeat)
    figures = []
    for role, goal in (("master", 2.0), ("backup", 3.0)):
        ours, peer = found["ours"][role], found["peer"][role]
        stated = load.groups == GROUPS[-1]
        figures.append(Figure(f"cpu {role} {end}", "s/s", ours.cpu, peer.cpu, 1e-5, Goal(goal) if stated else None))
        figures.append(Figure(f"memory {role} {end}", "MiB", ours.memory, peer.memory, 0.1))
    return figures
