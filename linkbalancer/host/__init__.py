"""Observing this computer: devices, adverts, datagrams. Nothing here changes it."""
