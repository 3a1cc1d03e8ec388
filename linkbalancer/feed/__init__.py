"""The protocol between the agent and the application processes of one host."""
