"""Policy-based routing and multi-link load balancing for Linux edge gateways."""

from typing import Final

__version__: Final = "0.1.0"
