"""How often the agent looks at the kernel and its neighbours, beside what it is told."""

from linkbalancer.clock import MILLISECOND, SECOND, Duration

RECONCILE: Duration = 1 * SECOND
"""How often the kernel is compared with what is wanted, while that is cheap or something was missing."""

REST = 2000
"""So many times as long as a comparison took that found all as wanted, the next one waits, but for what nft loads.

Of hundreds of groups it takes milliseconds, and the kernel tells at once what addresses, rules and routes others take
away.
"""

SOON: Duration = 50 * MILLISECOND
"""How soon after something of ours was removed: several removals are mended in one go."""

PROBE: Duration = 200 * MILLISECOND
"""How often the neighbours on the LAN are asked; three unanswered make one silent."""
