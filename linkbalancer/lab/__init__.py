"""The lab: the real daemon in network namespaces, real packets, every fault."""
