"""The driver for gateways whose kernel or programs know no nftables: chains of the old iptables' table mangle."""
