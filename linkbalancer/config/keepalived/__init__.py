"""Keepalived's configuration language: read as keepalived.conf(5) describes it, and turned into ours."""
