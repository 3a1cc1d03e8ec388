"""How often the agent looks at the kernel and its neighbours, beside what it is told."""

from linkbalancer.clock import MILLISECOND, SECOND, Duration

RECONCILE: Duration = 1 * SECOND
"""How often the kernel is compared with what is wanted, while that is cheap or something was missing."""

REST = 2000
"""So many times as long as a comparison took that found all as wanted, the next one waits, but for what nft loads.

Of hundreds of groups it takes milliseconds, and the kernel tells at once of nearly everything that others do.
"""

LONGEST: Duration = 3 * SECOND
"""The longest such rest: of most switches the kernel tells nothing, and they are to be right within five seconds."""

PROBE: Duration = 200 * MILLISECOND
"""How often the neighbours on the LAN are asked; three unanswered make one silent."""
