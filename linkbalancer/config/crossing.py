"""What a link that crosses other routers asks of them: nothing here can see whether they do it, so it is said."""

from collections.abc import Iterator

from linkbalancer.config.model import Config


def crossing(config: Config) -> Iterator[str]:
    """Yield a sentence for each link with a `via`: packets over it keep the addresses that hosts gave them."""
    for name, link in config.links.items():
        if link.via is None:
            continue
        networks = {
            one.network
            for group in config.groups.values()
            if group.link == name
            for one in group.virtual_ips
            if one.ip.version == link.peer.version and one.device is None
        }
        here = ", ".join(map(str, sorted(networks))) or "this side's LANs"
        yield (
            f"link {name}: every router from {link.via} on must route {here} to {link.local}, and the far side's LANs "
            f"to {link.peer}; where they cannot, make the link a tunnel and leave out via"
        )
