"""Why an advertisement is refused; the rows are those of the VRRP fact sheet, section 4, in their order."""

from enum import StrEnum


class Rejection(StrEnum):
    """The reason of a refusal, and the name of the counter that grows (RFC 6527 and ietf-vrrp names where they exist).

    A refused packet counts as never received: it moves no timer, no state, and teaches nobody's address.
    """

    PACKET_LENGTH = "packet_length"
    IP_VERSION = "ip_version"
    IP_CHECKSUM = "ip_checksum"
    FRAGMENT = "fragment"
    PROTOCOL = "protocol"
    SOURCE = "source"
    ADDRESS = "address"
    UNKNOWN_PEER = "unknown_peer"
    LOOPED = "looped"
    IP_TTL = "ip_ttl"
    VERSION = "version"
    INVALID_TYPE = "invalid_type"
    VRID = "vrid"
    CHECKSUM = "checksum"
    ZERO_COUNT = "zero_count"
    INVALID_AUTH_TYPE = "invalid_auth_type"
    AUTH_TYPE_MISMATCH = "auth_type_mismatch"
    AUTH_FAILURE = "auth_failure"
    ZERO_INTERVAL = "zero_interval"
    INTERVAL = "interval"
    FIRST_ADDRESS = "first_address"
    ADDRESS_LIST = "address_list"
    OWNER = "owner"
