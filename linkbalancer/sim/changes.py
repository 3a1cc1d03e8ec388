"""What changed in a world since its judges looked: most entries of the agenda change nothing that they judge."""

from linkbalancer.links import NodeName


class Changes:
    """The changes that could give a packet another fate.

    Attributes:
        gateways: Those whose kernels changed; None: anything may have changed, LANs, links, and what hosts know too.
        addresses: Whether virtual IPs moved.
    """

    def __init__(self) -> None:
        self.gateways: set[NodeName] | None = None
        self.addresses = True

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return self.gateways is None or bool(self.gateways)

    def touch(self, name: NodeName, *, addresses: bool = False) -> None:
        """Note that a gateway's kernel changed."""
        self.addresses = self.addresses or addresses
        if self.gateways is not None:
            self.gateways.add(name)

    def touch_all(self) -> None:
        """Note that anything may have changed."""
        self.gateways, self.addresses = None, True

    def clear(self) -> None:
        """Begin anew: the judges have looked."""
        self.gateways, self.addresses = set(), False

    def concern(self, gateways: tuple[NodeName, ...]) -> bool:
        """Tell whether anything changed that a packet meets which visits these gateways."""
        return self.gateways is None or not self.gateways.isdisjoint(gateways)
