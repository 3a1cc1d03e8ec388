"""Flight recording: every input of an agent as text, and the same agent again from that text."""
