"""What a gateway must be able to do with the handover of balanced steps.

Within a step the kernel divides flows by itself, in the instant in which a VID begins or ceases to work: no process
points the application anew first. So whatever form it is in must do the right thing with a VID that dies. And where
hosts are kept together, the flows that a VID gets back are told from others by nothing but their slot: nobody could
begin a deadline for those alone, or delete the entries of those alone that are translated.
"""

from collections.abc import Iterator
from typing import Final

from linkbalancer.config.findings import Finding
from linkbalancer.config.rulefile import RuleFile
from linkbalancer.routing.application import Application
from linkbalancer.routing.handover import Mode
from linkbalancer.routing.sticky import Sticky

FIELDS: Final = ("failback", "handover")


def refusals(rules: RuleFile) -> Iterator[Finding]:
    """Refuse what the kernel cannot do within a balanced step, where it is written."""
    uses = {(use.line, use.field): use for use in rules.option_uses}
    for name, application in rules.applications.items():
        fault = _fault(application) if application.balanced else None
        if fault is not None:
            what, remedy = fault
            line = rules.first_line(name)
            use = next(uses[line, field] for field in FIELDS if (line, field) in uses)
            yield Finding(rules.file, use.line, use.column, f"{name} has a balanced step: {what}", remedy)


def _fault(application: Application) -> tuple[str, str] | None:
    """Return what cannot be done and the remedy, None where all can."""
    failover, failback = application.manner.failover, application.manner.failback
    if failback.mode in {Mode.DRAIN, Mode.RESET} and application.sticky is not Sticky.FLOW:
        what = f"with sticky={application.sticky} {failback} is not done when a VID of it is back"
        return what, "write failback=keep, or sticky=flow"
    if not application.manner.ends_alike:
        what = f"{failover} for a VID that dies and {failback} for one that works do not go together there"
        return what, "write failback=keep"
    return None
