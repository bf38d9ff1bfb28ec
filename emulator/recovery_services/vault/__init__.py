"""What is asked of a whole vault: its jobs, events, alerts and health."""
