"""What the checker's process is made of: its line to the agent, and one module for each kind of what it watches."""
