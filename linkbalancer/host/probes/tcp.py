"""TCP: a connection to a host beyond the gateway, and nothing said."""

from linkbalancer.config.upstream import Endpoint
from linkbalancer.host.probes.asking import Answer, Connecting, Path


class TcpProbe(Connecting):
    """One host and port."""

    def __init__(self, path: Path, endpoint: Endpoint) -> None:
        super().__init__(path)
        self._endpoint = endpoint

    def begin(self) -> None:
        """Begin to connect; raises OSError."""
        self.connect(self._endpoint.address, self._endpoint.port)

    def ready(self) -> Answer | None:
        """Return whether it is connected; raises OSError."""
        self.connected()
        return Answer(passed=True, text="connects")
