"""Finding the weight functions of others: what is installed beside this program, by its entry points."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points

from linkbalancer.weights.plugin import GROUP, Caught, Parameter, Plugin, asked, troubled
from linkbalancer.weights.question import Question, Reply


@dataclass(frozen=True, slots=True)
class Broken:
    """A plug-in that is installed and cannot be used; `why` says it."""

    why: str


@cache
def installed() -> tuple[str, ...]:
    """Return the names of all plug-ins."""
    return tuple(sorted({one.name for one in entry_points(group=GROUP)}))


@cache
def find(name: str) -> Plugin | Broken | None:
    """Return the plug-in of a name, None where none is installed."""
    found = list(entry_points(group=GROUP, name=name))
    if not found:
        return None
    if len({one.value for one in found}) > 1:
        return Broken(f"it is installed more than once: {', '.join(sorted(one.value for one in found))}")
    caught = Caught()
    with caught:
        loaded = found[0].load()
        plugin: Plugin = loaded() if isinstance(loaded, type) else loaded
        return _judged(name, plugin)
    return Broken(f"{found[0].value} cannot be loaded: {type(caught.error).__name__}: {caught.error}")


def loaded() -> bool:
    """Return whether code of others may be loaded in this process, for it has looked for some."""
    return find.cache_info().currsize > 0


def forget() -> None:
    """Look for what is installed again; what is loaded already stays."""
    installed.cache_clear()
    find.cache_clear()


def consult(question: Question) -> Reply:
    """Ask a plug-in, here and now: whoever calls this waits for it."""
    found = find(question.name)
    if found is None or isinstance(found, Broken):
        answer = troubled("it cannot be asked", "none is installed" if found is None else found.why)
    else:
        answer = asked(found, question.view)
    return Reply(question.link, question.view.group, question.name, answer)


def _judged(name: str, plugin: Plugin) -> Plugin | Broken:
    if plugin.name != name:
        return Broken(f"it calls itself {plugin.name!r}")
    if not callable(plugin.weight):
        return Broken("its weight cannot be called")
    parameters: object = plugin.parameters
    if not isinstance(parameters, Mapping) or not all(isinstance(one, Parameter) for one in parameters.values()):
        return Broken("its parameters are none of linkbalancer.weights.plugin.Parameter")
    return plugin
