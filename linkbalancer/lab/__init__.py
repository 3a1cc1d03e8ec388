"""The world of network namespaces: the real daemon on real packets, and the drill."""
