"""Our one nftables table: its text, how it is loaded, and how single elements change without any loading."""
