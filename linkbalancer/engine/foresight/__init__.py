"""What is settled after which failures, decided from configurations alone: no gateway is asked."""
