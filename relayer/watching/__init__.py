"""What an operator sees of the running service: logs, metrics, traces, alerts and one status. Nothing of it ever holds order content."""
