"""What a gateway of ours costs, and how long its LAN goes without it, beside Debian's Keepalived in the same run."""
