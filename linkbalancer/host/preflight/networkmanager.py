"""What NetworkManager says of the devices."""

from linkbalancer.host.preflight.program import ask


def read() -> dict[str, str]:
    """Return each device's state. Raises UnseenError."""
    return parse(ask("nmcli", "-t", "-f", "DEVICE,STATE", "device", "status"))


def parse(listed: str) -> dict[str, str]:
    """Return the states of `nmcli -t -f DEVICE,STATE device status`."""
    states = {}
    for line in listed.splitlines():
        device, colon, state = line.replace("\\:", "\0").partition(":")
        if colon:
            states[device.replace("\0", ":")] = state
    return states
